"""The guide's delay, and waits after failures."""

import pytest

from rag import throttle


def test_the_first_call_waits_for_nobody() -> None:
    assert throttle.pause(1.5, None) == 0


@pytest.mark.parametrize(("since", "wait"), [(0.0, 1.5), (1.0, 0.5), (9.0, 0.0)])
def test_the_pause_is_what_is_left_of_the_delay(since: float, wait: float) -> None:
    assert throttle.pause(1.5, since) == wait


def test_waits_double_up_to_a_minute() -> None:
    assert [throttle.backoff(n, None, 1.0) for n in (1, 2, 3, 10)] == [1, 2, 4, 60]


def test_what_the_provider_asks_for_is_the_least() -> None:
    assert throttle.backoff(1, 30.0, 0.0) == 30
