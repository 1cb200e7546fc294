"""Whether it is worth asking a provider now: not while it is known to be down, and then one question at a time.

Pure but for its lock: the clock and the jitter are handed in. Closed, every question goes to the provider. Opened by
failures, none does until it has cooled down; then one question is let through, and what comes of it decides.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

FAILURES = 3  # one after the other
# Seconds. With the jitter and a probe that times out, a provider is back within a minute of its recovery.
FIRST_COOLING, LONGEST_COOLING = 5.0, 20.0  # doubled each time that the probe fails too
COOLING_WHEN_STOPPED = 40.0  # no credit, a wrong key: that somebody has to mend
JITTER = 0.25  # of a cooling more at most, so that the processes do not probe together
PROBE_LASTS = 60.0  # longer than any: one that never ends does not keep the others out
BRIEF = 2.0  # seconds that a probe may be silent where a visitor waits for it
PATIENT = 3  # every third probe is waited for as long as any other question: a slow provider comes back too


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a question: `failed`, and until somebody acts (`lasting`) or for `retry_after` seconds."""

    failed: bool = False
    lasting: bool = False
    retry_after: float | None = None


ANSWERED = Verdict()


@dataclass(frozen=True, eq=False)
class Ticket:
    """A question that was let through. `probe`: of how many one after the other, 0 for a usual one."""

    probe: int = 0

    def patience(self, usual: float) -> float:
        """Seconds until its first words."""
        return usual if self.probe % PATIENT == 0 else min(usual, BRIEF)


class Breaker:
    """One provider's, in one process. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        """`clock`: seconds that never go back; `jitter`: 0…1."""
        self._clock, self._jitter = clock, jitter
        self._lock = threading.Lock()
        self._failures = 0
        self._opened = 0  # times since it was closed
        self._closed_again_at: float | None = None  # None while it is closed
        self._probe: Ticket | None = None
        self._probe_ends = 0.0

    @property
    def is_open(self) -> bool:
        return self._closed_again_at is not None

    def enter(self) -> Ticket | None:
        """A ticket for a question, to be handed to `leave` whatever happens; None: ask somebody else."""
        with self._lock:
            if self._closed_again_at is None:
                return Ticket()
            now = self._clock()
            if now < self._closed_again_at or (self._probe and now < self._probe_ends):
                return None
            self._probe, self._probe_ends = Ticket(probe=self._opened), now + PROBE_LASTS
            return self._probe

    def leave(self, ticket: Ticket, verdict: Verdict | None) -> None:
        """None: nothing was learnt, as when the visitor left."""
        with self._lock:
            was_probe = ticket is self._probe
            if was_probe:
                self._probe = None
            if verdict is None:
                return
            if not verdict.failed:
                self._close()
            elif was_probe or self._closed_again_at is None:  # else one that was asked before it opened
                self._failed(verdict)

    def _close(self) -> None:
        self._failures = self._opened = 0
        self._closed_again_at = self._probe = None

    def _failed(self, verdict: Verdict) -> None:
        self._failures += 1
        told_when = verdict.retry_after is not None and verdict.retry_after > FIRST_COOLING
        if self._failures >= FAILURES or verdict.lasting or told_when:
            self._opened += 1
            self._closed_again_at = self._clock() + self._cooling(verdict) * (1 + JITTER * self._jitter())

    def _cooling(self, verdict: Verdict) -> float:
        if verdict.lasting:
            return COOLING_WHEN_STOPPED
        usual = min(LONGEST_COOLING, FIRST_COOLING * 2.0 ** (self._opened - 1))
        return min(COOLING_WHEN_STOPPED, max(usual, verdict.retry_after or 0))


class Breakers:
    """One for each model of this process: by the model and not by its name, for with another key it is another one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[object, Breaker] = WeakKeyDictionary()

    def of(self, model: object) -> Breaker:
        with self._lock:
            if model not in self._known:
                self._known[model] = Breaker(self._clock, random.random)
            return self._known[model]

    def forget(self) -> None:
        """Close all of them."""
        with self._lock:
            self._known.clear()
