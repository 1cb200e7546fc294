"""Batches in flight: the machinery, with threads and without."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from benchmarks.throttle import strategies
from benchmarks.throttle.provider import TIERS, Provider, Time
from rag import embeddings, interruption, throttle
from rag.ingest import flights
from rag.interruption import Interrupted, Interruption

Outcome = Exception | None


@dataclass
class Calls:
    """What the calls do: a batch's outcomes in turn, by its first item; without any it is answered."""

    outcomes: dict[int, list[Outcome]] = field(default_factory=dict)
    made: list[list[int]] = field(default_factory=list)

    def of(self, items: list[int]) -> flights.Call:
        def call() -> tuple[list[int], throttle.Answer]:
            self.made.append(items)
            outcome = self.outcomes.get(items[0], [])
            if outcome and (error := outcome.pop(0)):
                raise error
            return items, throttle.Answer(tokens=len(items))

        return call


@pytest.fixture(params=["alone", "crew"])
def team(request: pytest.FixtureRequest) -> Iterator[flights.Alone[int] | flights.Crew[int]]:
    made = flights.Alone[int](Interruption()) if request.param == "alone" else flights.Crew[int](3, Interruption())
    yield made
    made.close()


Fly = Callable[..., flights.Flights[int]]


@pytest.fixture
def fly(team: flights.Alone[int] | flights.Crew[int], monkeypatch: pytest.MonkeyPatch) -> Fly:
    """Nine items in batches of three."""
    monkeypatch.setattr(throttle.waits, "FIRST_WAIT", 0.0)

    def prepared(calls: Calls, notes: list[str] | None = None) -> flights.Flights[int]:
        return flights.Flights(
            packer=throttle.Packer((n, 10) for n in range(9)), team=team,
            pace=throttle.Steady(limits=throttle.Limits(items=3, tokens=100), delay=0, jitter=lambda: 0),
            send=lambda flight: team.launch(flight, calls.of(flight.items)), note=(notes or []).append,
        )  # fmt: skip

    return prepared


def items(flying: flights.Flights[int]) -> list[int]:
    return sorted(item for flight in flying.landed() for item in flight.result)


def test_all_come_back(fly: Fly) -> None:
    assert items(fly(Calls())) == list(range(9))


def test_what_fails_in_passing_flies_again(fly: Fly) -> None:
    calls = Calls({3: [embeddings.ProviderUnavailable(), embeddings.RateLimited(retry_after=0)]})

    assert items(fly(calls)) == list(range(9))
    assert calls.made.count([3, 4, 5]) == 3


def test_what_goes_on_failing_is_raised_after_the_answers_that_are_back(fly: Fly) -> None:
    calls = Calls({3: [embeddings.ProviderUnavailable() for _ in range(9)]})
    back: list[int] = []

    with pytest.raises(embeddings.ProviderUnavailable):
        back.extend(item for flight in fly(calls).landed() for item in flight.result)
    assert calls.made.count([3, 4, 5]) == flights.TRIES


def test_one_that_is_refused_again_and_again_is_patient_while_others_land(fly: Fly) -> None:
    often = 2 * flights.REFUSED_TRIES
    calls = Calls({0: [embeddings.RateLimited() for _ in range(often)]})
    flying = fly(calls)
    flying.packer = throttle.Packer((n, 10) for n in range(9 * often))
    assert isinstance(flying.pace, throttle.Steady)
    flying.pace.flights = 3

    assert items(flying) == list(range(9 * often))
    assert calls.made.count([0, 1, 2]) == often + 1


def test_one_that_never_gets_through_is_given_up(fly: Fly) -> None:
    calls = Calls({0: [embeddings.RateLimited() for _ in range(999)]})
    flying = fly(calls)
    flying.packer = throttle.Packer((n, 10) for n in range(999))
    assert isinstance(flying.pace, throttle.Steady)
    flying.pace.flights = 3

    with pytest.raises(embeddings.RateLimited):
        list(flying.landed())
    assert calls.made.count([0, 1, 2]) == flights.MOST_TRIES


def test_one_that_is_refused_while_nothing_lands_is_given_up(fly: Fly) -> None:
    calls = Calls({3: [embeddings.RateLimited() for _ in range(99)]})

    with pytest.raises(embeddings.RateLimited):
        list(fly(calls).landed())
    assert calls.made.count([3, 4, 5]) == flights.REFUSED_TRIES


def test_failures_of_both_kinds_end_too(fly: Fly) -> None:
    refused = [embeddings.RateLimited() for _ in range(flights.TRIES)]
    calls = Calls({3: [*refused, *[embeddings.ProviderUnavailable() for _ in range(99)]]})

    with pytest.raises(embeddings.ProviderUnavailable):
        list(fly(calls).landed())
    assert calls.made.count([3, 4, 5]) == flights.TRIES + 1


def test_what_cannot_pass_is_raised_at_once(fly: Fly) -> None:
    calls = Calls({3: [embeddings.QuotaExhausted()]})

    with pytest.raises(embeddings.QuotaExhausted):
        list(fly(calls).landed())
    assert [6, 7, 8] not in calls.made


