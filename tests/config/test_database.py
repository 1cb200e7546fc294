"""What PostgreSQL is told to end by itself, and where it is told not to; how long a silent server is waited for."""

import socket

import pytest
from django.db import DataError, connection, transaction

from config import database


def shown() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("given", "limits", "expected"),
    [
        ({}, {"lock_timeout": 1.5}, {"options": "-c lock_timeout=1500"}),
        ({"options": "-c a=1"}, {"lock_timeout": 2}, {"options": "-c a=1 -c lock_timeout=2000"}),
        ({"options": "-c a=1"}, {"lock_timeout": 0}, {"options": "-c a=1"}),
        ({}, {"lock_timeout": 0}, {}),
    ],
)
def test_limits_stand_beside_what_is_given(
    given: dict[str, str], limits: dict[str, float], expected: dict[str, str]
) -> None:
    assert database.options(given, limits) == expected


@pytest.mark.django_db(transaction=True)
def test_a_transaction_may_be_let_sleep_and_the_next_may_not() -> None:
    with transaction.atomic():
        database.may_sleep()
        assert shown() == "0"
    assert shown() == "1min"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        (socket.TCP_KEEPIDLE, database.PATIENCE["keepalives_idle"]),
        (socket.TCP_KEEPINTVL, database.PATIENCE["keepalives_interval"]),
        (socket.TCP_KEEPCNT, database.PATIENCE["keepalives_count"]),
        (socket.TCP_USER_TIMEOUT, database.PATIENCE["tcp_user_timeout"]),
    ],
)
def test_a_server_that_vanished_is_noticed_by_every_connection(option: int, value: int) -> None:
    connection.ensure_connection()
    with socket.socket(fileno=connection.connection.pgconn.socket) as sock:
        try:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, option) == value
        finally:
            sock.detach()


@pytest.mark.django_db
def test_what_goes_wrong_while_rows_are_copied_is_djangos_error() -> None:
    with pytest.raises(DataError), transaction.atomic(), database.copying("COPY django_session FROM STDIN") as copy:
        copy.write(b"no row\n")
