"""Whose question it is, and how often they may ask."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from portfolio.models import Project
from rag import answers, models, visitors
from tests.factories import make_live_revision, make_project

pytestmark = pytest.mark.django_db

FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()\n"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def nobody_asked_before() -> None:
    cache.clear()


def ready(slug: str) -> Project:
    project = make_project(slug.title(), slug=slug)
    make_live_revision(project, FILES)
    return project


def ask(client: Client, slug: str, question: str, headers: dict[str, str] = HTMX) -> None:
    client.post(f"/projects/{slug}/chat/", {"question": question}, headers=headers)


def page(client: Client, slug: str) -> str:
    return client.get(f"/projects/{slug}/chat/").text


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Does `act` once, while the next answer without scripts is written."""
    complete = answers.complete

    def slow(message: models.Message) -> models.Message:
        monkeypatch.setattr(answers, "complete", complete)
        act()
        return complete(message)

    monkeypatch.setattr(answers, "complete", slow)


def from_page(secret: str = "", session: SessionStore | None = None) -> HttpRequest:
    """A question's request; `secret` came with the page that it was written on."""
    request = RequestFactory().post("/")
    request.COOKIES |= {"csrftoken": secret} if secret else {}
    request.session = session or SessionStore()
    return request


def test_what_is_asked_about_another_project_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    ready("queue"), ready("other")
    client = Client()
    page(client, "queue")
    meanwhile(monkeypatch, lambda: ask(client, "other", "Asked in another tab?"))

    ask(client, "queue", "Slow?", headers={})

    assert "Slow?" in page(client, "queue") and "Asked in another tab?" in page(client, "other")


def test_two_first_questions_at_once_are_both_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    ready("queue")
    client, tab = Client(), Client()
    page(client, "queue")
    tab.cookies["csrftoken"] = client.cookies["csrftoken"].value
    meanwhile(monkeypatch, lambda: ask(tab, "queue", "First tab?"))

    ask(client, "queue", "Second tab?", headers={})

    assert "sessionid" in tab.cookies and tab.cookies["sessionid"].value != client.cookies["sessionid"].value
    assert all(f"{which} tab?" in page(browser, "queue") for which in ("First", "Second") for browser in (client, tab))


@pytest.mark.django_db(transaction=True)
def test_many_first_questions_at_once_begin_one_conversation() -> None:
    project = ready("queue")

    def one(_: int) -> uuid.UUID:
        try:
            return visitors.conversation(from_page("secret"), project).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        begun = set(pool.map(one, range(24)))

    assert len(begun) == models.Conversation.objects.count() == 1


def test_the_id_is_in_the_session_before_the_answer_is_written() -> None:
    request = from_page()

    visitors.conversation(request, ready("queue"))

    assert SessionStore(request.session.session_key)[visitors.SESSION_KEY] == request.session[visitors.SESSION_KEY]


def test_the_id_tells_nothing_of_the_forms_secret() -> None:
    project = ready("queue")
    ids = {visitors.conversation(from_page(secret), project).visitor for secret in ("one", "two", "", "")}

    assert len(ids) == 4 and not any("one" in str(each) for each in ids)


def test_forms_sent_later_change_nobodys_id() -> None:
    project, session = ready("queue"), SessionStore()
    first = visitors.conversation(from_page("one", session), project)

    assert visitors.conversation(from_page("two", session), project) == first


def test_whoever_asks_through_the_api_is_no_visitor() -> None:
    project = ready("queue")
    for _ in range(2):
        models.Conversation.objects.create(project=project)

    assert not visitors.messages(from_page("secret"), project).exists()


@pytest.mark.parametrize(("proxies", "allowed"), [(0, 2), (1, 4)])
def test_visitors_are_told_apart_by_what_the_proxies_say_and_by_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, proxies: int, allowed: int
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    monkeypatch.setattr(visitors.QuestionThrottle, "THROTTLE_RATES", {"ask": "2/min"})
    addresses = [
        "10.0.0.1, 1.1.1.1",
        "10.0.0.2, 1.1.1.1",
        "10.0.0.3, 1.1.1.1",
        "10.0.0.4, 2.2.2.2",
        "10.0.0.5, 2.2.2.2",
    ]

    waits = [visitors.seconds_to_wait(RequestFactory().post("/", headers={"X-Forwarded-For": a})) for a in addresses]

    assert waits.count(0) == allowed and 0 < max(waits) <= 60


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("1.2.3.4", "::ffff:1.2.3.4", True),
        ("1.2.3.4", "::ffff:1.2.3.5", False),
        ("1.2.3.4:40001", "1.2.3.4:40002", True),
        ("[2001:db8:1:2::1]:40001", "2001:db8:1:2::2", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("1.2.3.4", "1.2.3.5", False),
        ("unknown", "_hidden", False),
    ],
)
def test_a_visitor_is_an_address_or_all_that_a_household_may_choose_from(one: str, other: str, *, same: bool) -> None:
    asked = [RequestFactory().post("/", REMOTE_ADDR=each) for each in (one, other)]

    assert (visitors.address(asked[0]) == visitors.address(asked[1])) is same


def test_new_addresses_of_one_household_are_no_new_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors.QuestionThrottle, "THROTTLE_RATES", {"ask": "2/min"})
    asked = [RequestFactory().post("/", REMOTE_ADDR=f"2001:db8::{number}") for number in range(4)]

    assert [visitors.seconds_to_wait(each) == 0 for each in asked] == [True, True, False, False]


def test_whoever_comes_after_a_logout_is_somebody_else(admin_client: Client) -> None:
    ready("queue")
    ask(admin_client, "queue", "What does claim_job pop?")
    admin_client.post("/admin/logout/")
    ask(admin_client, "queue", "And who are you?")

    assert "What does claim_job pop?" not in page(admin_client, "queue")
