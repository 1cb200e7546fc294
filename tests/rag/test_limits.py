"""How many questions are taken."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from rag import admission, limits, models
from tests import factories
from tests.rag.spending.test_budgets import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_asked_before() -> None:
    cache.clear()


def ready() -> str:
    """The slug of a project that answers."""
    project = factories.make_project("Thing")
    factories.make_live_revision(project, {"thing.py": "def greet():\n    return 'hello'\n"})
    return project.slug


def ask(client: Client, slug: str, **headers: str) -> int:
    return client.post(f"/projects/{slug}/chat/", {"question": "What does greet do?"}, headers=headers).status_code


def ask_api(client: Client, slug: str, **headers: str) -> Any:
    question = {"question": "What does greet do?"}
    return client.post(f"/api/projects/{slug}/ask/", question, content_type="application/json", headers=headers)


def test_a_visitor_has_so_many_questions_a_day(settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = 2
    limits.count_visitor("one")
    limits.count_visitor("one")
    limits.count_visitor("two")

    with pytest.raises(limits.LimitReached, match="come back tomorrow") as reached:
        limits.count_visitor("one")
    assert 0 < reached.value.retry_after <= 24 * 3600


def test_the_page_says_it_kindly_and_keeps_the_question(client: Client, settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = 1
    slug = ready()
    assert ask(client, slug) == 303

    response = client.post(f"/projects/{slug}/chat/", {"question": "And what else?"})
    assert response.status_code == 429 and int(response.headers["Retry-After"]) > 0
    assert "Please come back tomorrow" in response.content.decode() and "And what else?" in response.content.decode()
    assert models.Message.objects.count() == 1


def test_the_api_answers_429_with_a_code(client: Client, settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = 1
    slug = ready()
    assert ask_api(client, slug).status_code == 200

    response = ask_api(client, slug)
    assert response.status_code == 429 and int(response.headers["Retry-After"]) > 0
    assert response.json()["code"] == "visitor_limit"


def test_forged_addresses_and_new_cookies_are_one_visitor(client: Client, settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = 3
    slug = ready()
    taken = [ask(Client(), slug, x_forwarded_for=f"10.0.0.{n}") for n in range(10)]

    assert taken.count(303) == 3 and taken.count(429) == 7
    assert ask_api(Client(), slug, x_forwarded_for="10.1.1.1").status_code == 429


def test_no_address_is_stored(client: Client, settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = 3
    ask(client, ready())

    assert "127.0.0.1" not in models.Allowance.objects.get().scope


def test_a_conversation_has_so_many_questions(client: Client, settings: Settings) -> None:
    settings.RAG_CONVERSATION_QUESTIONS = 2
    slug = ready()

    assert [ask(client, slug) for _ in range(3)] == [303, 303, 429]
    assert [ask(Client(), slug)] == [303]


def test_a_question_that_is_not_taken_is_not_counted(client: Client, settings: Settings) -> None:
    settings.RAG_CONVERSATION_QUESTIONS, settings.RAG_VISITOR_DAILY_QUESTIONS = 1, 5
    slug = ready()
    for _ in range(3):
        ask(client, slug)

    assert models.Allowance.objects.get().questions == 1


def test_places_are_those_of_all_processes_together(client: Client, settings: Settings) -> None:
    settings.RAG_CONCURRENT_QUESTIONS = 1
    slug = ready()
    with limits.place():
        assert ask(client, slug) == 503
        response = ask_api(client, slug)

    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert int(response.headers["Retry-After"]) > 0
    assert ask(client, slug) == 303
    assert not models.Place.objects.exists()


def test_a_place_of_a_killed_process_frees_itself(settings: Settings) -> None:
    settings.RAG_CONCURRENT_QUESTIONS = 1
    models.Place.objects.create(expires_at="2000-01-01T00:00Z")

    with admission.admitted():
        assert models.Place.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_exactly_the_allowed_number_is_taken(settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS, settings.RAG_CONCURRENT_QUESTIONS = 1, 3

    def count(number: int) -> bool:
        try:
            limits.count_visitor("one")
        except limits.LimitReached:
            return False
        return True

    assert at_once(50, count).count(True) == 1
    assert sum(place is not None for place in at_once(50, lambda number: limits._take_place())) == 3
