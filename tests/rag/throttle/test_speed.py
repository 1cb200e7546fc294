"""How fast it goes."""

import pytest

from rag.throttle import Speed


def test_it_is_too_early_to_say() -> None:
    speed = Speed(began=0)
    speed.add(5, 100, now=0.5)

    assert speed.sentence(left=10, now=0.5) == ""


def test_it_is_a_minutes_average_at_most() -> None:
    speed = Speed(began=0)
    speed.add(1_000, 1_000, now=10)
    speed.add(30, 600, now=100)

    assert speed.a_minute(now=110) == (30, 600)


@pytest.mark.parametrize(
    ("left", "said"), [(30, "30 s left"), (600, "10 min left"), (9_000, "2 h 30 min left"), (0, "0 s left")]
)
def test_it_says_how_long_it_still_takes(left: int, said: str) -> None:
    speed = Speed(began=0)
    speed.add(30, 12_000, now=30)

    assert speed.sentence(left=left, now=30) == f"60 chunks/min, 24,000 tokens/min, {said}"


def test_it_forgets_what_is_longer_ago() -> None:
    speed = Speed(began=0)
    for second in range(1_000):
        speed.add(1, 1, now=second)

    assert len(speed._steps) <= 62
