"""Stopping: at once where it waits, at the next step elsewhere."""

import os
import signal
import time

import pytest

from rag.interruption import Interrupted, Interruption


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_due_without_a_reason() -> None:
    Interruption().check()


def test_the_time_that_was_given_ends() -> None:
    clock = Clock()
    interruption = Interruption(60, clock)
    clock.now = 61

    with pytest.raises(Interrupted):
        interruption.check()


def test_a_narrower_time_ends_first_and_only_inside() -> None:
    clock = Clock()
    interruption = Interruption(60, clock)

    with interruption.within(10):
        clock.now = 11
        assert interruption.due
    assert not interruption.due


def test_a_wider_time_does_not_lengthen_the_outer_one() -> None:
    clock = Clock()
    interruption = Interruption(10, clock)

    with interruption.within(60):
        clock.now = 11
        assert interruption.due


def test_a_signal_ends_a_wait_at_once() -> None:
    interruption = Interruption()
    started = time.monotonic()

    with interruption.on_signals(), pytest.raises(Interrupted), interruption.waiting():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert time.monotonic() - started < 1


def test_a_signal_outside_of_a_wait_is_remembered_and_nothing_is_cut() -> None:
    interruption = Interruption()

    with interruption.on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        finished = True
        with pytest.raises(Interrupted):
            interruption.check()
    assert finished


def test_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with Interruption().on_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_it_is_no_error_that_a_handler_of_errors_takes() -> None:
    assert not issubclass(Interrupted, Exception)
