"""What a provider says of its limits, in nobody's spelling."""

from dataclasses import dataclass

MINUTE, DAY = 60.0, 86_400.0


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """`limit` in `per` seconds, of which `remaining` are left; `reset`: seconds until all of it is there again.

    What was not said is None.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    per: float = MINUTE

    @property
    def rate(self) -> float | None:
        """A second."""
        return self.limit / self.per if self.limit else None


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Requests and tokens; those of a day beside those of a minute where both are told."""

    requests: Allowance = Allowance()
    tokens: Allowance = Allowance()
    requests_a_day: Allowance = Allowance()
    tokens_a_day: Allowance = Allowance()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one call told besides its vectors: tokens billed, and the quota after it. Nothing is known of a failed one
    but perhaps its quota."""

    tokens: int = 0
    quota: Quota | None = None
