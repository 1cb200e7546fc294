"""Fifty who ask at once for the last question there is money for, and one who claims to be a thousand others."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from portfolio.models import Project
from rag import admission, llm, models
from rag.llm import families
from tests.attacks import TALLY
from tests.factories import make_live_revision, make_project
from tests.rag.answers.test_answers import FILES, Stub
from tests.rag.spending.test_budgets import at_once

MANY, ALLOWED = 50, 3
PRICE = Decimal("0.1")  # US dollars of an answer, which is as long as it may be
QUESTION = {"question": "What does claim_job pop from the queue?"}
AROUND = {"REMOTE_ADDR": "10.0.0.1"}  # the own proxy


class Paid(Stub):
    """Answers, and bills all that was held for it."""

    def __init__(self, tokens: int) -> None:
        super().__init__("It pops [1].", llm.Usage(tokens_in=0, tokens_out=tokens))


@pytest.fixture
def queue(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Answered by a model that costs PRICE; nothing but money is short."""
    tokens, named = settings.RAG_ANSWER_TOKENS + families.REASONING_TOKENS, llm.named
    monkeypatch.setattr(llm, "named", lambda name: named(name) if name == "extractive" else Paid(tokens))
    monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": "100000/min"})
    settings.RAG_PRICES = [f"stub/*=0:{PRICE * 1_000_000 / tokens}"]
    settings.RAG_ANSWER_CACHE, settings.RAG_MAX_STREAMS = False, MANY * admission.SHARE
    admission.places.cache_clear()
    project = make_project("Queue", slug="queue")
    make_live_revision(project, FILES)
    yield project
    admission.places.cache_clear()


def by_page(**headers: str) -> int:
    return Client().post("/projects/queue/chat/", QUESTION, headers=headers, **AROUND).status_code  # type: ignore[arg-type]


def by_api(**headers: str) -> int:
    client = Client(headers=headers)
    return client.post("/api/projects/queue/ask/", QUESTION, "application/json", **AROUND).status_code  # type: ignore[arg-type]


def ask_at_once() -> Counter[int]:
    """The statuses of MANY, at both doors in turn."""
    return Counter(at_once(MANY, lambda number: by_page() if number % 2 else by_api()))


def answered() -> int:
    """By the model, as the answers say and as the bill does."""
    count = models.Message.objects.filter(provider="stub", status="complete").count()
    assert models.Call.objects.filter(provider="stub", cost_usd=PRICE).count() == count
    assert not models.Hold.objects.exists()
    return count


@pytest.mark.django_db(transaction=True)
def test_a_visitors_last_questions_of_the_day_are_answered_and_no_more(queue: Project, settings: Settings) -> None:
    settings.RAG_VISITOR_DAILY_QUESTIONS = ALLOWED
    statuses = ask_at_once()

    TALLY.add("Money, fifty at once", tried=MANY, leaks=answered() - ALLOWED)
    assert (answered(), statuses[429]) == (ALLOWED, MANY - ALLOWED)
    assert statuses[200] + statuses[303] == ALLOWED == models.Message.objects.count()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("budget", ["RAG_DAILY_BUDGET_USD", "RAG_PROJECT_DAILY_BUDGET_USD"])
def test_the_last_of_a_budget_pays_for_as_many_answers_as_it_can(
    queue: Project, settings: Settings, budget: str
) -> None:
    setattr(settings, budget, PRICE * ALLOWED + PRICE / 2)
    statuses = ask_at_once()

    TALLY.add("Money, fifty at once", tried=MANY, leaks=answered() - ALLOWED)
    assert answered() == ALLOWED and set(statuses) == {200, 303}
    quoted = models.Message.objects.filter(provider="extractive", status="complete", answer__contains="budget")
    assert quoted.count() == MANY - ALLOWED
    assert {row.spent_usd for row in models.Allowance.objects.filter(spent_usd__gt=0)} == {PRICE * ALLOWED}


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "count"), [("a day", 250), ("a minute", 1_000)])
def test_a_thousand_forged_addresses_behind_one_proxy_are_one_visitor(
    queue: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch, limit: str, count: int
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    if limit == "a day":
        settings.RAG_VISITOR_DAILY_QUESTIONS = ALLOWED
    else:
        monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": f"{ALLOWED}/day"})
    forged = [f"10.{n // 250}.{n % 250}.7, 203.0.113.9" for n in range(count)]

    statuses = [(by_api if n % 20 else by_page)(x_forwarded_for=each) for n, each in enumerate(forged)]

    TALLY.add("Money, forged addresses", tried=len(statuses), leaks=answered() - ALLOWED)
    assert (answered(), statuses.count(429)) == (ALLOWED, count - ALLOWED)
    assert by_api(x_forwarded_for="203.0.113.10") == 200  # whom the proxy really saw elsewhere
