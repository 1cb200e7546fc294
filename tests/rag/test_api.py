"""The JSON doors show what the pages show, and no more."""

import io
import re
import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from portfolio.models import Project
from rag import admission, llm, models, visitors
from rag.llm import errors
from tests.factories import make_live_revision, make_project
from tests.rag.answers.test_answers import Stub

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(db: None) -> Project:
    project = make_project(title="Thing", repository_url="https://github.com/o/n")
    make_live_revision(project, files={"greet.py": "def greet(name):\n    return f'Hello {name}'\n"})
    return project


@pytest.fixture(autouse=True)
def nobody_asked_before() -> None:
    cache.clear()


def same(page: bytes) -> bytes:
    """Without what differs between any two answers."""
    return re.sub(rb'nonce="[^"]+"', b"", page)


def ask(client: Client, slug: str, question: Any) -> Any:
    return client.post(f"/api/projects/{slug}/ask/", {"question": question}, content_type="application/json")


def test_published_projects_are_listed_with_their_state(client: Client, ready: Project) -> None:
    [project] = client.get("/api/projects/").json()["results"]

    assert (project["slug"], project["repository_url"]) == (ready.slug, "https://github.com/o/n")
    assert project["assistant"]["processing_status"] == "ready"
    assert project["assistant"]["can_answer"] is True


def test_the_list_does_not_ask_more_of_the_database_for_more_projects(
    client: Client, ready: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        make_project(title=f"Number {number}")

    with django_assert_num_queries(2):  # the count and the page
        client.get("/api/projects/")


@pytest.mark.parametrize("page", ["limit=2", "limit=2&offset=1", "offset=2"])
def test_the_list_comes_in_pages(client: Client, page: str) -> None:
    slugs = [make_project(title=f"P{number}", position=number).slug for number in range(4)]
    wanted = dict(part.split("=") for part in page.split("&"))
    start, count = int(wanted.get("offset", 0)), int(wanted.get("limit", 50))

    found = client.get(f"/api/projects/?{page}").json()["results"]

    assert [project["slug"] for project in found] == slugs[start : start + count]


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5_000, "9223372036854775807", "-1", "x"])
def test_no_number_is_too_large_for_the_list(client: Client, ready: Project, number: str) -> None:
    make_project()

    assert len(client.get(f"/api/projects/?limit={number}").json()["results"]) == 2
    assert client.get(f"/api/projects/?limit={number}&offset=1").status_code == 200
    assert client.get(f"/api/projects/?offset={number}").status_code == 200


def test_a_project_that_was_never_processed_is_shown_too(client: Client) -> None:
    make_project(title="New", slug="new")

    assert client.get("/api/projects/new/").json()["assistant"]["commit"] is None


def test_a_question_is_answered_with_the_lines(client: Client, ready: Project) -> None:
    answer = ask(client, ready.slug, "What does greet return?").json()

    assert answer["status"] == "complete"
    assert answer["sources"][0]["path"] == "greet.py"
    assert answer["sources"][0]["start_line"] == 1


@pytest.mark.parametrize("door", ["/api/projects/kept-back/", "/projects/kept-back/", "/projects/kept-back/chat/"])
def test_hidden_and_absent_look_the_same(client: Client, door: str) -> None:
    make_project(title="Kept back", slug="kept-back", is_published=False)
    hidden, absent = client.get(door), client.get(door.replace("kept-back", "not-there"))

    assert hidden.status_code == absent.status_code == 404
    assert same(hidden.content.replace(b"kept-back", b"not-there")) == same(absent.content)


def test_a_hidden_project_answers_nothing(client: Client, ready: Project) -> None:
    Project.objects.update(is_published=False)

    assert ask(client, ready.slug, "What?").status_code == 404
    assert not models.Message.objects.exists()


def test_a_folder_of_the_server_is_not_told(client: Client, settings: Settings) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = True
    make_project(title="Local", slug="local", repository_url="/home/owner/secret-folder")

    assert "secret-folder" not in client.get("/api/projects/local/").content.decode()


@pytest.mark.parametrize("question", ["", "   ", "x" * 2_000, "a\0b", None, ["a"], {"a": 1}])
def test_a_question_that_cannot_be_asked_is_refused(client: Client, ready: Project, question: Any) -> None:
    answer = ask(client, ready.slug, question)

    assert answer.status_code == 400
    assert not models.Message.objects.exists()


@pytest.mark.parametrize("body", ["[" * 100_000, '{"question":' * 100_000])
def test_json_of_any_depth_is_refused(client: Client, ready: Project, body: str) -> None:
    answer = client.post(f"/api/projects/{ready.slug}/ask/", body, "application/json")

    assert (answer.status_code, answer.json()["detail"]) == (400, "JSON parse error - it is nested too deeply")


def test_a_body_that_is_too_large_is_refused_with_a_sentence(client: Client, ready: Project) -> None:
    answer = ask(client, ready.slug, "x" * 3_000_000)

    assert (answer.status_code, answer.json()["detail"].split(".")[0]) == (413, "The request is too large")


def test_a_project_without_an_index_says_so(client: Client) -> None:
    make_project(title="New", slug="new")

    assert ask(client, "new", "What?").status_code == 409


