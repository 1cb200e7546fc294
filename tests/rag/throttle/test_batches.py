"""Packing within limits."""

from hypothesis import given
from hypothesis import strategies as st

from rag import throttle


def test_batches_hold_at_most_so_many_items() -> None:
    items = [(n, 1) for n in range(7)]

    assert list(throttle.batches(items, most_items=3, most_tokens=100)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_batches_hold_at_most_so_many_tokens() -> None:
    items = [("a", 60), ("b", 50), ("c", 40)]

    assert list(throttle.batches(items, most_items=10, most_tokens=100)) == [["a"], ["b", "c"]]


def test_an_item_over_the_limit_travels_alone() -> None:
    items = [("a", 1), ("huge", 500), ("b", 1)]

    assert list(throttle.batches(items, most_items=10, most_tokens=100)) == [["a"], ["huge"], ["b"]]


@given(st.lists(st.integers(1, 300)), st.integers(1, 10), st.integers(1, 500))
def test_packing_loses_and_reorders_nothing(sizes: list[int], most_items: int, most_tokens: int) -> None:
    items = list(enumerate(sizes))
    packed = throttle.batches(((item, item[1]) for item in items), most_items=most_items, most_tokens=most_tokens)

    assert [item for batch in packed for item in batch] == items


def test_limits_may_change_from_one_batch_to_the_next() -> None:
    packer = throttle.Packer((n, 10) for n in range(6))

    assert packer.take(10, 30) == ([0, 1, 2], 30)
    assert packer.take(1, 30) == ([3], 10)
    assert packer.take(10, 1_000) == ([4, 5], 20)
    assert packer.take(10, 1_000) == ([], 0)


def test_no_more_than_one_is_read_ahead() -> None:
    numbers = iter(range(100))
    throttle.Packer((n, 10) for n in numbers).take(10, 30)

    assert next(numbers) == 4


@given(st.lists(st.integers(), min_size=2))
def test_halves_are_both_smaller_and_whole_together(items: list[int]) -> None:
    first, second = throttle.halves(items)

    assert first and second and first + second == items
