"""Batches on their way to the provider and back: who may leave, who has come back, who flies again.

Everything but the calls themselves is done by the caller's thread. The calls are a team's: `Alone` makes each at once,
`Crew` in threads of its own, and a simulation in no time at all.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from config import logs
from rag import embeddings, interruption, throttle

T = TypeVar("T")
Call = Callable[[], tuple[Any, throttle.Answer]]  # the result, and what was told besides; raises EmbeddingError

TRIES = 5  # of one batch
REFUSED_TRIES = 8  # of one that is refused for its rate while nothing lands: its waits outlast a minute's window
MOST_TRIES = 50  # of one that is refused while others land
MOST_RETRY_AFTER = 120.0  # seconds; asked to wait longer, the run ends and is tried again later
LONGEST_LOOK = 5.0  # seconds of waiting at a stretch, and between two times of being idle
PATIENCE = 1.0  # seconds for threads to notice that they are not waited for


@dataclass(kw_only=True)
class Flight(Generic[T]):
    """A batch and what came of it: `result` or `error`, and what the answer told besides. `behind`: answers that others
    had had when it last failed; `failures`: since one of these."""

    items: list[T]
    tokens: int
    tries: int = 0
    failures: int = 0
    behind: int = 0
    departure: throttle.Departure | None = None
    result: Any = None
    error: Exception | None = None
    told: throttle.Answer = field(default_factory=throttle.Answer)

    def take_off(self, call: Call) -> None:
        """Make the call and keep what comes of it."""
        self.result = self.error = None
        try:
            self.result, self.told = call()
        except embeddings.EmbeddingError as error:
            self.error, self.told = error, throttle.Answer(quota=error.quota)
        except Exception as error:  # noqa: BLE001 — who waits for the flight raises it
            self.error = error


class Team(Protocol[T]):
    """Who makes the calls, and whose time it is."""

    def now(self) -> float: ...

    def launch(self, flight: Flight[T], call: Call) -> None:
        """Have the call made; the flight comes out of `landed`."""

    def landed(self, seconds: float) -> Flight[T] | None:
        """The next flight that is back, waited for so long."""


@dataclass(kw_only=True)
class Flights(Generic[T]):
    """`send` is called with each batch that may leave, and launches it. `note` is told why something waits; `idle` is
    called now and then while nothing comes back.

    `admits` is asked before each leaves: one that it does not let leave now stays until another has landed, so that
    it raises when there is none. `failed` is told of every failure but an InputRefused, before the batch flies again.
    """

    packer: throttle.Packer[T]
    pace: throttle.Pace
    team: Team[T]
    send: Callable[[Flight[T]], None]
    note: Callable[[str], None] = lambda sentence: None
    idle: Callable[[], None] = lambda: None
    admits: Callable[[Flight[T]], bool] = lambda flight: True
    failed: Callable[[Flight[T], Exception], None] = lambda flight, error: None
    _waiting: deque[Flight[T]] = field(default_factory=deque, init=False)  # packed, and not in flight
    _aloft: int = field(default=0, init=False)
    _items_aloft: int = field(default=0, init=False)
    _answers: int = field(default=0, init=False)
    _look_at: float = field(default=float("-inf"), init=False)
    _fatal: Exception | None = field(default=None, init=False)

    def landed(self) -> Iterator[Flight[T]]:
        """Every flight that is over, as they end: answered, or with an InputRefused.

        Raises what cannot pass, or did not; the answers that are back by then come first, for they are paid.
        """
        while True:
            wait = self._launch()
            if not self._aloft and not self._waiting and not self._fatal:
                return
            flight = self.team.landed(0.0 if self._fatal else min(wait, LONGEST_LOOK))
            if flight is not None and self._is_over(flight):
                yield flight
            elif flight is None and self._fatal:
                raise self._fatal
            elif flight is None and self.team.now() >= self._look_at:
                self._look_at = self.team.now() + LONGEST_LOOK
                self.idle()

    def again(self, items: list[T], tokens: int) -> None:
        """Have these fly, before anything else does."""
        self._waiting.appendleft(Flight(items=items, tokens=tokens))

    def _launch(self) -> float:
        """Let all leave that may; seconds until the next may, when that is a matter of time."""
        while not self._fatal and self._pack():
            flight = self._waiting[0]
            if self._aloft >= self.pace.flights or not self._has_room(flight):
                break
            now = self.team.now()
            if wait := self.pace.wait(flight.tokens, now):
                return wait
            if not self.admits(flight):
                break
            self._waiting.popleft()
            flight.departure = self.pace.sent(flight.tokens, now)
            self._aloft += 1
            self._items_aloft += len(flight.items)
            self.send(flight)
        return float("inf")

    def _pack(self) -> bool:
        """Whether there is one to launch."""
        if not self._waiting:
            items, tokens = self.packer.take(self.pace.items, self.pace.tokens)
            if items:
                self._waiting.append(Flight(items=items, tokens=tokens))
        return bool(self._waiting)

    def _has_room(self, flight: Flight[T]) -> bool:
        return not self._aloft or self._items_aloft + len(flight.items) <= self.pace.limits.items_in_flight

    def _is_over(self, flight: Flight[T]) -> bool:
        """Tell the pace how it went. What failed in passing flies again."""
        self._aloft -= 1
        self._items_aloft -= len(flight.items)
        assert flight.departure is not None  # noqa: S101 — it was launched
        if flight.error is None or isinstance(flight.error, embeddings.InputRefused):
            self._answers += 1
            self.pace.landed(flight.departure, flight.told.tokens, flight.told.quota, self.team.now())
            return True
        self.failed(flight, flight.error)
        self._fly_again(flight, flight.error, flight.departure)
        return False

    def _fly_again(self, flight: Flight[T], error: Exception, departure: throttle.Departure) -> None:
        refused = isinstance(error, embeddings.RateLimited)
        if refused and flight.behind < self._answers:
            flight.failures = 0  # there is a way through, and a smaller one may have found it first
        flight.tries, flight.failures, flight.behind = flight.tries + 1, flight.failures + 1, self._answers
        if not isinstance(error, embeddings.EmbeddingError) or error.permanent:
            self._fatal = self._fatal or error
            return
        wait = self.pace.failed(departure, flight.told.quota, error.retry_after, self.team.now(), refused=refused)
        is_given_up = flight.failures >= (REFUSED_TRIES if refused else TRIES) or flight.tries == MOST_TRIES
        if is_given_up or (error.retry_after or 0) > MOST_RETRY_AFTER:
            self._fatal = self._fatal or error
            return
        self._waiting.appendleft(flight)
        if wait is not None:
            self.note(f"{error} Trying again in {wait:.0f} s.")


class Alone(Generic[T]):
    """One call after the other, in the caller's thread."""

    def __init__(self, stopping: interruption.Interruption) -> None:
        self._stopping = stopping
        self._back: deque[Flight[T]] = deque()

    def now(self) -> float:
        return time.monotonic()

    def launch(self, flight: Flight[T], call: Call) -> None:
        with self._stopping.waiting():
            flight.take_off(call)
        self._back.append(flight)

    def landed(self, seconds: float) -> Flight[T] | None:
        if self._back:
            return self._back.popleft()
        self._stopping.sleep(seconds)
        return None

    def close(self) -> None:
        """Nothing is ever left in flight."""


