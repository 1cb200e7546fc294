"""What is logged: a JSON object a line where machines read it, a plain line where people do.

Each says which request or which run it belongs to, and none says a key, a password or where the database is. What
visitors and repositories wrote can forge no line: whatever could begin one is escaped.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from config import masking

P = ParamSpec("P")
T = TypeVar("T")
LONGEST = 10_000  # characters of a message; of a traceback the last ones, twice as many
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


def for_gunicorn(own: dict[str, Any]) -> dict[str, Any]:
    """gunicorn's logging: its lines go where the site's go, in the same form."""
    error = {"level": "INFO", "handlers": [], "propagate": True}
    # Logs of access are the proxy's to keep: they say who asked for what.
    access = error | {"level": "CRITICAL"}
    return own | {"loggers": own["loggers"] | {"gunicorn.error": error, "gunicorn.access": access}}


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
