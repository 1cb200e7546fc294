"""What the host that watches the site is told."""

from unittest import mock

import pytest
from django.db import OperationalError, connection
from django.test import Client

pytestmark = pytest.mark.django_db


def test_it_is_ok_when_everything_is_there(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_it_says_that_the_database_is_unreachable(client: Client) -> None:
    with mock.patch.object(connection, "cursor", side_effect=OperationalError("password of secret-host")):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "database unreachable"})


def test_it_says_that_a_migration_waits(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'rag'")

    assert client.get("/healthz").json() == {"status": "migrations not applied"}


def test_it_is_never_cached(client: Client) -> None:
    assert "no-store" in client.get("/healthz").headers["Cache-Control"]


def test_it_takes_no_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
