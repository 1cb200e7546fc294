"""How long to wait: between calls, and after one that failed."""

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


def pause(delay: float, since_last_call: float | None) -> float:
    """Seconds until the next call may start, when calls are to start `delay` seconds after the last one ended."""
    if since_last_call is None:
        return 0.0
    return max(0.0, delay - since_last_call)


def backoff(failures: int, retry_after: float | None, jitter: float) -> float:
    """Seconds before the next try after `failures` (1, 2, …) in a row; `jitter` in 0…1 spreads those who fail together.

    What the provider asks for in Retry-After is the least; without it the wait doubles up to a minute.
    """
    doubled = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (failures - 1)) * (0.5 + jitter / 2)
    return max(doubled, retry_after or 0.0)
