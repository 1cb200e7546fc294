"""What the owner sees of costs, and how they are switched off."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from portfolio.models import Project, ProjectRAG
from rag import models
from rag.ingest import estimate
from rag.spending import costs
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", "owner@example.org", "secret"))
    return client


def pay(project: Project, dollars: str, days_ago: int = 0) -> None:
    models.Call.objects.create(
        provider="groq", model="large", purpose="question", project=project, cost_usd=Decimal(dollars),
        at=Now() - timedelta(days=days_ago),
    )  # fmt: skip


def test_the_page_has_sums_a_chart_and_the_same_figures_as_a_table(owner: Client) -> None:
    thing = factories.make_project("Thing")
    pay(thing, "0.5")
    pay(thing, "0.25", days_ago=3)
    page = owner.get(reverse("admin:rag_costs"), {"days": "7"}).content.decode()

    assert "$0.7500 in 7 days" in page and 'role="img"' in page
    assert len(re.findall(r"<rect[^>]*>", page)) == 7
    assert "<caption>By day</caption>" in page and "0.2500" in page and "Thing" in page
    assert "<script" not in page[page.index('class="costs"') : page.index("By purpose</caption>")]
    assert "style=" not in page[page.index('class="costs"') : page.index("By purpose</caption>")]


@pytest.mark.parametrize("days", ["", "8", "x", "-1", "9" * 30])
def test_other_spans_are_thirty_days(owner: Client, days: str) -> None:
    assert "in 30 days" in owner.get(reverse("admin:rag_costs"), {"days": days}).content.decode()


def test_whoever_may_not_see_calls_sees_no_costs(client: Client) -> None:
    client.force_login(User.objects.create_user("helper", is_staff=True))

    assert client.get(reverse("admin:rag_costs")).status_code == 403
    assert "What the models cost" not in client.get(reverse("admin:index")).content.decode()


def test_a_title_with_markup_is_shown_as_text(owner: Client) -> None:
    pay(factories.make_project("<script>alert(1)</script>"), "1")

    assert "<script>alert" not in owner.get(reverse("admin:rag_costs")).content.decode()


def test_calls_are_listed_and_cannot_be_changed(
    owner: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        pay(factories.make_project(), "0.125")
    with django_assert_max_num_queries(12):
        page = owner.get(reverse("admin:rag_call_changelist")).content.decode()

    assert "$0.125000" in page and "What they come to" in page
    call = models.Call.objects.all()[0]
    assert owner.post(reverse("admin:rag_call_change", args=[call.pk]), {"cost_usd": 0}).status_code == 403
    assert owner.post(reverse("admin:rag_call_delete", args=[call.pk]), {"post": "yes"}).status_code == 403


def test_the_switches_are_one_row_that_is_there(owner: Client) -> None:
    assert "What is on" in owner.get(reverse("admin:rag_switches_changelist")).content.decode()
    owner.post(reverse("admin:rag_switches_change", args=[1]), {"indexing_that_costs": "on"})

    assert not models.Switches.current().answers_by_models and models.Switches.current().indexing_that_costs
    assert "Answers by models are switched off." in owner.get(reverse("admin:index")).content.decode()
    assert owner.post(reverse("admin:rag_switches_add"), {}).status_code == 403


def test_the_first_page_tells_that_a_budget_is_nearly_used_up(owner: Client, settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal(1)
    models.Allowance.objects.create(day=costs.today(), scope="all", spent_usd=Decimal("0.85"))

    assert "$0.85 of today&#x27;s $1.00 are used up (85 %)" in owner.get(reverse("admin:index")).content.decode()


def test_an_estimate_is_asked_for_and_shown(owner: Client) -> None:
    rag = factories.make_project().rag
    change = reverse("admin:portfolio_projectrag_change", args=[rag.pk])
    assert "Not known yet" in owner.get(change).content.decode()

    action = {"action": "estimate_cost", "_selected_action": [rag.pk]}
    page = owner.post(reverse("admin:portfolio_projectrag_changelist"), action, follow=True).content.decode()
    assert "1 queued for an estimate" in page and "asked for" in owner.get(change).content.decode()

    estimate.record(rag, estimate.Estimate(possible=True, sentence="3 files, $0.10, about 2 minutes."))
    assert "about 2 minutes. (As of " in owner.get(change).content.decode()
    assert ProjectRAG.objects.get(pk=rag.pk).processing_status == "pending"
