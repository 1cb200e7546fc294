"""How long answers take, and whether that is longer than usual."""

import math
from dataclasses import dataclass, field

SLOW = 2.5  # times the usual
SMOOTHING = 0.1  # what one more measurement weighs
FORGETTING = 0.001  # by which the usual is thought longer with each


@dataclass(kw_only=True)
class Smoothed:
    """A value that jumps about, and the least that it was lately."""

    value: float = 0.0
    usual: float = math.inf

    def add(self, value: float) -> None:
        self.value += (value - self.value) * (SMOOTHING if self.value else 1.0)
        self.usual = min(self.usual * (1 + FORGETTING), self.value)

    @property
    def is_high(self) -> bool:
        return self.value >= SLOW * self.usual


@dataclass(kw_only=True)
class Latency:
    """In seconds, of a whole answer and of a token of it."""

    _whole: Smoothed = field(default_factory=Smoothed, init=False)
    _token: Smoothed = field(default_factory=Smoothed, init=False)

    def add(self, seconds: float, tokens: float) -> None:
        self._whole.add(seconds)
        self._token.add(seconds / tokens)

    @property
    def seconds(self) -> float:
        """Of an answer as they are now; 0 before the first."""
        return self._whole.value

    def tokens_in(self, seconds: float) -> float:
        """So many usually take that long."""
        return seconds / self._token.usual if self._token.value else math.inf

    @property
    def is_slow(self) -> bool:
        """Larger batches take longer, and of smaller ones a token does. Only too many at once are slow by both."""
        return self._whole.is_high and self._token.is_high
