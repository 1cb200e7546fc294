"""What the host that watches the site is told, and what an admin is."""

from collections.abc import Callable
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from config import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks happen in the test's own thread and transaction; test_health_hangs.py is about the threads."""
    monkeypatch.setattr(health, "_problem", health._found)
    monkeypatch.setattr(connection, "close", lambda: None)


def test_it_is_ok_when_everything_is_there(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_it_says_that_the_database_is_unreachable(client: Client) -> None:
    with mock.patch.object(connection, "cursor", side_effect=OperationalError("password of secret-host")):
        response = client.get("/healthz?deep")

    assert (response.status_code, response.json()) == (503, {"status": "database unreachable"})


def test_one_connection_that_broke_is_made_anew(client: Client) -> None:
    cursor, broken = connection.cursor, [OperationalError("restarted")]
    with mock.patch.object(connection, "cursor", side_effect=lambda: raise_or(broken, cursor)):
        assert client.get("/healthz").json() == {"status": "ok"}


def raise_or(errors: list[OperationalError], otherwise: Callable[[], object]) -> object:
    if errors:
        raise errors.pop()
    return otherwise()


def test_it_says_that_a_migration_waits(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'rag' AND name LIKE '0003%'")

    assert client.get("/healthz").json() == {"status": "migrations not applied"}


@pytest.mark.parametrize("version", ["0.8.3", "0.7", None])
def test_it_says_that_pgvector_is_missing_or_too_old(client: Client, version: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", [version or "0"])

    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "pgvector missing or too old"})


def test_it_takes_two_questions_to_the_database(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/healthz")
    with django_assert_max_num_queries(3):
        client.get("/healthz")


def test_it_is_never_cached(client: Client) -> None:
    assert "no-store" in client.get("/healthz").headers["Cache-Control"]


def test_it_takes_no_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


@pytest.mark.parametrize("staff", [None, False])
def test_a_stranger_learns_no_more_from_the_deep_look(client: Client, staff: bool | None) -> None:
    if staff is not None:
        client.force_login(User.objects.create_user("visitor", is_staff=staff))

    assert client.get("/healthz?deep").json() == {"status": "ok"}


def test_an_admin_learns_more(client: Client) -> None:
    client.force_login(User.objects.create_user("owner", is_staff=True))

    facts = client.get("/healthz?deep").json()

    assert (facts["status"], facts["migrations"]) == ("ok", [])
    assert facts["pgvector"].startswith("0.8.")
    assert facts["now"] == {"stuck": 0, "failing": 0, "under_way": 0}
    assert facts["database"]["connections"] <= facts["database"]["most"]


def test_an_admin_learns_which_migrations_wait(client: Client) -> None:
    client.force_login(User.objects.create_user("owner", is_staff=True))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'rag' AND name LIKE '0003%'")

    response = client.get("/healthz?deep")

    assert (response.status_code, response.json()["migrations"]) == (503, ["rag.0003_search_index"])
