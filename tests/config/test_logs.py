"""A log tells what happened and to which request or run, and neither secrets nor questions, and cannot be forged."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from config import logs, masking
from tests import factories
from tests.attacks.fake_secrets import FAKES, Fake

CANARY = "canary-7f3a9c-do-not-log"


@pytest.fixture(autouse=True)
def about_nothing() -> None:
    """Whatever requests other tests have made in this thread."""
    logs.begin()


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Everything that is logged, as the JSON form writes it."""
    with capturing(logs.Json()) as stream:
        yield stream


class capturing:
    def __init__(self, formatter: logging.Formatter) -> None:
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)
        self._handler.setFormatter(formatter)

    def __enter__(self) -> io.StringIO:
        logging.getLogger().addHandler(self._handler)
        self._level = logging.getLogger().level
        logging.getLogger().setLevel("DEBUG")
        return self._stream

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger().setLevel(self._level)


def records(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def formatted(formatter: logging.Formatter, message: str, *arguments: object, error: Exception | None = None) -> str:
    about = (type(error), error, error.__traceback__) if error else None
    return formatter.format(logging.LogRecord("rag.x", logging.WARNING, "x.py", 1, message, arguments, about))


def raised(text: str) -> Exception:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def test_a_record_is_an_object_with_what_it_is_about() -> None:
    with logs.about(request="abcd1234"), logs.about(project="thing"):
        record = json.loads(formatted(logs.Json(), "It took %d s", 3))

    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "WARNING", "logger": "rag.x", "message": "It took 3 s", "request": "abcd1234", "project": "thing",
    }  # fmt: skip


def test_an_error_brings_its_traceback() -> None:
    record = json.loads(formatted(logs.Json(), "It broke", error=raised("because")))

    assert record["error"].startswith("Traceback")
    assert record["error"].endswith("RuntimeError: because")


def test_a_plain_line_says_the_same() -> None:
    with logs.about(run="12ab"):
        line = formatted(logs.Line(), "It broke", error=raised("because"))

    assert line.split("\n")[0].endswith("WARNING rag.x: It broke [run=12ab]")
    assert line.split("\n")[-1] == "    RuntimeError: because"


def test_another_thread_logs_about_the_same_when_that_is_carried() -> None:
    found: list[str] = []

    def work() -> None:
        found.append(formatted(logs.Json(), "x"))

    with logs.about(run="12ab"):
        thread = threading.Thread(target=logs.carried(work))
    thread.start()
    thread.join()

    assert json.loads(found[0])["run"] == "12ab"


@given(st.text())
def test_nothing_that_is_logged_can_begin_a_line(text: str) -> None:
    for formatter in (logs.Json(), logs.Line()):
        whole = formatted(formatter, "%s", text, error=raised(text))
        lines = whole.splitlines()
        assert all(line.isprintable() or not any(map(logs._STEERS.match, line)) for line in lines)
        assert all(line.startswith("    ") for line in lines[1:])
    assert len(formatted(logs.Json(), "%s", text, error=raised(text)).splitlines()) == 1


@pytest.mark.parametrize(
    "steering", ["\n2026-01-01 ERROR root: forged", "\x1b[2J", "\u2028", "\u202e", "\r", "\x00", "\x9b"]
)
def test_what_steers_a_terminal_is_escaped(steering: str) -> None:
    for formatter in (logs.Json(), logs.Line()):
        assert steering not in formatted(formatter, "Not Found: %s", steering)


class Untold:
    """Fails whoever wants to write it down."""

    def __str__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("message", "argument"), [("%d s", CANARY), ("%(name)s", {"other": CANARY}), ("%s", Untold()), ("%s %s", CANARY)]
)
def test_arguments_that_do_not_fit_are_no_second_error(message: str, argument: object) -> None:
    assert json.loads(formatted(logs.Json(), message, argument))["message"] == message


def test_a_message_that_cannot_be_told_is_no_second_error() -> None:
    record = logging.LogRecord("rag.x", logging.WARNING, "x.py", 1, Untold(), (), None)

    assert json.loads(logs.Json().format(record))["message"] == "Untold"


def test_a_long_message_is_cut() -> None:
    assert len(formatted(logs.Json(), "x y " * 100_000, error=raised("e " * 100_000))) < 4 * logs.LONGEST


SECRETS = [
    f"postgresql://user:{CANARY}@db.example:5432/name refused",
    f"postgres://u:p@{CANARY}.example/name",
    f"redis://:{CANARY}@cache",
    f"https://x-token:{CANARY}@github.com/owner/name.git",
    f"https://x-token:p@{CANARY}@github.com/owner/name.git",
    f"next=https%3A%2F%2Fx-token%3A{CANARY}%40github.com%2Fowner",
    f"[(b'authorization', b'token {CANARY}')]",
    f"{{b'x-api-key': b'{CANARY}'}}",
    f"Authorization: Bearer {CANARY}",
    f"{{'Authorization': 'Basic {CANARY}'}}",
    f"('authorization', '{CANARY}')",
    f"api-key: {CANARY}",
    f"Cookie: csrftoken=x; sessionid={CANARY}",
    f'connection to server at "{CANARY}.render.com" (10.0.0.5), port 5432 failed',
    f'FATAL: password authentication failed for user "{CANARY}"',
    f'could not translate host name "{CANARY}" to address',
    f"host={CANARY} user={CANARY} password='{CANARY}' dbname={CANARY}",
]


