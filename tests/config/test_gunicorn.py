"""The server as it runs, in a process of its own."""

import gc
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse

from config import gunicorn
from portfolio.models import Project
from rag import embeddings, models
from rag.llm import fallback
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()"}


def database_url() -> str:
    """Of the database that the tests use."""
    about = {name: quote(str(value), safe="") for name, value in connection.settings_dict.items()}
    return f"postgresql://{about['USER']}:{about['PASSWORD']}@{about['HOST']}:{about['PORT']}/{about['NAME']}"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def server(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "DATABASE_URL": database_url(), "PORT": str(port), "LLM_FAKE_DELAY": "0.2"}
    environment |= {"LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    command += ["--bind", f"127.0.0.1:{port}"]
    with (
        log.open("wb") as written,
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=written) as process,
    ):
        wait_until_answered(port)
        yield process
        process.kill()


def wait_until_answered(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError


def ask(port: int, project: Project, question: str) -> HTTPResponse:
    """The open stream of a visitor's question."""
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    address = f"http://127.0.0.1:{port}{reverse('chat', args=[project.slug])}"
    browser.open(address, timeout=20).close()
    token = next(str(cookie.value) for cookie in cookies if cookie.name == settings.CSRF_COOKIE_NAME)
    form = urlencode({"question": question, "csrfmiddlewaretoken": token}).encode()
    browser.open(urllib.request.Request(address, form, {"HX-Request": "true"}), timeout=20).close()
    message = models.Message.objects.get()
    stream: HTTPResponse = browser.open(f"{address}{message.pk}/stream", timeout=20)
    return stream


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_keeps_what_was_written(
    server: subprocess.Popen[bytes], port: int, log: Path, number: signal.Signals
) -> None:
    project = factories.make_project()
    factories.make_live_revision(project, FILES)
    stream = ask(port, project, "What does claim_job pop? " * 20)
    while stream.readline() != b"event: text\n":
        pass
    server.send_signal(number)
    rest = stream.read()
    server.wait(10)
    message = models.Message.objects.get()
    assert (message.status, message.error_code) == (models.Message.Status.INTERRUPTED, "stopped")
    assert message.answer.startswith("You")
    assert rest.endswith(b"event: done\ndata: done\n\n")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert "gunicorn.error" in {record["logger"] for record in records}
    assert "claim_job" not in log.read_text() and "GET /" not in log.read_text()  # neither questions nor visits


def test_what_is_loaded_is_not_looked_through_for_garbage_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(fallback, "warm", lambda: done.append("models"))
    monkeypatch.setattr(embeddings, "warm", lambda: done.append("vectors"))
    monkeypatch.setattr(gc, "freeze", lambda: done.append("frozen"))
    gunicorn._warm()
    assert done == ["models", "vectors", "frozen"]
