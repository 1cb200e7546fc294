"""The admin and the session: forged forms, frames, redirects, logs, and pages that say too much."""

import json
import logging
import logging.config
import re
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import models, retrieval
from tests.attacks import TALLY
from tests.factories import make_live_revision, make_project, remember
from tests.rag.answers.test_answers import FILES

pytestmark = pytest.mark.django_db
CANARY = "canary-of-the-exception"
ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def project() -> Project:
    project = make_project("Queue", slug="queue")
    make_live_revision(project, FILES)
    return project


def owner(**options: bool) -> Client:
    client = Client(**options)  # type: ignore[arg-type]
    client.force_login(User.objects.create_superuser("owner", password="Gr4nite Hollow 77"))
    return client


# Forged forms


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Every address of the site, with something in the place of each name and number."""
    for entry in resolver.url_patterns:
        path = before + re.sub(r"<(\w+:)?(\w+)>", lambda match: VALUES.get(match[2], "1"), str(entry.pattern)).strip(
            "^$"
        )
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path)
        elif isinstance(entry, URLPattern) and "(?P" not in path:
            yield path


VALUES = {"slug": "queue", "message_id": ID, "object_id": "1", "content_type_id": "1", "name": "x"}


def test_no_post_is_taken_without_the_token_of_its_form(project: Project) -> None:
    client = owner(enforce_csrf_checks=True)
    paths = [path for path in addresses(get_resolver()) if not path.startswith("/api/")]
    before = counts()

    taken = [
        (path, code) for path in paths if (code := client.post(path, {"question": "x", "_save": "1"}).status_code) < 400
    ]

    TALLY.add("Admin, forged forms", tried=len(paths), active=len(taken))
    assert len(paths) > 60 and counts() == before
    assert [
        path for path, code in taken if code != 302
    ] == []  # a redirect to the form, or of an address without its slash


def counts() -> list[int]:
    return [
        model.objects.count() for model in (Project, User, models.Conversation, models.Message, models.Switches)
    ] + [ProjectRAG.objects.exclude(requested_at=None).count()]


def test_a_cookie_gives_the_api_no_more_rights(project: Project) -> None:
    Project.objects.update(is_published=False)
    client = owner(enforce_csrf_checks=True)

    assert client.get("/api/projects/").json()["results"] == []
    assert client.post("/api/projects/queue/ask/", {"question": "What?"}, "application/json").status_code == 404


def test_a_log_out_is_a_form(project: Project) -> None:
    client = owner()

    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/admin/").status_code == 200


def test_logging_in_changes_the_session(project: Project) -> None:
    User.objects.create_superuser("owner", password="Gr4nite Hollow 77")
    client = Client()
    remember(client, models.Conversation.objects.create(project=project))
    before = client.session.session_key

    client.post("/admin/login/", {"username": "owner", "password": "Gr4nite Hollow 77"})

    assert client.session.session_key != before and "_auth_user_id" in client.session


# Frames and redirects


def responses(project: Project) -> Iterator[HttpResponseBase]:
    """One of each kind."""
    client, staff = Client(), owner()
    yield from (
        client.get(path)
        for path in ("/", "/projects/queue/", "/projects/queue/chat/", "/nowhere", "/admin/", "/healthz")
    )
    yield from (
        client.get(path) for path in ("/admin/login/", "/api/projects/", "/api/schema/", "/sitemap.xml", "/robots.txt")
    )
    yield from (client.post(path) for path in ("/", "/projects/queue/chat/", "/projects/queue/chat/clear/"))
    yield Client(enforce_csrf_checks=True).post("/projects/queue/chat/")
    yield from (
        staff.get(path)
        for path in ("/admin/", "/admin/portfolio/project/", f"/admin/portfolio/project/{project.pk}/change/")
    )
    yield client.get("/?a=%00")


def test_no_response_can_be_framed(project: Project) -> None:
    seen = list(responses(project))

    assert {response.headers["X-Frame-Options"] for response in seen if response.status_code != 400} == {"DENY"}
    assert all("frame-ancestors 'none'" in response.headers["Content-Security-Policy"] for response in seen)
    assert len({response.status_code for response in seen}) >= 6


ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "https:evil.example", " //evil.example", "javascript:alert(1)", "/%09/evil.example", "http:///evil.example",
    "//evil.example\\@testserver", "\t//evil.example",
]  # fmt: skip


STAYS = re.compile(r"/(?![/\\])[!-~]*$")  # a path of this site, without what a browser drops


@pytest.mark.parametrize("there", ELSEWHERE)
def test_no_redirect_leads_elsewhere(there: str, project: Project) -> None:
    User.objects.create_superuser("owner", password="Gr4nite Hollow 77")
    login = {"username": "owner", "password": "Gr4nite Hollow 77", "next": there}
    client = Client()
    sent = [
        client.post("/admin/login/", login, query_params={"next": there}), client.get("/admin/login/", {"next": there}),
        client.post("/projects/queue/chat/", {"question": "What?", "next": there}, headers={"Referer": there.strip()}),
        client.post("/projects/queue/chat/clear/", {"next": there}), client.get(f"/{there}"),
        client.get(f"//evil.example/{there}/.."),
        client.get("/admin/portfolio/project", {"next": there}), client.get(f"/admin/logout/?next={there}"),
        client.post("/projects/queue/initialize/", {"next": there}, headers={"HX-Current-URL": there.strip()}),
    ]  # fmt: skip

    led = [response.headers["Location"] for response in sent if 300 <= response.status_code < 400]
    TALLY.add("Admin, redirects", tried=len(sent), leaks=sum(not STAYS.match(to) for to in led))
    assert led and [to for to in led if not STAYS.match(to)] == []


# Logs


LINES = [
    "\n2026-11-20 00:00:00 ERROR root: forged",
    "\r\nforged",
    "\x1b[2J\x1b[31mforged",
    "\x85forged",
    "\u2028forged",
    "\x07\x08\x9bforged",
]


@pytest.mark.parametrize("line", LINES)
def test_no_request_forges_a_line_of_the_log(line: str, project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """As the handler that is configured writes it."""
    handler = _console()
    logging.getLogger().addHandler(handler)
    try:
        client = Client(enforce_csrf_checks=True)
        client.get(f"/nowhere{line}")
        client.get("/", headers={"Host": f"evil{line}"})
        client.post(f"/projects/queue/chat/{line}", headers={"Referer": f"https://evil{line}"}, secure=True)
        client.post("/projects/queue/chat/", {"question": line})
        client.post("/admin/login/", {"username": line, "password": line})
        client.post("/api/projects/queue/ask/", {"question": line}, "application/json")
        client.put(f"/api/projects/queue/ask/{line}", line, "application/json")
    finally:
        logging.getLogger().removeHandler(handler)

    written = capfd.readouterr().err
    forged = [row for row in re.split(r"\r\n|[\r\n]", written) if row.startswith(("forged", "2026-11-20 00:00:00"))]
    controls = re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", written)
    TALLY.add("Logs", tried=7, active=len(forged) + len(controls))
    assert "Not Found" in written and (forged, controls) == ([], [])


def _console() -> logging.Handler:
    """A handler as the settings describe it, on what is captured now."""
    configurator = logging.config.DictConfigurator({**django_settings.LOGGING})
    formatter = configurator.configure_formatter(next(iter(django_settings.LOGGING["formatters"].values())))
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    return handler


# Pages that say too much


def broken(*_: object, **__: object) -> None:
    raise RuntimeError(CANARY)


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("portfolio.views.render", "/"), ("rag.views.render", "/projects/queue/panel/"),
        ("rag.views._project", "/projects/queue/chat/"),
        ("rag.api.ProjectList.get_queryset", "/api/projects/"),
        ("portfolio.admin.ProjectAdmin.get_queryset", "/admin/portfolio/project/"),
        ("portfolio.views.get_object_or_404", "/media/x.png"),
    ],
)  # fmt: skip
def test_an_exception_is_not_told(where: str, path: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    client = owner()
    client.raise_request_exception = False
    monkeypatch.setattr(where, broken)

    response = client.get(path)

    told = response.content.decode()
    TALLY.add("Admin, error pages", leaks=int(CANARY in told))
    assert response.status_code == 500
    assert not re.search(rf"{CANARY}|Traceback|RuntimeError|SECRET|/rag/|\.py", told)


def test_a_stream_that_breaks_does_not_say_why(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    shown = client.post("/projects/queue/chat/", {"question": "What?"}, headers={"HX-Request": "true"}).content.decode()
    (path,) = re.findall(r'sse-connect="([^"]+)"', shown)
    monkeypatch.setattr(retrieval, "search", broken)

    told = b"".join(client.get(path)).decode()

    TALLY.add("Admin, error pages", leaks=int(CANARY in told))
    assert CANARY not in told and "RuntimeError" not in told and "event: done" in told


def test_a_body_that_is_no_json_is_refused_without_a_trace(project: Project) -> None:
    response = Client().post("/api/projects/queue/ask/", "{" * 2_000, "application/json")

    assert response.status_code == 400 and set(json.loads(response.content)) == {"detail"}


# Money


def test_a_thousand_requests_with_forged_addresses_are_one_client(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fifty at once come to is in tests/rag/test_limits.py and tests/rag/spending."""
    monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": "5/hour"})
    client = Client()

    def ask(number: int) -> int:
        forged = {
            "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            "X-Real-IP": f"10.0.0.{number & 255}",
        }
        return client.post(
            "/api/projects/queue/ask/", {"question": "What?"}, "application/json", headers=forged
        ).status_code

    codes = [ask(number) for number in range(1_000)]

    TALLY.add("Money, forged addresses", tried=1_000, leaks=codes.count(200) - 5)
    assert (codes.count(200), codes.count(429)) == (5, 995)
