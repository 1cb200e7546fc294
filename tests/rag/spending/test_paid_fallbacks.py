"""What is paid when one model stands in for another, and who answers when nothing may be."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import Settings

from portfolio.models import Project
from rag import answers, llm, models
from rag.answers import drafts
from rag.llm import extractive, fallback, families
from rag.providers import breaker
from tests import factories
from tests.providers import Chat, Drop, Hang, Plan, Provider, Refusal, dialects, serving

FILES = {"greet.py": 'def greet(name):\n    """Say hello to somebody."""\n    return f"Hello {name}"\n'}
QUESTION = "How does greet say hello to somebody?"
DEATHS: list[Plan | None] = [None, Refusal(503), Drop(), Hang(3), Refusal(402), None, Refusal(401), Refusal(503)]


@pytest.fixture
def first(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.GROQ) as running:
        settings.LLM_PROVIDER, settings.RAG_PRICES = "groq", ["groq/*=1000:2000", "together/*=100:200"]
        settings.LLM_FALLBACKS = ["together"]
        yield set_up(settings, running)


@pytest.fixture
def second(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.TOGETHER) as running:
        yield set_up(settings, running)


@pytest.fixture
def own(settings: Settings) -> Iterator[Provider]:
    """A model of one's own, which costs nothing."""
    with serving(dialects.LMSTUDIO) as running:
        yield set_up(settings, running)


def set_up(settings: Settings, provider: Provider) -> Provider:
    provider.lead(settings)
    settings.LLM_FIRST_TOKEN_TIMEOUT, settings.RAG_TIMEOUT = 0.5, 3.0
    settings.RAG_ANSWER_CACHE = False  # the same question is put to the models each time
    return provider


@pytest.fixture
def thing(db: None) -> Project:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, FILES)
    return project


def asked(project: Project) -> models.Message:
    conversation = models.Conversation.objects.create(project=project)
    return models.Message.objects.create(conversation=conversation, question=QUESTION)


def answered(message: models.Message) -> models.Message:
    """In a thread, with a connection of its own."""
    try:
        return answers.complete(message)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_of_twenty_questions_to_a_dying_provider_every_hold_is_settled(
    first: Provider, second: Provider, thing: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker.Breaker, "_failed", lambda *_: None)  # so that each question finds out by itself
    plans = itertools.cycle(DEATHS)
    monkeypatch.setattr(first, "next_plan", lambda: next(plans))
    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(answered, [asked(thing) for _ in range(20)]))

    calls = models.Call.objects.all()
    assert {message.status for message in done} == {"complete"}
    assert {message.provider for message in done} == {"groq", "together"}
    assert calls.filter(error_code="").count() == 20 and len(calls) == 20 + sum(bool(each.detour) for each in done)
    assert not models.Hold.objects.exists()
    paid = sum((call.cost_usd for call in calls), Decimal(0))
    assert paid == sum(message.cost_usd for message in done) > 0
    for day in models.Allowance.objects.all():
        assert (day.spent_usd, day.held_usd) == (paid, Decimal(0))


@pytest.mark.django_db(transaction=True)
def test_what_failed_is_paid_only_where_it_may_have_worked(first: Provider, second: Provider, thing: Project) -> None:
    done = []
    for plan in (Refusal(402), Hang(3)):
        fallback.breakers.of(llm.named("groq"))._close()
        first.plan(plan)
        done.append(answers.complete(asked(thing)))

    refused, silent = models.Call.objects.filter(provider="groq").order_by("pk")
    assert (refused.error_code, refused.cost_usd) == ("quota", Decimal(0))
    assert (silent.error_code, silent.tokens_out) == ("timeout", families.REASONING_TOKENS)
    assert silent.tokens_in > 0 and done[1].cost_usd > silent.cost_usd > 0


@pytest.mark.parametrize("counted", [(-5, 3), (10**12, 3), (0, 0)])
def test_tokens_that_cannot_be_true_cost_no_answer_and_are_estimated(
    first: Provider, thing: Project, counted: tuple[int, int]
) -> None:
    first.plan(Chat(usage=counted))
    done = answers.complete(asked(thing))

    assert (done.status, done.answer) == ("complete", "Hello [1]")
    assert 100 < done.tokens_in < 10_000 and done.cost_usd > 0
    assert not models.Hold.objects.exists()


