"""What is larger than anything that is sent here is not read."""

import pytest
from django.test import RequestFactory

from config.middleware import size
from config.wsgi import application


class Unread:
    """A body that nobody may look at."""

    def read(self, _: int = -1) -> bytes:
        raise AssertionError

    readline = read


@pytest.mark.parametrize("path", ["/projects/x/chat/", "/admin/login/", "/api/projects/x/ask/"])
@pytest.mark.django_db
def test_a_large_request_is_refused_unread(path: str, rf: RequestFactory) -> None:
    kind = "multipart/form-data; boundary=b"
    environ = rf.post(path, content_type=kind).environ
    told: list[str] = []
    unread = {"CONTENT_LENGTH": str(size.MOST + 1), "wsgi.input": Unread(), "HTTP_COOKIE": f"csrftoken={'a' * 32}"}
    body = b"".join(application(environ | unread, lambda status, headers: told.append(status)))
    assert (told, body) == (["413 Request Entity Too Large"], b"This is more than is read here.")
