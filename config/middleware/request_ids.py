"""Each request has an id, which its log lines and its answer carry."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config import logs

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{7,63}")


class RequestIdMiddleware:
    """The proxy's, when it is well-formed, so that its log and ours name the same; else a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        name = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        logs.begin(request=name)  # and not for a block: a stream is written after the middleware is done
        response = self._get_response(request)
        response.headers[HEADER] = name
        return response
