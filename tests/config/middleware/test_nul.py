"""A NUL where the database would be asked for it."""

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db
PATHS = [
    "/?a=%00",
    "/admin/rag/sourcefile/?skip_reason=%00",
    "/admin/rag/call/?error_code__exact=a%00b",
    "/api/projects/?limit=%00",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_query_with_a_nul_is_refused(path: str, admin_client: Client) -> None:
    response = admin_client.get(path)

    assert (response.status_code, response.content) == (400, b"There is a NUL in this address.")
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "messages"])
@pytest.mark.parametrize("path", ["/", "/admin/", "/healthz"])
def test_a_cookie_with_a_nul_is_none(path: str, name: str, client: Client) -> None:
    client.cookies.load(f'{name}="abcdefgh\\000"')
    assert client.get(path).status_code in (200, 302)


def test_any_other_query_is_answered(client: Client) -> None:
    assert client.get("/?a=%0a%25").status_code == 200
