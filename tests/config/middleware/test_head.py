"""HEAD is answered like GET, without the body."""

import pytest
from django.http import HttpRequest, HttpResponse

from config.middleware.head import HeadMiddleware


@pytest.mark.parametrize(("method", "body"), [("HEAD", b""), ("GET", b"four")])
def test_the_body_goes_and_its_length_stays(method: str, body: bytes) -> None:
    request = HttpRequest()
    request.method = method
    response = HeadMiddleware(lambda _request: HttpResponse(b"four", headers={"Content-Length": "4"}))(request)

    assert isinstance(response, HttpResponse)
    assert (response.content, response.headers["Content-Length"]) == (body, "4")