class Crew(Generic[T]):
    """Threads that make calls and do nothing else: no database, no signals."""

    def __init__(self, size: int, stopping: interruption.Interruption) -> None:
        self._size, self._stopping = size, stopping
        self._ending = interruption.Ending()
        self._tasks: queue.SimpleQueue[tuple[Flight[T], Call] | None] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[Flight[T]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def now(self) -> float:
        return time.monotonic()

    def launch(self, flight: Flight[T], call: Call) -> None:
        if len(self._threads) < self._size:
            # A daemon, so that a call that does not end does not keep the process.
            thread = threading.Thread(target=logs.carried(self._work), name="embedding", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._tasks.put((flight, call))

    def landed(self, seconds: float) -> Flight[T] | None:
        with self._stopping.waiting():
            try:
                return self._back.get(timeout=max(0.0, min(seconds, self._stopping.seconds_left)))
            except queue.Empty:
                self._stopping.check()
                return None

    def close(self) -> None:
        """End what is in flight. Its connections are shut down, so that the provider, too, knows."""
        self._ending.end()
        for _ in self._threads:
            self._tasks.put(None)
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        with self._ending.current():
            while task := self._tasks.get():
                flight, call = task
                if not self._ending.is_over:
                    flight.take_off(call)
                    self._back.put(flight)
