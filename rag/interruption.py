"""Stopping early and cleanly: on SIGTERM or Ctrl-C, and when the time that was given is over.

Work is cut only where it waits (a provider's answer, git, a pause) or between two steps, never inside a database write.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType


class Interrupted(BaseException):
    """Asked to stop. Like KeyboardInterrupt it is no Exception, so that no handler of errors takes it for one."""


class Interruption:
    """One run's reasons to stop. `check()` and `sleep()` raise Interrupted when there is one."""

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = None if seconds is None else clock() + seconds
        self._waiting = False
        self.requested = False

    @property
    def seconds_left(self) -> float:
        return float("inf") if self._deadline is None else self._deadline - self._clock()

    @property
    def due(self) -> bool:
        return self.requested or self.seconds_left <= 0

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Inside, the time is over after `seconds` at the latest."""
        outer, end = self._deadline, self._clock() + seconds
        self._deadline = end if outer is None else min(outer, end)
        try:
            yield
        finally:
            self._deadline = outer

    def check(self) -> None:
        if self.due:
            raise Interrupted

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, a signal stops the wait at once. No database work belongs in here."""
        self.check()
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False

    def sleep(self, seconds: float) -> None:
        with self.waiting():
            time.sleep(max(0.0, min(seconds, self.seconds_left)))
        self.check()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask to stop; a second one of them ends the process the usual way."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, signal.SIG_DFL)
        if self._waiting:
            raise Interrupted


class Ended(Exception):
    """Nobody waits for this call any more."""


class Ending:
    """Ends from one thread what others wait for. Those say, while they wait, what wakes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: set[Callable[[], None]] = set()
        self.is_over = False

    def end(self) -> None:
        with self._lock:
            self.is_over = True
            wakers = list(self._wakers)
            for wake in wakers:
                wake()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Inside, waits of this thread that are `wakeable` are ended by it."""
        token = _ending.set(self)
        try:
            yield
        finally:
            _ending.reset(token)

    @contextmanager
    def wakeable(self, wake: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            if self.is_over:
                raise Ended(Ended.__doc__)
            self._wakers.add(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.discard(wake)


_ending: ContextVar[Ending | None] = ContextVar("_ending", default=None)


@contextmanager
def wakeable(wake: Callable[[], None]) -> Iterator[None]:
    """Inside, this thread waits, and `wake` ends that. Raises Ended when it was ended before."""
    ending = _ending.get()
    if ending is None:
        yield
        return
    with ending.wakeable(wake):
        yield
