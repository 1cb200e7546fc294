"""No charset of a request makes Django fail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from config.middleware import charset

NO_ENCODINGS = ["zlib", "hex", "rot13", "base64", "bz2", "quopri", "uu", "undefined", "idna", "punycode"]
ODD = ["utf-16", "utf-7", "unicode_escape", "utf-8; charset=zlib", '"zlib"', "ZLIB", "a\0b"]
KNOWN = ["utf-8", "UTF8", '"utf-8"', "us-ascii", "ISO-8859-1", "windows-1252", "nobody-knows", "x" * 9_000, ""]

SERVED = """
from werkzeug.test import Client
from config.wsgi import application
for name in ("utf-8", "zlib"):
    print(Client(application).get("/favicon.ico?a=b", content_type=f"text/plain; charset={name}").status_code)
"""


@pytest.fixture
def client() -> Iterator[Client]:
    """Asks for a page that needs no database, and leaves the connection of the tests alone."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield Client(charset.only_known(WSGIHandler()))
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def sent(client: Client, method: str, name: str, kind: str) -> Any:
    return client.open("/favicon.ico?a=b", method=method, data=b"a=b", content_type=f"{kind}; charset={name}")


@pytest.mark.parametrize("name", [*NO_ENCODINGS, *ODD])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_django_cannot_read_is_refused_with_a_sentence(client: Client, method: str, name: str, kind: str) -> None:
    answer = sent(client, method, name, kind)

    assert (answer.status_code, answer.text) == (400, charset.SENTENCE)


@pytest.mark.parametrize("name", KNOWN)
def test_usual_encodings_and_unknown_names_go_on(client: Client, name: str) -> None:
    assert sent(client, "GET", name, "text/plain").status_code == 302


@pytest.mark.parametrize("kind", ["", "text/plain", ";", "\0", "a/b;" * 5_000, "é", "text/plain; charset"])
def test_any_content_type_is_survived(client: Client, kind: str) -> None:
    assert client.get("/favicon.ico?a=b", content_type=kind).status_code in (302, 400)


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"text/plain; *charset\*?=[ -~]*"))
def test_of_any_content_type_it_is_known_whether_django_can_read_it(kind: str) -> None:
    if charset.is_known(kind):
        WSGIRequest({"REQUEST_METHOD": "GET", "QUERY_STRING": "a=b", "CONTENT_TYPE": kind, "wsgi.input": BytesIO()})


def test_the_site_is_served_with_it() -> None:
    environment = {"ENV_FILE": os.devnull, "DEBUG": "true", "DATABASE_URL": "postgresql://localhost/none"}
    command = [sys.executable, "-c", SERVED]
    run = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, check=True)

    assert run.stdout.decode().split() == ["302", "400"]
