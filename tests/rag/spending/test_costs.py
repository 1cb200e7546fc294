"""Sums of what was paid."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries, Settings

from portfolio.models import Project
from rag import models
from rag.spending import costs
from tests import factories

pytestmark = pytest.mark.django_db


def paid(dollars: str, **facts: Any) -> models.Call:
    days = facts.pop("days_ago", 0)
    about = {"provider": "groq", "model": "large", "purpose": "question", "tokens_in": 100, "tokens_out": 10}
    return models.Call.objects.create(
        **{**about, "cost_usd": Decimal(dollars), **facts}, at=Now() - timedelta(days=days)
    )


def test_sums_are_by_day_project_model_and_purpose() -> None:
    thing, other = factories.make_project("Thing"), factories.make_project("Other")
    paid("0.10", project=thing)
    paid("0.20", project=other, model="small", error_code="cut")
    paid("0.05", project=thing, purpose="index", provider="openai", model="embed", days_ago=2)
    found = costs.of_last(3)

    assert (found.total.cost, found.total.calls, found.total.failed) == (Decimal("0.35"), 3, 1)
    assert [line.cost for line in found.by_day] == [Decimal("0.05"), 0, Decimal("0.30")]
    assert [(line.name, line.cost) for line in found.by_project] == [
        ("Other", Decimal("0.20")),
        ("Thing", Decimal("0.15")),
    ]
    assert [line.name for line in found.by_model] == ["groq/small", "groq/large", "openai/embed"]
    assert {line.name: line.tokens_in for line in found.by_purpose} == {"question": 200, "index": 100}


def test_earlier_days_are_left_out() -> None:
    paid("0.10", days_ago=7)

    assert costs.of_last(7).total.calls == 0
    assert costs.of_last(8).total.calls == 1


def test_what_is_assumed_is_said() -> None:
    paid("0.06", price_known=False)
    paid("0.04", price_known=False)
    paid("0.30")
    found = costs.of_last(1)

    assert found.unpriced == ("groq/large",)
    assert found.total.assumed == found.by_day[0].assumed == Decimal("0.10")


def test_projects_that_were_removed_are_one_line() -> None:
    for title in ("One", "Two"):
        paid("0.10", project=factories.make_project(title))
    Project.objects.all().delete()

    assert [(line.name, line.cost) for line in costs.of_last(1).by_project] == [(costs.GONE, Decimal("0.20"))]


def test_without_calls_all_is_nothing() -> None:
    found = costs.of_last(2)

    assert found.total.cost == 0 and len(found.by_day) == 2 and not found.by_model
    assert [bar.height for bar in costs.bars(found.by_day)] == [0, 0]


def test_the_dearest_day_is_as_high_as_the_chart_and_a_little_is_seen() -> None:
    paid("1.00")
    paid("0.000001", days_ago=1)
    little, dearest = costs.bars(costs.of_last(2).by_day)

    assert (little.height, dearest.y, dearest.height) == (costs.LEAST_BAR, 0, costs.CHART_HEIGHT)
    assert "$1.0000, 1 calls" in dearest.label


def test_more_calls_take_no_more_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        paid("0.01", project=factories.make_project(), model=f"model {number}")

    with django_assert_max_num_queries(7):
        costs.of_last(30)


def test_budgets_of_today_are_told_the_sites_first(settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal(2)
    thing = factories.make_project("Thing")
    for scope, spent in (("all", "1.6"), (f"project:{thing.pk}", "1.5"), ("visitor:1", "0")):
        models.Allowance.objects.create(day=costs.today(), scope=scope, spent_usd=Decimal(spent))
    models.Allowance.objects.create(day=costs.today() - timedelta(days=1), scope="all", spent_usd=Decimal(2))
    site, project = costs.of_today()

    assert (site.percentage, site.is_nearly_used_up) == (80, True)
    assert (project.name, project.cap, project.percentage) == ("the budget of Thing", None, None)
    assert costs.notices() == ["$1.60 of today's $2.00 are used up (80 %): the budget of the site."]
