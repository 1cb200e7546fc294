"""How much to send at once and how long to wait: functions of numbers. Whoever calls them sleeps."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


def batches(items: Iterable[tuple[T, int]], *, most_items: int, most_tokens: int) -> Iterator[list[T]]:
    """Pack (item, tokens) pairs, in order, into batches within both limits. An item over the limit travels alone."""
    batch: list[T] = []
    total = 0
    for item, tokens in items:
        if batch and (len(batch) >= most_items or total + tokens > most_tokens):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += tokens
    if batch:
        yield batch


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


def halves(items: list[T]) -> tuple[list[T], list[T]]:
    """Both halves of a refused batch; the bad item is found by halving again."""
    middle = len(items) // 2
    return items[:middle], items[middle:]
