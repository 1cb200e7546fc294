"""What is logged: a JSON object a line where machines read it, a plain line where people do.

Each says which request or which run it belongs to, and none says a key, a password or where the database is. What
visitors and repositories wrote can forge no line: whatever could begin one is escaped.
"""

import json
import logging
import logging.config
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from config import masking

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

P = ParamSpec("P")
T = TypeVar("T")
LONGEST = 10_000  # characters of a message; of a traceback the last ones, twice as many
logger = logging.getLogger(__name__)
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # a terminal or a reader


def begin(**facts: object) -> None:
    """From here on this thread logs about this and nothing else."""
    _about.set(_texts(facts))


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """What is logged in the block is also about this."""
    token = _about.set({**_about.get(), **_texts(facts)})
    try:
        yield
    finally:
        _about.reset(token)


def also(**facts: object) -> None:
    """Until that block ends, about this, too."""
    _about.set({**_about.get(), **_texts(facts)})


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """`function` for another thread, which then logs about what this one does now."""
    context = copy_context()

    def run(*arguments: P.args, **options: P.kwargs) -> T:
        return context.run(function, *arguments, **options)

    return run


class Json(logging.Formatter):
    """An object a line: time (UTC), level, logger, message, what it is about, and the error's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname, "logger": record.name, "message": _message(record), **_about.get(),
        }  # fmt: skip
        if isinstance(status := getattr(record, "status_code", None), int):
            facts["status"] = str(status)
        if traceback := _traceback(self, record):
            facts["error"] = traceback
        return json.dumps(facts)  # ASCII: everything else is escaped, what steers terminals included


class Line(logging.Formatter):
    """`time LEVEL logger: message [about]`, and the error's traceback, indented."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _about.get().items())
        message = _message(record) + (f" [{facts}]" if facts else "")
        lines = [f"{self.formatTime(record)} {record.levelname} {record.name}: {message}"]
        lines += [f"    {line}" for line in _traceback(self, record).split("\n") if line]
        return "\n".join(_STEERS.sub(_escaped, line) for line in lines)


def settings(form: str, level: str) -> dict[str, Any]:
    """Django's LOGGING. `form`: json or line."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "config.logs.Json"}, "line": {"()": "config.logs.Line"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},  # its own console handler would say everything twice
            **{name: {"level": "WARNING"} for name in ("httpx", "httpx2")},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG. What nobody catches becomes a line of the log, too: Python would print it unmasked.

    Who has set a hook already, as pytest does to fail a test, keeps it.
    """
    logging.config.dictConfig(settings)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _uncaught_in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable


def for_gunicorn(own: dict[str, Any]) -> dict[str, Any]:
    """gunicorn's logging: its lines go where the site's go, in the same form."""
    error = {"level": "INFO", "handlers": [], "propagate": True}
    # Logs of access are the proxy's to keep: they say who asked for what.
    access = error | {"level": "CRITICAL"}
    return own | {"loggers": own["loggers"] | {"gunicorn.error": error, "gunicorn.access": access}}


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if hasattr(sys, "ps1") or not issubclass(kind, Exception):  # at somebody's prompt; Ctrl-C
        sys.__excepthook__(kind, error, traceback)
    else:
        logger.critical("Nobody caught this", exc_info=(kind, error, traceback))


def _uncaught_in_thread(about: threading.ExceptHookArgs) -> None:
    if about.exc_value is not None and not issubclass(about.exc_type, SystemExit):
        name = about.thread.name if about.thread else "that has ended"
        logger.error("The thread %s broke", name, exc_info=(about.exc_type, about.exc_value, about.exc_traceback))


def _unraisable(about: "UnraisableHookArgs") -> None:
    """Of a destructor, mostly. Its object is not told: it may hold anything."""
    if about.exc_value is not None:
        kind = type(about.object).__name__
        logger.error("Ignored, in %s", kind, exc_info=(about.exc_type, about.exc_value, about.exc_traceback))


def _texts(facts: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 — its arguments do not fit, or cannot be told: logging would print them unmasked
        message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return masking.beginning(message, LONGEST)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return masking.ending(formatter.formatException(record.exc_info), 2 * LONGEST)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