def test_a_client_that_changes_its_forwarded_address_is_still_one_client(
    client: Client, ready: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": "3/min"})
    codes = [
        client.post(
            f"/api/projects/{ready.slug}/ask/", {"question": "What?"}, "application/json",
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        ).status_code
        for number in range(5)
    ]  # fmt: skip

    assert codes == [200, 200, 200, 429, 429]


def test_the_pages_and_the_api_count_together(client: Client, ready: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": "1/min"})
    client.post(f"/projects/{ready.slug}/chat/", {"question": "What?"}, headers={"HX-Request": "true"})

    refused = ask(client, ready.slug, "What?")

    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json() == {"detail": visitors.TOO_MANY, "code": "visitor_rate"}


def test_a_full_house_is_told_at_once(
    client: Client, ready: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = threading.BoundedSemaphore(1)
    monkeypatch.setattr(admission, "places", lambda: one)

    with admission.admitted():
        refused = ask(client, ready.slug, "What?")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "All places are taken" in refused.json()["detail"]
    assert not models.Message.objects.exists() and not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ChatKeyRefused(), (503, "out of order")),
        (errors.ChatUnreachable(), (503, "cannot answer right now")),
        (errors.ChatRateLimited(), (429, "ask again in a minute")),
    ],
)
def test_an_answer_that_failed_is_no_success_and_says_why(
    client: Client, ready: Project, monkeypatch: pytest.MonkeyPatch, error: errors.ChatError, expected: tuple[int, str]
) -> None:
    monkeypatch.setattr(llm, "named", lambda _: Stub(error))

    answer = ask(client, ready.slug, "What does greet return?")

    status, words = expected
    assert (answer.status_code, answer.json()["status"], answer.headers["Retry-After"]) == (status, "failed", "60")
    assert words in answer.json()["detail"] and answer.json()["answer"] == ""


def test_a_part_of_an_answer_is_given_and_says_that_it_is_one(
    client: Client, ready: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "named", lambda _: Stub("It says", errors.ChatCut()))

    answer = ask(client, ready.slug, "What does greet return?")

    assert (answer.status_code, answer.json()["answer"]) == (200, "It says")
    assert "interrupted" in answer.json()["detail"]


@pytest.fixture
def elsewhere(settings: Settings) -> dict[str, str]:
    """The headers of a front end that the owner has named."""
    settings.CORS_ALLOWED_ORIGINS = ["https://me.example"]
    return {"Origin": "https://me.example"}


def test_a_front_end_that_is_named_may_read_and_ask(client: Client, ready: Project, elsewhere: dict[str, str]) -> None:
    asked = {**elsewhere, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    answers = [client.get("/api/projects/", headers=elsewhere), client.options("/api/projects/x/ask/", headers=asked)]

    assert [answer.headers["Access-Control-Allow-Origin"] for answer in answers] == ["https://me.example"] * 2
    assert "POST" in answers[1].headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answers[0].headers


@pytest.mark.parametrize("path", ["/", "/projects/thing/", "/admin/login/", "/healthz"])
def test_a_front_end_that_is_named_may_read_nothing_else(
    client: Client, ready: Project, elsewhere: dict[str, str], path: str
) -> None:
    assert "Access-Control-Allow-Origin" not in client.get(path, headers=elsewhere).headers


@pytest.mark.parametrize("origin", ["https://evil.example", "https://me.example.evil", "http://me.example", "null"])
def test_any_other_front_end_may_not(client: Client, ready: Project, elsewhere: dict[str, str], origin: str) -> None:
    response = client.get("/api/projects/", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_nobody_is_named_unless_the_owner_does(client: Client, ready: Project) -> None:
    response = client.get("/api/projects/", headers={"Origin": "https://me.example"})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_schema_describes_every_door(client: Client) -> None:
    text = client.get("/api/schema/").content.decode()

    assert all(door in text for door in ("/api/projects/", "/api/projects/{slug}/", "/api/projects/{slug}/ask/"))


def test_a_question_that_comes_slowly_holds_no_connection_to_the_database(client: Client, ready: Project) -> None:
    held: list[bool] = []

    class Slow(io.BytesIO):
        def read(self, *size: int | None) -> bytes:
            held.append(bool(queries.captured_queries))
            return super().read(*size)

    body = b'{"question": "What does claim_job pop?"}'
    with CaptureQueriesContext(connection) as queries:
        sent: dict[str, Any] = {
            "wsgi.input": Slow(body),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
        }
        assert client.post(f"/api/projects/{ready.slug}/ask/", **sent).status_code == 200
    assert held and not any(held)


def test_a_question_that_breaks_off_is_refused_with_a_sentence(client: Client, ready: Project) -> None:
    class Broken(io.BytesIO):
        def read(self, *size: int | None) -> bytes:
            raise OSError("reset")

    sent: dict[str, Any] = {"wsgi.input": Broken(), "CONTENT_LENGTH": "20", "CONTENT_TYPE": "application/json"}
    response = client.post(f"/api/projects/{ready.slug}/ask/", **sent)
    assert (response.status_code, response.json()) == (400, {"detail": "The request broke off."})
