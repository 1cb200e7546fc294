"""Suggested questions that are answered before anybody asks."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from portfolio.models import Project
from rag import answers, llm, models, prompts, suggestions
from rag.answers import ahead
from rag.llm import errors
from rag.spending import budgets
from tests import factories
from tests.rag.answers.test_answers import ask

pytestmark = pytest.mark.django_db
FILES = {"queue.py": "class Queue:\n    def claim_job(self):\n        return self.jobs.pop()"}


@pytest.fixture
def project() -> Project:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, FILES)
    return Project.objects.with_assistants().get(pk=project.pk)


def test_a_visitor_gets_what_was_answered_ahead(project: Project) -> None:
    done = ahead.answer(project)
    live = project.rag.live_revision
    assert live is not None
    known = [answers.complete(ask(live, question)) for question in suggestions.for_project(project)]

    assert done == sum(message.first_answered_at is not None for message in known) > 0
    assert models.Conversation.objects.filter(ahead=True).count() == done


def test_nothing_is_answered_twice(project: Project) -> None:
    ahead.answer(project)

    assert ahead.answer(project) == 0


def test_its_calls_are_for_what_they_are_for(project: Project, settings: Settings) -> None:
    settings.RAG_PRICES = ["fake/fake=1000:2000"]
    ahead.answer(project)

    purposes = models.Call.objects.values_list("purpose", flat=True)
    assert set(purposes) == {"ahead"} and purposes.filter(tokens_out=0).exists()  # of the search, too


def test_those_of_the_index_before_go(project: Project) -> None:
    ahead.answer(project)
    before = set(models.Conversation.objects.values_list("pk", flat=True))
    factories.make_live_revision(project, {path: f"{text}\n" for path, text in FILES.items()})
    ahead.answer(Project.objects.with_assistants().get(pk=project.pk))

    assert before.isdisjoint(models.Conversation.objects.values_list("pk", flat=True))


def test_without_a_budget_nothing_is_asked(project: Project, settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal(1)
    models.Allowance.objects.create(day=budgets._today(), scope="all", spent_usd=Decimal(1))

    assert ahead.answer(project) == 0 and not models.Message.objects.exists()


def test_a_model_that_fails_raises_nothing_and_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.llm.fake.answer", lambda prompt: 1 / 0)

    assert ahead.answer(project) == 0 and not models.Conversation.objects.exists()


def test_answers_that_cost_nothing_are_not_made_ahead(project: Project, settings: Settings) -> None:
    settings.LLM_PROVIDER = "extractive"

    assert ahead.answer(project) == 0 and not models.Message.objects.exists()


def test_neither_a_share_nor_a_fallback_answers_ahead(
    project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LLM_ROLLOUT, settings.LLM_FALLBACKS = ["extractive=100"], ["extractive"]
    assert ahead.answer(project) > 0 == ahead.answer(project)

    def fail(prompt: prompts.Prompt) -> str:
        raise errors.ChatTimeout

    models.Conversation.objects.all().delete()
    asked: set[str] = set()
    named = llm.named

    def known(name: str) -> llm.ChatModel:
        asked.add(name)
        return named(name)

    monkeypatch.setattr(llm, "named", known)
    monkeypatch.setattr("rag.llm.fake.answer", fail)
    assert ahead.answer(project) == 0 and not models.Conversation.objects.exists()
    assert asked == {"fake"}


def test_it_stops_when_it_is_to_stop(project: Project) -> None:
    assert ahead.answer(project, lambda: False) == 0


def test_where_nothing_is_given_again_nothing_is_answered_ahead(project: Project, settings: Settings) -> None:
    settings.RAG_ANSWER_CACHE = False

    assert ahead.answer(project) == 0 and not models.Message.objects.exists()
