"""Requests in an encoding that Django cannot read end before they reach it."""

import codecs
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse
from django.utils.http import parse_header_parameters

Environment = dict[str, Any]
Application = Callable[[Environment, Any], Iterable[bytes]]

READ = ("utf-8", "ascii", "iso8859-1", "cp1252")  # as Python calls them
SENTENCE = "This site reads UTF-8. Send the request again in that encoding."


def only_known(application: Application) -> Application:
    """`application`, but with 400 for a Content-Type whose charset is none of READ.

    Django takes any codec that Python has, so also those that are no encoding of text (zlib, hex), and fails where no
    handler of errors looks: while it makes the request. It ignores names that Python does not know.
    """

    def answer(environment: Environment, start_response: Any) -> Iterable[bytes]:
        if is_known(environment.get("CONTENT_TYPE", "")):
            return application(environment, start_response)
        refusal = HttpResponse(SENTENCE, status=400, content_type="text/plain; charset=utf-8")
        start_response("400 Bad Request", list(refusal.items()))
        return [refusal.content]

    return answer


def is_known(content_type: str) -> bool:
    """Whether Django can read a request of that Content-Type."""
    try:
        _, parameters = parse_header_parameters(content_type)
        return codecs.lookup(parameters.get("charset", "utf-8")).name in READ
    except LookupError:
        return True
    except ValueError:  # Django's own parser gives up on it
        return False
