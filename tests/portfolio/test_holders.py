"""Holders: a dead one on this machine is known at once, any other is left to its lease."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)

    assert not holders.is_dead(holders.current())
    assert holders.is_dead(holders.current().rpartition(" ")[0] + " 1")  # its number has gone to another one


def test_a_start_that_cannot_be_read_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = holders.current()
    monkeypatch.setattr(Path, "read_text", lambda path: path.joinpath("gone").read_bytes())
    place = holders.current().partition(" ")[0]

    assert holders.current().endswith(f" {os.getpid()} ")
    assert not holders.is_dead(f"{place} {holder.partition(' ')[2]}")
