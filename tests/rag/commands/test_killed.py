"""A process that is killed between the hold of a call and its settling."""

import signal
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import models
from rag.spending import budgets
from tests.providers import Hang, Provider
from tests.rag.commands.conftest import Start, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
CAP = Decimal("0.01")


@pytest.fixture
def killed(many: Project, start: Start, provider: Provider, settings: Settings) -> models.Hold:
    """What a run had put aside that got SIGKILL while it waited for the provider."""
    settings.RAG_DAILY_BUDGET_USD = CAP
    provider.plan(Hang(60))
    run = start("process_rag_async", "--batch-size=40", "--delay=0", RAG_DAILY_BUDGET_USD=str(CAP))
    wait_until(lambda: len(provider.requests) == 1)
    run.send_signal(signal.SIGKILL)
    run.wait(10)
    return models.Hold.objects.get()


def purchase(amount: Decimal) -> budgets.Purchase:
    return budgets.Purchase(purpose="question", provider="openai", model="some", amount=amount)


def test_what_it_held_is_spent_by_nobody_else(killed: models.Hold) -> None:
    assert models.Allowance.objects.get(scope="all").held_usd == killed.amount_usd > 0
    with pytest.raises(budgets.BudgetUsedUp):
        budgets.hold(purchase(CAP))

    assert budgets.hold(purchase(CAP - killed.amount_usd))


def test_it_is_charged_in_full_and_once_when_it_has_expired_and_the_next_run_goes_on(
    killed: models.Hold, many: Project, start: Start
) -> None:
    models.Hold.objects.update(expires_at=F("expires_at") - timedelta(hours=1))
    ProjectRAG.objects.update(lease_expires_at=F("lease_expires_at") - timedelta(hours=1))
    done = start("process_rag_async", "--batch-size=40", "--delay=0", RAG_DAILY_BUDGET_USD=str(CAP))
    _, err = done.communicate(timeout=60)

    assert done.returncode == 0, err
    lost, paid = models.Call.objects.order_by("pk")
    assert (lost.error_code, lost.cost_usd, lost.project) == ("lost", killed.amount_usd, many)
    used = models.Allowance.objects.get(scope="all")
    assert used.spent_usd == lost.cost_usd + paid.cost_usd and used.held_usd == 0
    assert not budgets.settle(killed, killed.amount_usd) and not models.Hold.objects.exists()