def test_a_wait_that_is_too_long_is_not_waited(fly: Fly) -> None:
    calls = Calls({0: [embeddings.RateLimited(retry_after=3_600)]})

    with pytest.raises(embeddings.RateLimited):
        list(fly(calls).landed())


def test_a_mistake_of_ours_is_raised_too(fly: Fly) -> None:
    with pytest.raises(ZeroDivisionError):
        list(fly(Calls({3: [ZeroDivisionError()]})).landed())


def test_a_refused_batch_comes_back_and_may_be_sent_in_parts(fly: Fly) -> None:
    calls = Calls({3: [embeddings.InputRefused()]})
    flying, back = fly(calls), list[int]()
    for flight in flying.landed():
        if flight.error:
            flying.again([3], 10)
            flying.again([4, 5], 20)
        else:
            back += flight.result

    assert sorted(back) == list(range(9))


def test_one_that_may_not_leave_yet_waits_for_another_to_land(fly: Fly) -> None:
    pace = throttle.Steady(limits=throttle.Limits(items=3, tokens=100), delay=0, jitter=lambda: 0)
    pace.flights = 3
    flying, aloft, refused = fly(Calls()), list[int](), list[int]()

    def admits(flight: flights.Flight[int]) -> bool:
        if len(aloft) == 2:
            refused.append(flight.items[0])
            return False
        aloft.append(flight.items[0])
        return True

    flying.pace, flying.admits = pace, admits
    back = list[int]()
    for flight in flying.landed():
        aloft.remove(flight.items[0])
        back += flight.result

    assert sorted(back) == list(range(9))
    assert refused == [6]


def test_every_failure_is_told_before_it_flies_again(fly: Fly) -> None:
    failures = list[tuple[list[int], Exception]]()
    flying = fly(Calls({3: [embeddings.ProviderUnavailable(), embeddings.QuotaExhausted()]}))
    flying.failed = lambda flight, error: failures.append((flight.items, error))

    with pytest.raises(embeddings.QuotaExhausted):
        list(flying.landed())
    assert [type(error) for _, error in failures] == [embeddings.ProviderUnavailable, embeddings.QuotaExhausted]


def test_several_are_in_flight_and_no_more_than_the_crew() -> None:
    aloft, most, lock = 0, 0, threading.Lock()

    def call() -> tuple[int, throttle.Answer]:
        nonlocal aloft, most
        with lock:
            aloft += 1
            most = max(aloft, most)
        time.sleep(0.02)
        with lock:
            aloft -= 1
        return 1, throttle.Answer(tokens=1)

    crew = flights.Crew[int](4, Interruption())
    pace = throttle.Adaptive(limits=throttle.Limits(items=1, tokens=100, flights=4), jitter=lambda: 0)
    flying = flights.Flights(
        packer=throttle.Packer((n, 1) for n in range(40)), team=crew, pace=pace,
        send=lambda flight: crew.launch(flight, call),
    )  # fmt: skip
    count = sum(1 for _ in flying.landed())
    crew.close()

    assert (count, most) == (40, 4)


def test_short_waits_are_not_each_a_time_to_look_around() -> None:
    """What is done then asks the database."""
    looks = list[float]()
    team = strategies.Virtual(Provider(tier=TIERS[2], window=60.0, trickles=True, random=Random(5)), Time(), 60)
    flying = flights.Flights(
        packer=throttle.Packer(strategies.chunks(1)), team=team, idle=lambda: looks.append(team.time.now),
        pace=throttle.Adaptive(limits=throttle.Limits(items=2_048, tokens=300_000, flights=8), jitter=float),
        send=lambda flight: team.launch(flight, lambda: (None, throttle.Answer())),
    )  # fmt: skip
    with pytest.raises(strategies.Enough):
        list(flying.landed())

    assert 10 <= len(looks) <= 13


def test_texts_in_flight_are_bounded() -> None:
    sent: list[int] = []
    crew = flights.Alone[int](Interruption())
    limits = throttle.Limits(items=10, tokens=10_000, flights=8, items_in_flight=25)
    pace = throttle.Adaptive(limits=limits, jitter=lambda: 0)
    pace._window = 8
    flying = flights.Flights(
        packer=throttle.Packer((n, 1) for n in range(100)), team=crew, pace=pace,
        send=lambda flight: sent.append(len(flight.items)),
    )  # fmt: skip
    flying._launch()

    assert sum(sent) == 20


def test_closing_ends_threads_that_wait_for_something_wakeable() -> None:
    crew, asleep = flights.Crew[int](2, Interruption()), threading.Event()

    def call() -> tuple[int, throttle.Answer]:
        with interruption.wakeable(asleep.set):
            asleep.wait(30)
        return 1, throttle.Answer()

    crew.launch(flights.Flight(items=[1], tokens=1), call)
    time.sleep(0.05)
    started = time.monotonic()
    crew.close()

    assert time.monotonic() - started < 0.5
    assert not any(thread.is_alive() for thread in crew._threads)


def test_time_that_is_over_ends_the_wait() -> None:
    crew = flights.Crew[int](1, Interruption(0.1))
    started = time.monotonic()

    with pytest.raises(Interrupted):
        crew.landed(5)
    assert time.monotonic() - started < 1
