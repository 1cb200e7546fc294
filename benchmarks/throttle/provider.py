"""A simulated provider of embeddings: its limits, its time, and what its headers say. No second of it is waited."""

import heapq
import itertools
from dataclasses import dataclass, field
from random import Random
from typing import Any

from rag.throttle import Allowance, Answer, Quota

Event = tuple[Any, ...]  # what happens, and to what


@dataclass(frozen=True, kw_only=True)
class Tier:
    """Requests and tokens a minute, as OpenAI publishes them for text-embedding-3-small."""

    name: str
    requests: int
    tokens: int


TIERS = (
    Tier(name="1", requests=3_000, tokens=1_000_000),
    Tier(name="3", requests=5_000, tokens=5_000_000),
    Tier(name="5", requests=10_000, tokens=10_000_000),
)


@dataclass(kw_only=True)
class Meter:
    """One limit, enforced over `window` seconds: by a window that begins anew, or trickling (a token bucket)."""

    limit: int  # a minute
    window: float
    trickles: bool
    _level: float = field(default=0.0, init=False)  # used
    _at: float = field(default=0.0, init=False)

    @property
    def capacity(self) -> float:
        return self.limit * self.window / 60

    def fits(self, units: float, now: float) -> bool:
        if self.trickles:
            self._level = max(0.0, self._level - (now - self._at) * self.limit / 60)
        elif int(now / self.window) != int(self._at / self.window):
            self._level = 0.0
        self._at = now
        return self._level + units <= self.capacity

    def take(self, units: float) -> None:
        self._level += units

    def until(self, units: float, now: float) -> float:
        """Seconds until so many fit."""
        if self.trickles:
            return max(0.0, (self._level + units - self.capacity) * 60 / self.limit)
        return self.window - now % self.window

    def said(self, now: float) -> Allowance:
        reset = self._level * 60 / self.limit if self.trickles else self.window - now % self.window
        return Allowance(limit=self.limit, remaining=int(max(0.0, self.capacity - self._level)), reset=reset)


@dataclass(kw_only=True)
class Provider:
    """`says`: what its headers tell of: the "window" that it enforces, the "minute" whatever it enforces, or "nothing".

    With a refusal comes Retry-After, but where nothing is told.
    """

    tier: Tier
    window: float
    trickles: bool
    random: Random
    says: str = "window"
    accepted: int = 0
    refused: int = 0
    tokens: int = 0

    def __post_init__(self) -> None:
        self._requests = Meter(limit=self.tier.requests, window=self.window, trickles=self.trickles)
        self._tokens = Meter(limit=self.tier.tokens, window=self.window, trickles=self.trickles)
        self._shown = Meter(limit=self.tier.tokens, window=60, trickles=True)

    def ask(self, tokens: int, now: float) -> tuple[bool, Answer, float | None]:
        """Whether it is done, what is said, and Retry-After. A refused request counts as one, without its tokens."""
        fits = self._requests.fits(1, now), self._tokens.fits(tokens, now)
        if all(fits):
            self._requests.take(1)
            self._tokens.take(tokens)
            self._shown.fits(0, now)
            self._shown.take(tokens)
            self.accepted += 1
            self.tokens += tokens
            return True, Answer(tokens=tokens, quota=self._quota(now)), None
        wait = max(self._requests.until(1, now), self._tokens.until(tokens, now))
        self._requests.take(1 if fits[0] else 0)
        self.refused += 1
        return False, Answer(quota=self._quota(now)), None if self.says == "nothing" else wait

    def _quota(self, now: float) -> Quota | None:
        if self.says == "nothing":
            return None
        tokens = self._shown if self.says == "minute" else self._tokens
        return Quota(requests=self._requests.said(now), tokens=tokens.said(now))

    def way_there(self) -> float:
        """Seconds until a request is counted."""
        return self.random.uniform(0.02, 0.06)

    def work(self, tokens: int) -> float:
        """Seconds until the answer is back; one in fifty takes long."""
        seconds = self.random.uniform(0.12, 0.3) + tokens * 4e-6
        return seconds * (self.random.uniform(2, 6) if self.random.random() < 0.02 else 1)


class Time:
    """A virtual clock and what is going to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def at(self, when: float, event: Event) -> None:
        heapq.heappush(self._events, (when, next(self._order), event))

    def next(self, latest: float) -> Event | None:
        """The next event, or None and the time is `latest`."""
        if not self._events or self._events[0][0] > latest:
            self.now = max(self.now, latest)
            return None
        self.now, _, event = heapq.heappop(self._events)
        return event
