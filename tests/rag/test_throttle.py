"""Waiting and packing, decided from numbers."""

import pytest
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


def test_the_first_call_waits_for_nobody() -> None:
    assert throttle.pause(1.5, None) == 0


@pytest.mark.parametrize(("since", "wait"), [(0.0, 1.5), (1.0, 0.5), (9.0, 0.0)])
def test_the_pause_is_what_is_left_of_the_delay(since: float, wait: float) -> None:
    assert throttle.pause(1.5, since) == wait


def test_waits_double_up_to_a_minute() -> None:
    assert [throttle.backoff(n, None, 1.0) for n in (1, 2, 3, 10)] == [1, 2, 4, 60]


def test_what_the_provider_asks_for_is_the_least() -> None:
    assert throttle.backoff(1, 30.0, 0.0) == 30


@given(st.lists(st.integers(), min_size=2))
def test_halves_are_both_smaller_and_whole_together(items: list[int]) -> None:
    first, second = throttle.halves(items)

    assert first and second and first + second == items
