"""Holders: a dead one on this machine is known at once, any other is left to its lease."""

import subprocess
import sys

from portfolio import holders


def test_this_process_is_alive() -> None:
    assert not holders.is_dead(holders.current())


def test_a_process_that_has_ended_is_dead() -> None:
    code = "from portfolio import holders; print(holders.current())"
    holder = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    assert holders.is_dead(holder)


def test_a_number_that_is_used_again_is_another_process() -> None:
    place, number, _start = holders.current().split(" ")

    assert holders.is_dead(f"{place} {number} 1")


def test_nobody_can_tell_about_another_machine() -> None:
    assert not holders.is_dead("elsewhere/0/0 999999 1")


def test_nonsense_is_left_alone() -> None:
    assert not holders.is_dead("")
