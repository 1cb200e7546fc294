"""Two builds of one deployment migrate one after the other."""

import threading
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere() -> threading.Thread:
    """`migrate` on a connection of its own."""

    def run() -> None:
        call_command("migrate", verbosity=0)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_no_two_migrate_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[int] = []
    seen: list[int] = []

    def handle(*_: Any, **__: Any) -> None:
        inside.append(1)
        seen.append(len(inside))
        time.sleep(0.2)
        inside.pop()

    monkeypatch.setattr(migrate.Command, "handle", handle)
    for thread in [elsewhere(), elsewhere(), elsewhere()]:
        thread.join()

    assert seen == [1, 1, 1]


def test_one_that_fails_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate.Command, "handle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call_command("migrate")
    other = elsewhere()
    other.join(20)

    assert not other.is_alive()
