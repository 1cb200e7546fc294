"""Whether answers take longer than usual."""

import math

import pytest

from rag.throttle.latency import Latency


def after(*answers: tuple[float, int]) -> Latency:
    """Each as seconds and tokens, fifty times."""
    made = Latency()
    for seconds, tokens in answers:
        for _ in range(50):
            made.add(seconds, tokens)
    return made


def test_nothing_is_slow_at_first() -> None:
    assert not Latency().is_slow
    assert Latency().seconds == 0
    assert Latency().tokens_in(5) == math.inf


@pytest.mark.parametrize(
    ("before", "now", "is_slow"),
    [
        ((0.3, 1_000), (0.3, 1_000), False),
        ((0.3, 1_000), (1.0, 1_000), True),
        ((0.3, 1_000), (3.0, 10_000), False),  # as long for each token
        ((3.0, 10_000), (0.5, 100), False),  # no longer on the whole
        ((3.0, 10_000), (9.0, 10_000), True),
    ],
)
def test_slow_is_longer_on_the_whole_and_for_each_token(
    before: tuple[float, int], now: tuple[float, int], *, is_slow: bool
) -> None:
    assert after(before, now).is_slow is is_slow


def test_what_lasts_becomes_usual() -> None:
    made = after((0.3, 1_000), (1.0, 1_000))
    for _ in range(1_000):
        made.add(1.0, 1_000)

    assert not made.is_slow


def test_how_many_take_so_long() -> None:
    assert after((0.5, 1_000)).tokens_in(5) == pytest.approx(10_000)


def test_how_many_take_so_long_is_not_measured_when_many_wait_for_each_other() -> None:
    assert after((0.5, 1_000), (5.0, 1_000)).tokens_in(5) == pytest.approx(10_000, rel=0.1)
