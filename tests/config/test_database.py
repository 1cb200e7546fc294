"""What PostgreSQL is told to end by itself, and where it is told not to."""

import pytest
from django.db import connection, transaction

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
