"""Tokens as a provider counts them, as far as that can be true."""

MOST = 100_000_000  # no call has more, and no column holds a thousand times as many


def tokens(said: object, least: int = 0) -> int | None:
    """None for what is no count: nothing, a text, less than `least`, a number without end."""
    is_count = isinstance(said, int) and not isinstance(said, bool) and least <= said <= MOST
    return int(said) if is_count else None  # type: ignore[call-overload]
