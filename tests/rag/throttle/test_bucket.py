"""A rate that is kept, and what is left of an allowance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.throttle import Allowance
from rag.throttle.bucket import Bucket, Left


def test_the_next_waits_for_what_was_taken() -> None:
    bucket = Bucket(rate=100, burst=0)
    bucket.take(50, now=10)

    assert bucket.wait(10) == pytest.approx(0.5)
    assert bucket.wait(11) == 0


def test_a_pause_is_made_up_for_a_little() -> None:
    bucket = Bucket(rate=100, burst=1)
    bucket.take(50, now=10)
    bucket.take(70, now=100)

    assert bucket.wait(100) == pytest.approx(0)
    bucket.take(60, now=100)
    assert bucket.wait(100) == pytest.approx(0.3)


def test_what_was_counted_otherwise_is_owed_or_given_back() -> None:
    bucket = Bucket(rate=100, burst=0)
    bucket.take(50, now=10)
    bucket.correct(-25)

    assert bucket.wait(10) == pytest.approx(0.25)


def test_another_rate_leaves_the_debt_as_it_is() -> None:
    bucket = Bucket(rate=100, burst=0)
    bucket.take(100, now=0)
    bucket.change(200, now=0)

    assert bucket.wait(0) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 500)), min_size=1, max_size=50))
def test_no_more_than_the_rate_leaves_over_any_time(steps: list[tuple[float, int]]) -> None:
    bucket, now, taken = Bucket(rate=100, burst=1), 0.0, 0
    for pause, units in steps:
        now += pause
        now += bucket.wait(now)
        assert taken <= 100 * (now + 1) + 1e-6
        bucket.take(units, now)
        taken += units


def test_nothing_is_known_at_first() -> None:
    assert Left().wait(10**9, now=0) == 0


def test_what_is_left_counts_what_was_sent_since() -> None:
    left = Left()
    left.learn(Allowance(limit=6_000, remaining=500, reset=55), sent_since=300, now=0)

    assert left.wait(200, now=0) == 0
    assert left.wait(300, now=0) == pytest.approx(1)


def test_all_of_it_is_there_when_the_provider_says() -> None:
    left = Left()
    left.learn(Allowance(limit=6_000, remaining=0, reset=2), sent_since=0, now=0)

    assert left.wait(6_000, now=0) == 2
    assert left.wait(6_000, now=2) == 0


def test_what_is_left_without_a_limit_is_waited_for_as_a_whole() -> None:
    left = Left()
    left.learn(Allowance(remaining=5, reset=7), sent_since=0, now=0)

    assert left.wait(6, now=0) == 7
