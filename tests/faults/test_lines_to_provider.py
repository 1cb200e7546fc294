"""The provider behind a line that is slow and sends a few bytes at a time, breaks off, or falls silent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults import cases, proxy
from tests.faults.invariants import assert_invariants
from tests.faults.world import Done, World

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = 5  # of a batch
Happen = Callable[[Callable[[], None]], None]


@pytest.fixture
def line(world: World) -> Iterator[proxy.Proxy]:
    with proxy.between(int(world.provider.url.rpartition(":")[2])) as between:
        yield between


@pytest.fixture
def at_the_first_answer(world: World) -> Iterator[Happen]:
    """Tell what is to happen once when the first call has been understood, before a byte of its answer."""
    usual = world.provider.headers

    def happen(act: Callable[[], None]) -> None:
        def headers(body: dict[str, Any]) -> dict[str, str]:
            world.provider.headers = usual
            act()
            return usual(body)

        world.provider.headers = headers

    yield happen
    world.provider.headers = usual


def run(case: cases.Case, line: proxy.Proxy, **settings: str) -> Done:
    return case.world.run(*case.command, OPENAI_BASE_URL=f"http://127.0.0.1:{line.port}/v1", **settings)


def test_a_slow_line_that_passes_a_few_bytes_at_a_time_is_enough(world: World, line: proxy.Proxy) -> None:
    case = cases.make(world, indexed=True)
    line.weather.latency, line.weather.slice_bytes = 0.0005, 32
    done = run(case, line)

    assert (done.code, line.connections > 0) == (0, True), done.out + done.err
    assert_invariants(case, finished=True)


@pytest.mark.parametrize("passing", [0, 300], ids=["before the headers", "after them"])
def test_a_line_that_is_reset_costs_one_more_call(
    world: World, line: proxy.Proxy, at_the_first_answer: Happen, passing: int
) -> None:
    case = cases.make(world, indexed=True)
    at_the_first_answer(lambda: setattr(line.weather, "left", passing))
    done = run(case, line)
    case.kills += 1

    assert done.code == 0, done.out + done.err
    assert (line.weather.left, len(case.calls)) == (None, case.most_calls), "it was not reset"
    assert "Trying again in" in done.err
    assert_invariants(case, finished=True)


def test_a_line_that_falls_silent_is_given_up_with_a_sentence(
    world: World, line: proxy.Proxy, at_the_first_answer: Happen
) -> None:
    case = cases.make(world, indexed=True)
    at_the_first_answer(lambda: setattr(line.weather, "is_silent", True))
    done = run(case, line, RAG_TIMEOUT="0.3")
    case.kills += 1

    assert (done.code, case.rag.processing_status, case.rag.error_code) == (1, "failed", "embedding_unavailable"), done
    assert done.err.count("Trying again in") == TRIES - 1
    assert len(case.calls) == 1, "the others did not get through"
    assert "OPENAI" in case.rag.processing_error
    assert_invariants(case)
    assert case.run().code == 0
    assert_invariants(case, finished=True)
