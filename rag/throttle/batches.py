"""Packing: as many as are allowed, in order, and no more."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Packer(Generic[T]):
    """Takes (item, tokens) pairs from `items` as they are needed, so that only one is ever read ahead."""

    def __init__(self, items: Iterable[tuple[T, int]]) -> None:
        self._items = iter(items)
        self._first: tuple[T, int] | None = None

    def take(self, most_items: int, most_tokens: float) -> tuple[list[T], int]:
        """The next batch within both limits and its tokens; an item over the limit comes alone. Empty at the end."""
        batch: list[T] = []
        total = 0
        while len(batch) < most_items:
            pair = self._first or next(self._items, None)
            self._first = pair
            if pair is None or (batch and total + pair[1] > most_tokens):
                break
            batch.append(pair[0])
            total += pair[1]
            self._first = None
        return batch, total


def batches(items: Iterable[tuple[T, int]], *, most_items: int, most_tokens: int) -> Iterator[list[T]]:
    """Pack (item, tokens) pairs, in order, into batches within both limits. An item over the limit travels alone."""
    packer = Packer(items)
    while batch := packer.take(most_items, most_tokens)[0]:
        yield batch


def halves(items: list[T]) -> tuple[list[T], list[T]]:
    """Both halves of a refused batch; the bad item is found by halving again."""
    middle = len(items) // 2
    return items[:middle], items[middle:]
