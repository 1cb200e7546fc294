"""Places for so many answers at once, and who is let pass when there are more who want one."""

import logging
from contextlib import ExitStack
from threading import Thread

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from rag import admission
from tests.rag.places import free


class Clock:
    """Time that passes only when somebody sleeps, and what is done `at` a time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crowd(clock: Clock) -> admission.Crowd:
    return admission.Crowd(clock=clock, sleep=clock.sleep)


def test_a_block_has_a_place_for_as_long_as_it_takes(two_places: None) -> None:
    with admission.admitted():
        assert free(1)
    assert free(2)


def test_a_block_without_a_place_is_refused_with_a_sentence(two_places: None) -> None:
    with admission.admitted(), admission.admitted(), pytest.raises(admission.Busy) as refused, admission.admitted():
        pass
    assert str(refused.value) == "All places are taken at the moment. Please ask again in a few seconds."
    assert refused.value.retry_after == 5
    assert free(2)


def test_a_place_is_free_again_when_the_block_raises(two_places: None) -> None:
    with pytest.raises(ZeroDivisionError), admission.admitted():
        raise ZeroDivisionError
    assert free(2)


def test_without_a_crowd_nobody_waits(clock: Clock, crowd: admission.Crowd) -> None:
    crowd.let_pass()
    assert clock.now == 100


def test_a_crowd_is_let_pass_until_nobody_comes(clock: Clock, crowd: admission.Crowd) -> None:
    for _ in range(5):
        crowd.refused()
        clock.sleep(admission.GAP / 2)
    crowd.let_pass()
    assert clock.now == pytest.approx(100 + 3 * admission.GAP)


def test_whoever_comes_while_it_is_let_pass_is_part_of_it(clock: Clock) -> None:
    coming = [0.01, 0.02]

    def sleep(seconds: float) -> None:
        clock.sleep(coming.pop(0) if coming else seconds)
        if coming:
            those.refused()

    those = admission.Crowd(clock=clock, sleep=sleep)
    those.refused()
    those.let_pass()
    assert clock.now == pytest.approx(100.01 + admission.GAP)


def test_one_that_does_not_end_is_let_pass_for_a_moment_only(clock: Clock, crowd: admission.Crowd) -> None:
    for _ in range(60):
        crowd.refused()
        clock.sleep(0.01)
    crowd.let_pass()
    assert clock.now == pytest.approx(100.6)


def test_the_next_crowd_has_its_own_patience(clock: Clock, crowd: admission.Crowd) -> None:
    for _ in range(60):
        crowd.refused()
        clock.sleep(0.01)
    clock.sleep(1)
    crowd.refused()
    crowd.let_pass()
    assert clock.now == pytest.approx(101.6 + admission.GAP)


def test_patience_is_kept_when_each_look_finds_a_new_crowd(clock: Clock) -> None:
    def sleep(seconds: float) -> None:
        clock.sleep(seconds + 0.001)
        those.refused()

    those = admission.Crowd(clock=clock, sleep=sleep)
    those.refused()
    those.let_pass()
    assert clock.now < 100 + admission.PATIENCE + 2 * admission.GAP


def test_one_visitor_has_a_share_of_the_places(settings: Settings) -> None:
    most = settings.RAG_MAX_STREAMS // admission.SHARE
    with ExitStack() as places:
        for _ in range(most):
            places.enter_context(admission.admitted("one"))
        with pytest.raises(admission.Greedy, match="You have several answers under way"), admission.admitted("one"):
            pass
        with admission.admitted("another"), admission.admitted():
            pass
    with admission.admitted("one"):  # they are given back
        pass
    assert not admission._held


def test_answers_look_for_their_question_one_at_a_time() -> None:
    inside, most = [], []

    def begin() -> None:
        with admission.beginning():
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [Thread(target=begin) for _ in range(8)]
    with admission.beginning():
        for thread in threads:
            thread.start()
        assert most == []
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_one_that_hangs_holds_up_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "TURN", 0.05)

    def begin() -> None:
        with admission.beginning():
            pass

    with admission.beginning():
        other = Thread(target=begin)
        other.start()
        other.join(5)
        assert not other.is_alive()
    begin()  # the turn was the first one's to give back


def test_those_who_are_turned_away_are_the_crowd(two_places: None) -> None:
    with admission.admitted(), admission.admitted():
        for _ in range(3):
            with pytest.raises(admission.Busy), admission.admitted():
                pass
    assert admission.crowd.size == 3


def test_of_a_crowd_the_first_one_is_logged(two_places: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            admission.crowd.refused()
            admission.expected(HttpResponse(status=503))
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", "All 2 places are taken.")]
