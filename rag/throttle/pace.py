"""When the next batch may leave, and how large it is to be.

`Steady` is the guide's: one call after the other, `delay` seconds apart. Another pace keeps several in flight: see
`adaptive`. Both are told what leaves and how each ends; the caller keeps the time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from rag.throttle import waits
from rag.throttle.bucket import NEVER
from rag.throttle.quota import Quota


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most of one batch, and of what is in flight at once: batches and texts."""

    items: int
    tokens: int
    flights: int = 1
    items_in_flight: int = 2_048  # an answer takes some 30 KB a text while it is read


@dataclass(kw_only=True)
class Departure:
    """What left, when, and what had been sent before it."""

    tokens: float
    at: float
    requests_before: int
    tokens_before: float


class Pace(Protocol):
    """Seconds are those of one clock, whose time is passed in as `now`; tokens are the caller's estimates."""

    @property
    def limits(self) -> Limits: ...
    @property
    def items(self) -> int:
        """The most texts of the next batch."""

    @property
    def tokens(self) -> float:
        """The most tokens of the next batch, by the caller's estimate."""

    @property
    def flights(self) -> int:
        """How many batches may be in flight now."""

    def wait(self, tokens: int, now: float) -> float:
        """Seconds until a batch of so many tokens may leave."""

    def sent(self, tokens: int, now: float) -> Departure:
        """It leaves."""

    def landed(self, departure: Departure, billed: int, quota: Quota | None, now: float) -> None:
        """It was answered. `billed`: tokens as the provider counts them, 0 when it did not take the texts."""

    def failed(
        self, departure: Departure, quota: Quota | None, retry_after: float | None, now: float, *, refused: bool
    ) -> float | None:
        """It was refused, or failed in passing; the seconds for which nothing leaves now, when that is worth a word."""


@dataclass(kw_only=True)
class Steady:
    """`delay` seconds between the end of a call and the next."""

    limits: Limits
    delay: float
    jitter: Callable[[], float]
    flights: int = field(default=1, init=False)
    _failures: int = field(default=0, init=False)  # in a row
    _from: float = field(default=NEVER, init=False)

    @property
    def items(self) -> int:
        return self.limits.items

    @property
    def tokens(self) -> float:
        return self.limits.tokens

    def wait(self, tokens: int, now: float) -> float:
        return max(0.0, self._from - now)

    def sent(self, tokens: int, now: float) -> Departure:
        return Departure(tokens=tokens, at=now, requests_before=0, tokens_before=0)

    def landed(self, departure: Departure, billed: int, quota: Quota | None, now: float) -> None:
        self._failures = 0
        self._from = now + self.delay

    def failed(
        self, departure: Departure, quota: Quota | None, retry_after: float | None, now: float, *, refused: bool
    ) -> float:
        self._failures += 1
        seconds = waits.backoff(self._failures, retry_after, self.jitter())
        self._from = now + max(seconds, self.delay)
        return seconds
