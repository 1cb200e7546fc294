"""How much comes through."""

import math
from dataclasses import dataclass, field

from rag.throttle.bucket import NEVER

SPAN = 5.0  # seconds after which it has mostly forgotten


@dataclass(kw_only=True)
class Flow:
    """Units a second, those of late above all. What it does not remember counts as nothing."""

    _rate: float = field(default=0.0, init=False)
    _at: float = field(default=NEVER, init=False)

    def add(self, units: float, now: float) -> None:
        self._rate, self._at = self.rate(now) + units / SPAN, now

    def rate(self, now: float) -> float:
        return self._rate * math.exp((self._at - now) / SPAN)
