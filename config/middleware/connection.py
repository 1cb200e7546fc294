"""The database's connection is given back before the answer is written.

Django does it afterwards: eight readers who took nothing of a picture held all that there were.
"""

import logging
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config import database

logger = logging.getLogger(__name__)


class ConnectionMiddleware:
    """The first of all, so that nobody asks for anything behind it. A stream takes one again when it needs it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        try:
            database.release()
        except (DatabaseError, OSError) as error:
            logger.warning("A connection could not be given back: %s", error)
        return response
