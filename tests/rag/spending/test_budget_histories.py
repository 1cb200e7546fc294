"""Random days of many calls: whatever happens in whatever order, no day costs more than its budget."""

import os
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import hypothesis
import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import strategies as st
from pytest_django import Settings

from rag import models
from rag.spending import budgets

SITE, PROJECT = Decimal("1.00"), Decimal("0.40")
HISTORIES = int(os.environ.get("BUDGET_HISTORIES", "150"))  # 1000 take a minute or two

# Amounts in cents. Settled at a share of what was held: nothing, less, all of it.
amounts = st.integers(1, 45)
shares = st.sampled_from([0, 0, 10, 50, 90, 100])
places = st.integers(0, 30)  # which of the calls under way
holds = st.tuples(st.just("hold"), amounts, st.sampled_from([None, 1, 2]))
steps = st.one_of(
    holds,
    holds,
    holds,
    st.tuples(st.just("settle"), places, shares),
    st.tuples(st.just("settle twice"), places, shares),
    st.tuples(st.just("crash"), places, st.just(0)),
    st.tuples(st.just("look"), st.just(0), st.just(0)),
    st.tuples(st.just("midnight"), st.just(0), st.just(0)),
)


@dataclass
class History:
    """What happened, reckoned apart from the tables. `days`: (day, scope) → what was really paid, in cents."""

    day: int = 0
    under_way: list[tuple[models.Hold, int]] = field(default_factory=list)
    crashed: list[tuple[models.Hold, int]] = field(default_factory=list)
    paid: dict[tuple[int, str], Decimal] = field(default_factory=dict)

    def pay(self, made: models.Hold, day: int, cents: Decimal) -> None:
        for scope in made.scopes:
            self.paid[day, scope] = self.paid.get((day, scope), Decimal(0)) + cents

    def step(self, kind: str, number: int, more: int | None) -> None:
        if kind == "hold":
            self.hold(number, more)
        elif kind == "midnight":
            self.midnight()
        elif kind == "look":
            self.look()
        elif self.under_way:
            made, day = self.under_way.pop(number % len(self.under_way))
            if kind == "crash":
                models.Hold.objects.filter(pk=made.pk).update(expires_at=Now() - timedelta(seconds=1))
                self.crashed.append((made, day))
                return
            cost = made.amount_usd * (more or 0) / 100
            made.refresh_from_db()
            assert budgets.settle(made, cost)
            self.pay(made, day, cost)
            assert kind == "settle" or not budgets.settle(made, cost)

    def hold(self, cents: int, project: int | None) -> None:
        """Whatever the answer, the killed ones were charged before."""
        amount = Decimal(cents) / 100
        wanted = budgets.Purchase(
            purpose="question", provider="openai", model="some", amount=amount, project_id=project
        )  # fmt: skip
        try:
            made = budgets.hold(wanted)
        except budgets.BudgetUsedUp:
            assert self.would_exceed(amount, project), "refused though there was room"
        else:
            assert made is not None
            self.under_way.append((made, self.day))
        self.look()

    def would_exceed(self, amount: Decimal, project: int | None) -> bool:
        self.look()
        caps = {"all": SITE} | ({f"project:{project}": PROJECT} if project else {})
        return any(self.used(scope) + amount > cap for scope, cap in caps.items())

    def used(self, scope: str) -> Decimal:
        waiting = sum(made.amount_usd for made, day in self.under_way if day == self.day and scope in made.scopes)
        return self.paid.get((self.day, scope), Decimal(0)) + waiting

    def look(self) -> None:
        budgets.expire()
        for made, day in self.crashed:
            self.pay(made, day, made.amount_usd)
        self.crashed = []

    def midnight(self) -> None:
        """Everything is a day older."""
        self.day += 1
        for row in models.Allowance.objects.order_by("day"):
            models.Allowance.objects.filter(pk=row.pk).update(day=F("day") - timedelta(days=1))
        models.Hold.objects.update(day=F("day") - timedelta(days=1))

    def check(self) -> None:
        """No day is above a budget, and the tables say what was paid."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
            now: date = cursor.fetchone()[0]
        for row in models.Allowance.objects.all():
            assert row.spent_usd + row.held_usd <= (SITE if row.scope == "all" else PROJECT)
            day = self.day - (now - row.day).days
            assert row.spent_usd == self.paid.get((day, row.scope), Decimal(0))


@pytest.fixture(autouse=True)
def _budgets(settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD, settings.RAG_PROJECT_DAILY_BUDGET_USD = SITE, PROJECT


@pytest.mark.django_db
@hypothesis.settings(
    max_examples=HISTORIES,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(history=st.lists(steps, min_size=5, max_size=25))
def test_no_day_costs_more_than_its_budget(history: list[tuple[str, int, int | None]]) -> None:
    with transaction.atomic():
        happened = History()
        for step in history:
            happened.step(*step)
            happened.check()
        happened.look()
        happened.check()
        transaction.set_rollback(True)