def test_a_model_that_thinks_until_its_limit_is_paid_for_it(first: Provider, second: Provider, thing: Project) -> None:
    first.plan(Chat(["<think>", *["word " * 100] * 1_000], usage=None))
    done = answers.complete(asked(thing))

    thought = models.Call.objects.get(provider="groq")
    assert (done.provider, done.detour, thought.error_code) == ("together", "groq: length", "length")
    assert (thought.tokens_in > 100, thought.tokens_out) == (True, 1_200 + families.REASONING_TOKENS)


def test_where_one_may_not_be_paid_a_model_of_ones_own_answers(
    first: Provider, own: Provider, thing: Project, settings: Settings
) -> None:
    settings.RAG_DAILY_BUDGET_USD, settings.LLM_FALLBACKS = Decimal("0.01"), ["lmstudio", "extractive"]
    done = answers.complete(asked(thing))

    assert (done.status, done.provider, done.detour) == ("complete", "lmstudio", "groq: budget")
    assert (done.cost_usd, done.answer, len(first.requests)) == (Decimal(0), "Hello [1]", 0)


def test_a_cheaper_one_answers_for_what_is_left(
    first: Provider, second: Provider, thing: Project, settings: Settings
) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal(3)
    done = answers.complete(asked(thing))

    assert (done.provider, done.detour) == ("together", "groq: budget")
    assert models.Allowance.objects.get(scope="all").spent_usd == done.cost_usd > 0


@pytest.mark.parametrize("fallbacks", [["none"], ["together"], ["together", "extractive"]])
def test_with_nothing_left_for_any_the_passages_come_with_the_reason(
    first: Provider, second: Provider, thing: Project, settings: Settings, fallbacks: list[str]
) -> None:
    settings.RAG_DAILY_BUDGET_USD, settings.LLM_FALLBACKS = Decimal("0.01"), fallbacks
    done = answers.complete(asked(thing))

    assert (done.status, done.provider) == ("complete", "extractive")
    assert done.answer.startswith(drafts.WITHOUT_MODEL["budget"])
    assert not (first.requests or second.requests or models.Call.objects.exists())


def test_the_switch_is_for_models_of_ones_own_too(own: Provider, thing: Project, settings: Settings) -> None:
    settings.LLM_PROVIDER = "lmstudio"
    models.Switches(answers_by_models=False).save()
    done = answers.complete(asked(thing))

    assert (done.provider, done.detour, own.requests) == ("extractive", "lmstudio: switched_off", [])
    assert done.answer.startswith(drafts.WITHOUT_MODEL["switched_off"])


def test_tomorrow_is_not_promised_where_somebody_may_be_back_in_a_minute(
    first: Provider, own: Provider, thing: Project, settings: Settings
) -> None:
    settings.RAG_DAILY_BUDGET_USD, settings.LLM_FALLBACKS = Decimal("0.01"), ["lmstudio"]
    own.plan(Refusal(404), Refusal(404))
    done = answers.complete(asked(thing))

    assert (done.provider, done.detour) == ("extractive", "groq: budget; lmstudio: model_missing")
    assert done.answer.startswith(extractive.INSTEAD)


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_paid_is_no_failure_and_leaves_its_probe_to_others(
    first: Provider, second: Provider, thing: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = fallback.clock()
    monkeypatch.setattr(fallback, "breakers", breaker.Breakers(lambda: now))
    first.plan(Refusal(402))
    assert answers.complete(asked(thing)).detour == "groq: quota"
    now += 60
    settings.RAG_DAILY_BUDGET_USD = models.Allowance.objects.get(scope="all").spent_usd + 3
    assert answers.complete(asked(thing)).detour == "groq: budget"

    settings.RAG_DAILY_BUDGET_USD = Decimal(0)
    assert answers.complete(asked(thing)).provider == "groq"
