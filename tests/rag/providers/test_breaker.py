"""A provider that is down is left alone, and asked again one question at a time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.providers.breaker import (
    ANSWERED,
    BRIEF,
    COOLING_WHEN_STOPPED,
    FAILURES,
    FIRST_COOLING,
    JITTER,
    LONGEST_COOLING,
    PROBE_LASTS,
    Breaker,
    Ticket,
    Verdict,
)

FAILED, STOPPED = Verdict(failed=True), Verdict(failed=True, lasting=True)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock, lambda: 0.0)


def ask(breaker: Breaker, verdict: Verdict | None) -> bool:
    """Whether a question was let through; then it ended so."""
    ticket = breaker.enter()
    if ticket:
        breaker.leave(ticket, verdict)
    return ticket is not None


def opened(breaker: Breaker) -> Breaker:
    for _ in range(FAILURES):
        ask(breaker, FAILED)
    return breaker


def test_some_failures_one_after_the_other_open_it(breaker: Breaker) -> None:
    assert [ask(breaker, FAILED) for _ in range(FAILURES + 1)] == [True] * FAILURES + [False]


def test_an_answer_between_two_failures_keeps_it_closed(breaker: Breaker) -> None:
    for _ in range(FAILURES):
        ask(breaker, FAILED)
        ask(breaker, ANSWERED)
    assert not breaker.is_open


def test_what_somebody_has_to_mend_opens_it_at_once_and_for_longer(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, STOPPED)
    clock.now += COOLING_WHEN_STOPPED - 0.1
    assert not ask(breaker, ANSWERED)
    clock.now += 0.2
    assert ask(breaker, ANSWERED)


def test_it_waits_as_long_as_it_is_asked_to(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, Verdict(failed=True, retry_after=17.0))
    clock.now += 16.9
    assert not ask(breaker, ANSWERED)
    clock.now += 0.2
    assert ask(breaker, ANSWERED)


def test_nobody_waits_for_days(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, Verdict(failed=True, retry_after=86_400.0))
    clock.now += COOLING_WHEN_STOPPED
    assert ask(breaker, ANSWERED)


def test_after_cooling_down_one_question_is_let_through(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += FIRST_COOLING
    assert breaker.enter() is not None
    assert breaker.enter() is None


def test_its_answer_closes_it(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += FIRST_COOLING
    ask(breaker, ANSWERED)
    assert all(breaker.enter() for _ in range(10))


def test_its_failure_opens_it_again_for_longer(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    waited = []
    for _ in range(5):
        before = clock.now
        while not ask(breaker, FAILED):
            clock.now += 0.5
        waited.append(clock.now - before)
    assert waited == [5.0, 10.0, 20.0, 20.0, 20.0]


def test_a_visitor_who_leaves_makes_room_for_the_next_probe(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += FIRST_COOLING
    assert ask(breaker, None)
    assert ask(breaker, ANSWERED)


def test_a_probe_that_never_ends_does_not_keep_the_others_out(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += FIRST_COOLING
    assert breaker.enter()
    clock.now += PROBE_LASTS
    assert breaker.enter()


def test_those_that_were_asked_before_it_opened_do_not_keep_it_open(breaker: Breaker, clock: Clock) -> None:
    late = [breaker.enter() for _ in range(5)]
    opened(breaker)
    clock.now += FIRST_COOLING - 0.1
    for ticket in late:
        assert ticket
        breaker.leave(ticket, FAILED)
    clock.now += 0.1
    assert ask(breaker, ANSWERED)


def test_an_answer_that_was_slow_to_come_closes_it(breaker: Breaker) -> None:
    late = breaker.enter()
    opened(breaker)
    assert late
    breaker.leave(late, ANSWERED)
    assert not breaker.is_open


def test_a_ticket_counts_once(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += FIRST_COOLING
    first = breaker.enter()
    assert first
    breaker.leave(first, None)
    second = breaker.enter()
    breaker.leave(first, None)
    assert second
    assert breaker.enter() is None


def test_a_probe_is_short_of_patience_but_not_always() -> None:
    assert [Ticket(probe=n).patience(8.0) for n in range(7)] == [8.0, BRIEF, BRIEF, 8.0, BRIEF, BRIEF, 8.0]
    assert Ticket(probe=1).patience(0.5) == 0.5


def test_processes_do_not_probe_together(clock: Clock) -> None:
    late = Breaker(clock, lambda: 1.0)
    opened(late)
    clock.now += FIRST_COOLING * (1 + JITTER) - 0.1
    assert not ask(late, ANSWERED)
    clock.now += 0.2
    assert ask(late, ANSWERED)


@given(st.lists(st.sampled_from([FAILED, STOPPED, None, Verdict(failed=True, retry_after=3_600)]), max_size=30))
def test_whatever_happened_a_provider_is_back_within_a_minute(history: list[Verdict | None]) -> None:
    clock = Clock()
    breaker = Breaker(clock, lambda: 1.0)
    for verdict in history:
        ask(breaker, verdict)
        clock.now += 1.0
    recovered = clock.now
    while not ask(breaker, ANSWERED):
        clock.now += 0.1
    assert clock.now - recovered < 60
    assert not breaker.is_open


def test_of_many_threads_one_is_the_probe(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += LONGEST_COOLING
    together = Barrier(8)

    def enter(_: int) -> Ticket | None:
        together.wait()
        return breaker.enter()

    with ThreadPoolExecutor(8) as pool:
        tickets = list(pool.map(enter, range(8)))
    assert sum(ticket is not None for ticket in tickets) == 1
