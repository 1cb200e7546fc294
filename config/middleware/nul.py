"""No text of the database can hold a NUL, and what visitors send is looked for there."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase


class NulMiddleware:
    """An address with one is refused with 400; what forms and JSON send is looked at by those who read it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]  # `"\000"` is how one is written; it is nobody's session
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or "\0" in query:
            plain = "text/plain; charset=utf-8"
            return HttpResponse("There is a NUL in this address.", status=400, content_type=plain)
        return self._get_response(request)
