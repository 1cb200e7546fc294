"""A call from beginning to end."""

from decimal import Decimal

import pytest
from django.db import transaction

from portfolio.models import Project
from rag import embeddings, models, tokens
from rag.spending import budgets, calls
from tests import factories

pytestmark = pytest.mark.django_db

ABOUT = calls.About(purpose="question", provider="groq", model="openai/gpt-oss-120b")  # $0.15 in, $0.60 out


def test_a_call_is_a_row_with_its_price_and_its_latency() -> None:
    project = factories.make_project()
    about = calls.About(purpose="question", provider="groq", model="openai/gpt-oss-120b", project_id=project.pk)
    call = calls.begin(about, tokens_in=8_000, tokens_out=2_000)
    call.stop_clock()
    cost = calls.end(call, calls.Used(tokens_in=1_000, tokens_out=100))

    row = models.Call.objects.get()
    assert row.cost_usd == cost == Decimal("0.00021")
    assert (row.project, row.tokens_in, row.tokens_out, row.price_known) == (project, 1_000, 100, True)
    assert not models.Hold.objects.exists()


def test_what_was_not_billed_costs_nothing_and_is_written_down() -> None:
    assert calls.end(calls.begin(ABOUT, tokens_in=8_000), None, error_code="rate_limited") == 0

    assert models.Call.objects.get().error_code == "rate_limited"
    assert models.Allowance.objects.get(scope="all").spent_usd == 0


def test_a_model_without_a_known_price_is_held_and_charged_at_the_assumed_one() -> None:
    about = calls.About(purpose="question", provider="compatible", model="mystery")
    call = calls.begin(about, tokens_in=1_000_000)

    assert call.hold and call.hold.amount_usd == 20
    assert calls.end(call, calls.Used(tokens_in=500_000)) == 10
    assert not models.Call.objects.get().price_known


def test_one_that_took_so_long_that_it_was_taken_for_lost_is_not_charged_twice() -> None:
    call = calls.begin(ABOUT, tokens_in=1_000_000)
    models.Hold.objects.update(expires_at="2000-01-01T00:00Z")
    budgets.expire()

    assert calls.end(call, calls.Used(tokens_in=10)) == Decimal("0.15")
    assert models.Call.objects.get().error_code == "lost"


def test_a_free_model_is_held_nothing_for() -> None:
    call = calls.begin(calls.About(purpose="index", provider="local", model="any"), tokens_in=10)
    calls.end(call, calls.Used(tokens_in=10))

    assert call.hold is None
    assert models.Call.objects.get().cost_usd == 0


@pytest.mark.parametrize("text", ["plain words", "Größe 漢字 🙂🙂", "\ud800", "{}[]();" * 50, ""])
def test_no_tokenizer_makes_more_of_a_text_than_is_held(text: str) -> None:
    assert calls.most_tokens([text]) >= tokens.count(text)


def test_silence_and_nonsense_may_be_billed_and_refusals_are_not() -> None:
    assert calls.may_be_billed(embeddings.ProviderUnavailable()) and calls.may_be_billed(embeddings.BadVectors())
    assert not calls.may_be_billed(embeddings.RateLimited())


def test_the_rows_stay_when_the_project_goes() -> None:
    project = factories.make_project()
    about = calls.About(purpose="question", provider="groq", model="openai/gpt-oss-120b", project_id=project.pk)
    calls.end(calls.begin(about, tokens_in=10), calls.Used(tokens_in=10))
    Project.objects.all().delete()

    assert models.Call.objects.get().project is None


@pytest.mark.django_db(transaction=True)
def test_aside_what_was_paid_stays_when_the_transaction_around_it_is_undone() -> None:
    with calls.aside(), transaction.atomic():
        calls.end(calls.begin(ABOUT, tokens_in=10), calls.Used(tokens_in=10))
        transaction.set_rollback(True)

    assert models.Call.objects.get().tokens_in == 10
    assert models.Allowance.objects.get(scope="all").held_usd == 0
