"""Whoever is slow to read an answer, or to send a question, holds no connection to the database."""

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse

from config.middleware.connection import ConnectionMiddleware

pytestmark = pytest.mark.django_db(transaction=True)


def answer(_: HttpRequest) -> HttpResponse:
    connection.ensure_connection()
    return HttpResponse("a page")


def test_it_is_given_back_before_the_answer_is_written() -> None:
    ConnectionMiddleware(answer)(HttpRequest())
    assert connection.connection is None
