"""Old calls are folded into the sums of their days, and nothing of what was paid is lost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from portfolio.models import Project
from rag import ingest, models
from rag.interruption import Interruption
from rag.spending import costs, folding
from rag.worker import Worker
from tests import factories
from tests.rag.conftest import Notes
from tests.rag.spending.test_budgets import at_once
from tests.rag.spending.test_costs import paid

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_days(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RAG_CALL_DAYS = 2
    monkeypatch.setattr(folding, "_last", float("-inf"))


def some_days() -> Project:
    thing = factories.make_project("Thing")
    for days_ago in range(5):
        paid("0.10", project=thing, days_ago=days_ago)
        paid("0.20", project=thing, days_ago=days_ago, error_code="cut")
        paid("0.03", days_ago=days_ago, purpose="index", model="mystery", price_known=False)
    return thing


def test_what_was_paid_is_the_same_before_and_after() -> None:
    some_days()
    before = costs.of_last(5)

    assert folding.fold() == 6
    assert models.Call.objects.count() == 9 and models.CallSum.objects.count() == 4
    assert costs.of_last(5) == before and before.total.cost == Decimal("1.65")


def test_folding_again_changes_nothing() -> None:
    some_days()
    folding.fold()

    assert folding.fold() == 0
    assert costs.of_last(5).total.calls == 15


def test_one_that_is_late_is_added_to_its_day() -> None:
    some_days()
    folding.fold()
    paid("0.10", days_ago=4)
    folding.fold()

    assert costs.of_last(5).by_day[0].cost == Decimal("0.43") and costs.of_last(5).total.calls == 16


def test_too_many_are_folded_sooner_and_those_of_today_never(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_days()
    settings.RAG_CALL_DAYS = 90
    monkeypatch.setattr(folding, "MOST", 4)
    folding.fold()
    assert models.Call.objects.count() == 3  # whole days

    monkeypatch.setattr(folding, "MOST", 0)
    folding.fold()
    assert models.Call.objects.filter(at__date=costs.today()).count() == 3


def test_what_is_folded_stays_when_the_project_goes() -> None:
    some_days().delete()
    folding.fold()
    Project.objects.all().delete()

    assert [line.name for line in costs.of_last(5).by_project] == [costs.GONE]
    assert costs.of_last(5).total.cost == Decimal("1.65")


def test_yesterdays_counts_of_visitors_go_and_budgets_stay() -> None:
    for scope in ("all", "project:1", "visitor:1"):
        for days_ago in (0, 1, 5):
            day = costs.today() - timedelta(days=days_ago)
            models.Allowance.objects.create(day=day, scope=scope)
    folding.fold()

    assert models.Allowance.objects.count() == 8
    assert models.Allowance.objects.filter(scope__startswith="visitor").count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_each_call_is_counted_once() -> None:
    for number in range(60):
        models.Call.objects.create(
            provider="groq", model="large", purpose="question", cost_usd=Decimal("0.01"),
            at=Now() - timedelta(days=3 + number % 4),
        )  # fmt: skip

    def fold(_: int) -> Any:
        return folding.fold()

    assert sum(at_once(4, fold)) == 60
    assert not models.Call.objects.exists()
    assert costs.of_last(10).total.cost == Decimal("0.60")


def test_a_worker_folds_at_its_first_turn_and_then_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[bool] = []
    monkeypatch.setattr(folding, "fold", lambda: folded.append(True))
    for _ in range(3):
        list(worker().process_all())

    assert folded == [True]


def worker() -> Worker:
    return Worker(options=ingest.Options(), interruption=Interruption(), report=Notes())
