"""Six pages of the site in production, as the public observatory of headers would grade them."""

import json
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from rag import models
from tests import factories, observatory

HOST = "docent.example"
KINDS = ("home", "project", "chat", "source", "login", "missing")


@pytest.fixture
def pages(transactional_db: None) -> dict[str, observatory.Page]:
    """As a process with the settings of production answers."""
    visitor = uuid.uuid4()
    return scanned(made(factories.make_project("Headers"), visitor), visitor)


def made(project: Any, visitor: uuid.UUID) -> dict[str, str]:
    factories.make_live_revision(project, {"queue.py": "def claim_job(queue):\n    return queue.pop()"})
    conversation = models.Conversation.objects.create(project=project, visitor=visitor)
    message = models.Message.objects.create(
        conversation=conversation, question="What is popped?", answer="The queue [1].", status="complete"
    )
    message.sources.create(
        number=1, path="queue.py", start_line=1, end_line=2, commit_sha=factories.COMMIT, text="def a(): ...", score=1.0
    )
    own = project.get_absolute_url()
    return {
        "home": "/", "project": own, "chat": f"{own}chat/", "source": f"{own}chat/{message.pk}/sources/1/",
        "login": "/admin/login/", "missing": "/nowhere",
    }  # fmt: skip


def scanned(paths: dict[str, str], visitor: uuid.UUID) -> dict[str, observatory.Page]:
    about = connection.settings_dict
    url = f"postgresql://{about['USER']}:{about['PASSWORD']}@{about['HOST']}:{about['PORT']}/{about['NAME']}"
    production = {"ENV_FILE": os.devnull, "SECRET_KEY": "k" * 50, "DATABASE_URL": url, "ALLOWED_HOSTS": HOST}
    production |= {"LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "tests.config.visit", json.dumps(paths), str(visitor)]
    run = subprocess.run(command, env=production, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {kind: observatory.Page(**facts) for kind, facts in json.loads(run.stdout).items()}


def test_six_pages_are_graded_a_plus(pages: dict[str, observatory.Page]) -> None:
    reports = {kind: observatory.scan(page) for kind, page in pages.items()}

    assert {kind: page.status for kind, page in pages.items()} == dict.fromkeys(KINDS, 200) | {"missing": 404}
    assert {kind: report.grade for kind, report in reports.items()} == dict.fromkeys(KINDS, "A+")
    assert [report.points for report in reports.values() if min(report.points.values()) < 0] == []


def test_six_pages_have_the_best_policy_and_a_year_of_https(pages: dict[str, observatory.Page]) -> None:
    sources = [observatory.directives(page) for page in pages.values()]

    assert all((of["default-src"], of["img-src"]) == ({"'none'"}, {"'self'"}) for of in sources)
    year = "max-age=31536000; includeSubDomains; preload"
    assert {page.headers["strict-transport-security"] for page in pages.values()} == {year}


def test_the_cookies_belong_to_this_host(pages: dict[str, observatory.Page]) -> None:
    cookies = [cookie for page in pages.values() for cookie in page.cookies]

    assert cookies and all(cookie.startswith("__Host-") and "Domain" not in cookie for cookie in cookies)


GOOD = {
    "content-security-policy": "default-src 'none'; script-src 'nonce-a'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


def policy(sources: str) -> dict[str, str | None]:
    return {"content_security_policy": f"{sources}; frame-ancestors 'none'"}


def page(**changes: str | None) -> observatory.Page:
    """A good one, but for some headers (None: without)."""
    headers = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    given = {name: value for name, value in headers.items() if value is not None}
    return observatory.Page(address="https://a.example/", status=200, headers=given, redirect="https://a.example/")


@pytest.mark.parametrize(
    ("changes", "score", "grade"),
    [
        ({}, 130, "A+"),
        ({"content_security_policy": None}, 55, "C"),
        (
            {"content_security_policy": "default-src 'none'; script-src 'unsafe-inline'; frame-ancestors 'none'"},
            80,
            "B+",
        ),
        (policy("default-src 'none'; script-src https:"), 80, "B+"),
        (
            {"content_security_policy": "default-src 'none'; script-src 'unsafe-eval'; frame-ancestors 'none'"},
            110,
            "A+",
        ),
        (policy("default-src 'self'"), 125, "A+"),
        (
            {"content_security_policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"},
            120,
            "A+",
        ),
        ({"strict_transport_security": None}, 80, "B+"),
        ({"strict_transport_security": "max-age=3600"}, 120, "A+"),
        ({"x_content_type_options": None}, 125, "A+"),
        ({"referrer_policy": "unsafe-url"}, 120, "A+"),
        ({"access_control_allow_origin": "https://b.example", "access_control_allow_credentials": "true"}, 50, "C"),
    ],
)
def test_the_points_are_those_that_are_published(changes: dict[str, str | None], score: int, grade: str) -> None:
    report = observatory.scan(page(**changes))

    assert (report.score, report.grade) == (score, grade)


@pytest.mark.parametrize(
    ("cookie", "points"),
    [
        ("sessionid=a; Secure; HttpOnly; SameSite=Lax", 5),
        ("sessionid=a; Secure; HttpOnly", 0),
        ("sessionid=a; Secure; SameSite=Lax", -30),
        ("sessionid=a; HttpOnly; SameSite=Lax", -10),
        ("colour=a; SameSite=Lax", -5),
        ("csrftoken=a; Secure", -20),
        ("colour=a; SameSite=None", -20),
    ],
)
def test_cookies_are_judged_by_their_flags(cookie: str, points: int) -> None:
    assert observatory.cookies(observatory.Page(address="", status=200, headers=GOOD, cookies=[cookie])) == points
