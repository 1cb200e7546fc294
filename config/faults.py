"""Points at which a test lets the program fail, to show that nothing is lost there. Otherwise they do nothing.

    FAULT=name:n:how    at the n-th passing of the point `name`: KILL, TERM, STOP (signals to this process itself),
                        RAISE (an error that nobody expects) or SLEEP

Heeded only with DEBUG and FAULT_TESTING=yes; without them it is an error of `manage.py check`, and so of every command.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

POINTS = (
    "claimed",
    "before-clone",
    "mid-clone",  # in each conversation with the host: the look for the commit, then the fetch
    "after-clone",
    "after-listing",
    "mid-chunking",  # after each file
    "adding-files",  # inside the transaction
    "before-embedding",
    "embedding-in-flight",  # the provider has begun its answer
    "returned-not-saved",
    "saving",  # inside the transaction
    "saved-before-progress",
    "between-batches",
    "last-batch",
    "clone-removed",
    "before-validating",
    "before-flip",
    "flipping",  # inside the transaction
    "mid-cleanup",  # inside the same one: half of what is old is gone
    "after-flip",
)
SLEEP_SECONDS = 5.0


class Raised(Exception):
    """What RAISE raises."""


@dataclass(kw_only=True)
class Fault:
    """What is to happen at the `nth` passing of the point `name`."""

    name: str
    nth: int
    how: str
    _passed: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def reach(self, name: str) -> None:
        if name != self.name:
            return
        with self._lock:
            self._passed += 1
            is_due = self._passed == self.nth
        if is_due:
            sys.stderr.write(f"Fault {self.name}:{self.nth}:{self.how}\n")
            sys.stderr.flush()
            _ACTS[self.how]()


def point(name: str) -> None:
    """Fail here, if this is where it is wanted."""
    if _armed is not None:
        _armed.reach(name)


def is_refused() -> bool:
    """Whether FAULT is set in a place where it is not heeded."""
    return bool(os.environ.get("FAULT")) and not _is_allowed()


def parsed(wanted: str) -> Fault:
    """Raises ImproperlyConfigured."""
    name, nth, how, *rest = [*wanted.split(":"), "", ""]
    if name not in POINTS or not nth.isdigit() or not int(nth) or how not in _ACTS or any(rest):
        raise ImproperlyConfigured(f"FAULT={wanted!r} is not name:n:how; config/faults.py has the names.")
    return Fault(name=name, nth=int(nth), how=how)


def _is_allowed() -> bool:
    return bool(settings.DEBUG) and os.environ.get("FAULT_TESTING") == "yes"


def _signal(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def _raise() -> None:
    raise Raised("A fault that a test has asked for.")


_ACTS: dict[str, Callable[[], None]] = {
    "KILL": partial(_signal, signal.SIGKILL),
    "TERM": partial(_signal, signal.SIGTERM),
    "STOP": partial(_signal, signal.SIGSTOP),
    "RAISE": _raise,
    "SLEEP": partial(time.sleep, SLEEP_SECONDS),
}
_armed = parsed(os.environ["FAULT"]) if os.environ.get("FAULT") and _is_allowed() else None
