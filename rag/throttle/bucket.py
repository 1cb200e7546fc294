"""A rate that is kept, and what is left of an allowance."""

from dataclasses import dataclass, field

from rag.throttle.quota import Allowance

NEVER = float("-inf")


@dataclass(kw_only=True)
class Bucket:
    """Lets `rate` units a second through; what a pause left unused is kept for `burst` seconds and then lost.

    A token bucket told by the time at which it is full again instead of by its level: whoever takes more than there is
    puts the next one off, so that any size fits through.
    """

    rate: float
    burst: float
    _owed_until: float = field(default=NEVER, init=False)

    def wait(self, now: float) -> float:
        """Seconds until the next may go."""
        return max(0.0, self._owed_until - now)

    def take(self, units: float, now: float) -> None:
        self._owed_until = max(self._owed_until, now - self.burst) + units / self.rate

    def correct(self, units: float) -> None:
        """So many more were taken than was thought; fewer when negative."""
        self._owed_until += units / self.rate

    def change(self, rate: float, now: float) -> None:
        """From now on at another rate; what is owed stays owed."""
        if self._owed_until > now:
            self._owed_until = now + (self._owed_until - now) * self.rate / rate
        self.rate = rate


@dataclass(kw_only=True)
class Left:
    """What is left of an allowance, from what the provider last said and what was sent since."""

    _units: float = field(default=float("inf"), init=False)
    _rate: float = field(default=0.0, init=False)
    _told: float = field(default=0.0, init=False)
    _whole: float = field(default=NEVER, init=False)  # when the provider will have given all back

    def learn(self, allowance: Allowance, sent_since: float, now: float) -> None:
        """`sent_since`: units sent after the request that this is the answer to."""
        if allowance.remaining is None:
            return
        self._units, self._rate, self._told = allowance.remaining - sent_since, allowance.rate or 0.0, now
        self._whole = now + (allowance.per if allowance.reset is None else allowance.reset)

    def take(self, units: float) -> None:
        self._units -= units

    def wait(self, units: float, now: float) -> float:
        """Seconds until so many are there: as they trickle back, and at the latest when all are."""
        missing = units - self._units - self._rate * (now - self._told)
        if missing <= 0 or now >= self._whole:
            return 0.0
        return min(missing / self._rate if self._rate else float("inf"), self._whole - now)
