"""Requests that are larger than anything that is sent here."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

MOST = 11_000_000  # bytes: a form of the admin with its picture


class SizeMiddleware:
    """Refused by the length that they name, before anything of them is read: files of a form go to the disk."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST:
            plain = "text/plain; charset=utf-8"
            return HttpResponse("This is more than is read here.", status=413, content_type=plain)
        return self._get_response(request)