@pytest.mark.parametrize("text", SECRETS)
def test_keys_and_addresses_of_databases_are_masked(text: str) -> None:
    for formatter in (logs.Json(), logs.Line()):
        assert CANARY not in formatted(formatter, "It failed: %s", text)
        assert CANARY not in formatted(formatter, "It failed", error=raised(text))


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)
def test_what_has_the_form_of_a_key_is_masked(fake: Fake) -> None:
    logged = formatted(logs.Line(), "It failed", error=raised(fake.text))

    assert not [secret for secret in fake.secrets if secret in logged]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", CANARY),
        ("SECRET_KEY", CANARY),
        ("RAG_GIT_TOKENS", f"gitlab.com=other-token,github.com={CANARY}"),
        ("DATABASE_URL", f"postgresql://u:{CANARY}@localhost/x"),
        ("DATABASE_URL", f"postgresql://u:p@{CANARY}/x"),
        ("EMAIL_URL", f"smtp://u:{CANARY}@host:587"),
    ],
)
def test_the_secrets_of_this_process_are_masked_in_any_form(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    masking.own.cache_clear()
    try:
        assert masking.masked(f"<<{CANARY}>> github.com gitlab.com") == f"<<{masking.MASK}>> github.com gitlab.com"
    finally:
        monkeypatch.undo()
        masking.own.cache_clear()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key of this process, with letters that addresses and programs write in another way."""
    value = "q9+kd/83 bX'y=\\ö" + CANARY
    monkeypatch.setenv("LLM_API_KEY", value)
    masking.own.cache_clear()
    yield value
    monkeypatch.undo()
    masking.own.cache_clear()


@pytest.mark.parametrize("form", [str, quote, partial(quote, safe=""), quote_plus, repr, json.dumps])
def test_they_are_masked_however_they_are_written(key: str, form: Callable[[str], str]) -> None:
    assert CANARY not in masking.masked(f"It failed with {form(key)}.")


@pytest.mark.parametrize("seen", range(1, len(CANARY), 3))
def test_none_is_told_by_half_because_a_line_is_cut(key: str, seen: int) -> None:
    around = "w " * logs.LONGEST

    for place in (logs.LONGEST, logs.LONGEST + masking.MARGIN):
        message = around[: place - len(key) + seen] + key + around
        assert "q9+kd" not in masking.beginning(message, logs.LONGEST)
        assert CANARY[-5:] not in masking.ending(around + key + around[: place - seen], logs.LONGEST)


@pytest.mark.parametrize("text", ["Files in Go are cut by lines", "Answer 0f3a is not by groq: it takes 3 tokens"])
def test_ordinary_words_stay(text: str) -> None:
    assert masking.masked(text) == text


# Requests


@pytest.mark.django_db
def test_an_answer_carries_the_id_that_its_log_lines_have(client: Client, out: io.StringIO) -> None:
    response = client.get("/nothing-here/")

    [record] = [record for record in records(out) if record["logger"] == "django.request"]
    assert record["request"] == response.headers["X-Request-ID"]
    assert (record["message"], record["status"]) == ("Not Found: /nothing-here/", "404")


@pytest.mark.django_db
def test_a_proxys_id_is_taken_over(client: Client) -> None:
    response = client.get("/", headers={"X-Request-ID": "7f0c-Proxy_id.1"})

    assert response.headers["X-Request-ID"] == "7f0c-Proxy_id.1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "a b c d e f", "abc\ndefgh", '"},{"level":"x', "../../etc", "ümlautümlaut"]
)
def test_an_id_that_is_none_is_replaced(client: Client, given: str) -> None:
    found = client.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert found != given
    assert len(found) == 32


@pytest.mark.django_db
def test_a_path_cannot_forge_a_line(client: Client, out: io.StringIO) -> None:
    client.get("/x%0A%7B%22level%22:%22CRITICAL%22%7D%1b%5B2J")

    assert [record["level"] for record in records(out) if record["logger"] == "django.request"] == ["WARNING"]
    assert "\x1b" not in out.getvalue()


@pytest.mark.django_db
def test_questions_and_headers_of_visitors_are_not_logged(client: Client, out: io.StringIO) -> None:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, {"a.py": "def f():\n    return 1\n"})
    headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}", "Referer": f"https://x/{CANARY}"}

    asked = client.post(reverse("chat", args=[project.slug]), {"question": f"What is {CANARY}?"}, headers=headers)
    client.post(f"/api/projects/{project.slug}/ask/", {"question": CANARY}, content_type="application/json")
    client.get(f"/nothing/?question={CANARY}", headers=headers)

    assert asked.status_code == 303
    assert "/nothing/" in out.getvalue()
    assert CANARY not in out.getvalue()


# What nobody catches

BY_HAND = {
    "The thread work broke": "import threading\nthread = threading.Thread(target=fail, name='work')\nthread.start()",
    "Ignored, in function": "class Broken:\n    def __del__(self):\n        fail()\nBroken()",
    "Nobody caught this": "fail()",
}


@pytest.mark.parametrize(("message", "ending"), BY_HAND.items())
def test_what_nobody_catches_is_a_line_without_secrets(message: str, ending: str) -> None:
    script = f"""
import os, django
django.setup()
def fail():
    raise RuntimeError("It was " + os.environ["LLM_API_KEY"])
{ending}
"""
    bare = {"ENV_FILE": os.devnull, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_FORMAT": "json"}
    bare |= {"LLM_API_KEY": CANARY, "DATABASE_URL": "postgresql://localhost/none"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=bare, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )

    [record] = [json.loads(line) for line in run.stderr.splitlines()]
    assert record["message"] == message
    assert f"RuntimeError: It was {masking.MASK}" in record["error"]
    assert CANARY not in run.stderr
