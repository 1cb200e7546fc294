"""How much comes through."""

import pytest

from rag.throttle.flow import Flow


def test_nothing_came_yet() -> None:
    assert Flow().rate(0) == 0


def test_it_is_what_comes_evenly() -> None:
    flow = Flow()
    for step in range(300):
        flow.add(10, step / 10)

    assert flow.rate(30) == pytest.approx(100, rel=0.05)


def test_it_forgets() -> None:
    flow = Flow()
    flow.add(100, 0)

    assert flow.rate(30) < 0.01 * flow.rate(0)
