"""The look at the database ends in time, whatever the database does."""

import logging
import threading
import time
from collections.abc import Iterator
from unittest import mock

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from config import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Event]]:
    """A database that takes every connection and answers none, until the test ends."""
    asked, end = [], threading.Event()

    def wait() -> str:
        asked.append(end)
        end.wait(30)
        return ""

    monkeypatch.setattr(health, "_missing", wait)
    monkeypatch.setattr(health, "SECONDS", 0.2)
    yield asked
    end.set()
    assert health._look is not None
    health._look.result(5)


def test_a_database_that_hangs_is_told_in_time_and_asked_once(client: Client, silence: list[threading.Event]) -> None:
    started = time.monotonic()
    found = [client.get("/healthz?deep") for _ in range(3)]

    assert [(each.status_code, each.json()) for each in found] == [(503, {"status": "database does not answer"})] * 3
    assert time.monotonic() - started < 2
    assert len(silence) == 1


@pytest.mark.django_db(transaction=True)
def test_it_looks_again_each_time(client: Client) -> None:
    with mock.patch.object(health, "_missing", side_effect=["pgvector missing or too old", ""]):
        assert [client.get("/healthz").status_code for _ in range(2)] == [503, 200]
    assert client.get("/healthz").json() == {"status": "ok"}


def test_what_nobody_expected_is_logged_and_no_error_page(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with mock.patch.object(health, "_missing", side_effect=ZeroDivisionError), caplog.at_level(logging.ERROR):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "broken"})
    assert "unexpected" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_look_that_could_not_begin_is_not_waited_for_ever_after(client: Client) -> None:
    with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
        assert client.get("/healthz").json() == {"status": "broken"}

    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db(transaction=True)
def test_a_look_whose_connection_cannot_be_given_back_ends_too(client: Client) -> None:
    with mock.patch.object(BaseDatabaseWrapper, "close", side_effect=OSError):
        health._look, first = None, client.get("/healthz")

    assert [first.json(), client.get("/healthz").json()] == [{"status": "ok"}] * 2
