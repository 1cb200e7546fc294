"""How fast it goes, and how long it still takes."""

from collections import deque
from dataclasses import dataclass, field

SPAN = 60.0  # seconds that are looked back on
LEAST = 1.0  # seconds after which a speed means something


@dataclass(kw_only=True)
class Speed:
    """Chunks and tokens of the last minute. `began`: when the counting did."""

    began: float
    _steps: deque[tuple[float, int, int]] = field(default_factory=deque, init=False)

    def add(self, chunks: int, tokens: int, now: float) -> None:
        self._steps.append((now, chunks, tokens))
        while self._steps[0][0] < now - SPAN:
            self._steps.popleft()

    def a_minute(self, now: float) -> tuple[float, float] | None:
        """Chunks and tokens a minute; None while it is too early to say."""
        span = min(SPAN, now - self.began)
        if span < LEAST:
            return None
        recent = [step for step in self._steps if step[0] >= now - SPAN]
        return sum(step[1] for step in recent) * 60 / span, sum(step[2] for step in recent) * 60 / span

    def sentence(self, left: int, now: float) -> str:
        """For people: `left` chunks are to come. Empty while there is nothing to say."""
        measured = self.a_minute(now)
        if not measured or not measured[0]:
            return ""
        chunks, tokens = measured
        return f"{chunks:,.0f} chunks/min, {tokens:,.0f} tokens/min, {_duration(left * 60 / chunks)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
