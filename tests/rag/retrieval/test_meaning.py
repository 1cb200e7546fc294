"""A question whose model fails: through the real SDK, against a server of this computer."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pytest_django import Settings

from rag import answers, embeddings, models, retrieval
from rag.providers.breaker import FAILURES, Breakers
from rag.retrieval import meaning
from tests import factories
from tests.providers import Hang, Plan, Provider, Refusal, dialects, serving

pytestmark = pytest.mark.django_db
FILES = {"greet.py": 'def greet(name):\n    """Say hello to somebody."""\n    return f"Hello {name}"\n'}
QUESTION, ELSEWHERE = "How does greet say hello to somebody?", "Where do zebras eat hippopotamus salad?"


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.OPENAI) as running:
        running.lead(settings)
        settings.EMBEDDING_PROVIDER, settings.RAG_PRICES, settings.RAG_TIMEOUT = "openai", ["openai/*=1:2"], 0.4
        settings.OPENAI_EMBEDDING_MODEL = "a-model"
        yield running


@pytest.fixture
def revision(provider: Provider) -> models.Revision:
    revision = factories.make_live_revision(factories.make_project(), FILES)
    revision.embedding_model, revision.embedding_provider = "a-model", "openai"
    revision.save()
    return revision


def asked(revision: models.Revision, question: str = QUESTION) -> models.Message:
    conversation = models.Conversation.objects.create(project=revision.rag.project)
    return answers.complete(models.Message.objects.create(conversation=conversation, question=question))


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (Refusal(402), "embedding_quota"),
        (Refusal(401), "embedding_key"),
        (Refusal(503), "embedding_unavailable"),
        (Hang(3), "embedding_unavailable"),
        (Refusal(429, headers={"Retry-After": "60"}), "embedding_rate_limited"),
    ],
)
def test_a_question_is_answered_by_its_words(
    provider: Provider, revision: models.Revision, plan: Plan, code: str
) -> None:
    provider.plan(plan, plan)
    done = asked(revision)

    assert (done.status, done.found, done.detour) == ("complete", True, f"openai for the search: {code}")
    assert done.sources.get(cited=True).path == "greet.py"


def test_the_similarity_of_a_substitute_is_not_believed(
    provider: Provider, revision: models.Revision, settings: Settings
) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.0000001")
    models.Revision.objects.update(embedding_model="text-embedding-3-small")  # whose similarities are, otherwise
    settings.OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"
    revision.refresh_from_db()
    found, missed = (retrieval.search(revision, question) for question in (QUESTION, "Does `feed_zebras()` greet?"))

    assert found.detour == missed.detour == "openai for the search: budget"
    assert found.confident
    assert not missed.confident


def test_what_its_words_do_not_find_is_not_said_to_be_absent(provider: Provider, revision: models.Revision) -> None:
    provider.plan(Refusal(402))
    done = asked(revision, ELSEWHERE)

    assert (done.status, done.error_code, done.answer) == ("failed", "embedding_quota", "")


def test_what_stood_in_is_not_given_again(provider: Provider, revision: models.Revision, settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.00000001")  # the model that answers is free

    assert (asked(revision).detour, provider.requests) == ("openai for the search: budget", [])
    assert not models.RememberedAnswer.objects.exists()


def test_one_that_is_down_is_not_waited_for(provider: Provider, revision: models.Revision) -> None:
    provider.plan(*[Hang(3)] * 9)
    for _ in range(FAILURES):
        asked(revision)
    requests, started = len(provider.requests), time.monotonic()

    assert asked(revision).found
    assert (len(provider.requests), time.monotonic() - started < 0.35) == (requests, True)
    assert models.Call.objects.filter(provider="openai").count() == FAILURES


def test_one_that_is_back_is_asked_again(
    provider: Provider, revision: models.Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(meaning, "breakers", Breakers(lambda: now))
    provider.plan(Refusal(402))
    embedder = embeddings.for_model("a-model", "openai")
    for error in (embeddings.QuotaExhausted, embeddings.ProviderUnavailable):  # the second time it is passed over
        with pytest.raises(error):
            meaning.vector(embedder, QUESTION, revision, "question")
    now += 60

    assert meaning.vector(embedder, QUESTION, revision, "question")
    assert len(provider.requests) == 2


def test_a_question_that_is_refused_says_nothing_of_others(provider: Provider, revision: models.Revision) -> None:
    provider.plan(*[Refusal(422)] * FAILURES)
    for _ in range(FAILURES):
        retrieval.search(revision, QUESTION)

    assert not meaning.breakers.of(embeddings.for_model("a-model", "openai")).is_open
