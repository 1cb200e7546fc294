"""What was paid: sums of the calls of the last days, and how much of today's budgets is used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Concat, TruncDate
from django.utils import timezone

from portfolio.models import Project
from rag import models
from rag.spending import alarm, budgets, prices

GONE = "no project, or a removed one"
UTC = timezone.get_fixed_timezone(0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One group's sum. `assumed`: the part of `cost` that is by RAG_ASSUMED_PRICE. US dollars."""

    name: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost: Decimal
    assumed: Decimal


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The last `days` days, today included, by what one may ask. `by_day` has every day, the others the dearest first.

    `unpriced`: the models, as provider/model, that were paid by RAG_ASSUMED_PRICE.
    """

    days: int
    total: Line
    by_day: tuple[Line, ...]
    by_project: tuple[Line, ...]
    by_model: tuple[Line, ...]
    by_purpose: tuple[Line, ...]
    unpriced: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One budget's state today. US dollars; `held` is for calls that are under way. `cap` None: no limit."""

    scope: str
    name: str
    spent: Decimal
    held: Decimal
    cap: Decimal | None

    @property
    def percentage(self) -> int | None:
        """Used up, rounded down."""
        return None if self.cap is None else int(100 * self.spent / self.cap)

    @property
    def is_nearly_used_up(self) -> bool:
        return self.cap is not None and self.spent >= alarm.SHARE * self.cap


def of_last(days: int) -> Costs:
    """By UTC days, as the budgets are."""
    first = today() - timedelta(days=days - 1)
    calls = models.Call.objects.filter(at__gte=datetime.combine(first, datetime.min.time(), UTC))
    by_day = {line.name: line for line in _lines(calls, TruncDate("at", tzinfo=UTC))}
    every = (str(first + timedelta(days=n)) for n in range(days))
    titles = dict(Project.objects.values_list("pk", "title"))
    unpriced = calls.filter(price_known=False).order_by().values_list("provider", "model").distinct()
    return Costs(
        days=days,
        total=_line("all", calls.aggregate(**_SUMS)),
        by_day=tuple(by_day.get(day) or _line(day, {}) for day in every),
        by_project=_dearest(calls, F("project_id"), titles),
        by_model=_dearest(calls.annotate(named=_NAMED), F("named")),
        by_purpose=_dearest(calls, F("purpose")),
        unpriced=tuple(sorted(f"{provider}/{model}" for provider, model in unpriced)),
    )


def of_today() -> tuple[Budget, ...]:
    """The site's budget, then those of the projects that were paid for today, the dearest first."""
    rows = models.Allowance.objects.filter(day=today()).filter(Q(scope="all") | Q(scope__startswith="project:"))
    found = [
        Budget(
            scope=row.scope, name=alarm.name(row.scope), spent=row.spent_usd, held=row.held_usd,
            cap=budgets.cap_of(row.scope),
        )
        for row in rows
    ]  # fmt: skip
    if not any(budget.scope == "all" for budget in found):
        none = Decimal(0)
        found.append(Budget(scope="all", name=alarm.name("all"), spent=none, held=none, cap=budgets.cap_of("all")))
    return tuple(sorted(found, key=lambda budget: (budget.scope != "all", -budget.spent)))


def notices() -> list[str]:
    """What an owner should know at once, as sentences."""
    used = [
        f"${budget.spent:.2f} of today's ${budget.cap:.2f} are used up ({budget.percentage} %): {budget.name}."
        for budget in of_today()
        if budget.is_nearly_used_up
    ]
    on = models.Switches.current()
    off = [] if on.answers_by_models else ["Answers by models are switched off."]
    return [*used, *off, *([] if on.indexing_that_costs else ["Indexing that costs is switched off."])]


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def _dearest(calls: QuerySet[models.Call], by: Any, names: dict[Any, str] | None = None) -> tuple[Line, ...]:
    lines = _lines(calls, by, names)
    return tuple(sorted(lines, key=lambda line: (-line.cost, -line.calls, line.name)))


def _lines(calls: QuerySet[models.Call], by: Any, names: dict[Any, str] | None = None) -> Sequence[Line]:
    rows: list[dict[str, Any]] = list(calls.order_by().values(group=by).annotate(**_SUMS))  # type: ignore[arg-type]
    if names is None:
        return [_line(str(row["group"]), row) for row in rows]
    named = [_line(names.get(row["group"], GONE), row) for row in rows]
    return [*(line for line in named if line.name != GONE), *_together(line for line in named if line.name == GONE)]


def _together(lines: Iterable[Line]) -> list[Line]:
    """Those of all removed projects as one."""
    rows = list(lines)
    sums = {name: sum(getattr(row, name) for row in rows) for name in _SUMS}
    return [_line(GONE, sums)] if rows else []


def _line(name: str, sums: dict[str, Any]) -> Line:
    counts = {key: int(sums.get(key) or 0) for key in ("calls", "failed", "tokens_in", "tokens_out")}
    cost, assumed = (Decimal(sums.get(key) or 0) for key in ("cost", "assumed"))
    return Line(name=name, **counts, cost=cost, assumed=assumed)


_NAMED = Concat("provider", Value("/"), "model")
_SUMS: dict[str, Any] = {
    "calls": Count("pk"),
    "failed": Count("pk", filter=~Q(error_code="")),
    "tokens_in": Coalesce(Sum("tokens_in"), 0),
    "tokens_out": Coalesce(Sum("tokens_out"), 0),
    "cost": Coalesce(Sum("cost_usd"), Decimal(0)),
    "assumed": Coalesce(Sum("cost_usd", filter=Q(price_known=False)), Decimal(0)),
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One day in the chart, in its units: CHART_HEIGHT high, a day a unit of CHART_STEP wide."""

    x: float
    y: float
    height: float
    label: str


CHART_HEIGHT = 100.0
CHART_STEP = 10.0
LEAST_BAR = 1.0  # so that a little is seen to be more than nothing


def bars(days: Sequence[Line]) -> list[Bar]:
    """One for each day, the dearest as high as the chart."""
    most = max((float(line.cost) for line in days), default=0.0)
    return [_bar(number, line, most) for number, line in enumerate(days)]


def _bar(number: int, line: Line, most: float) -> Bar:
    height = max(LEAST_BAR, CHART_HEIGHT * float(line.cost) / most) if line.cost else 0.0
    label = f"{line.name}: {prices.shown(line.cost)}, {line.calls:,} calls"
    return Bar(x=number * CHART_STEP, y=round(CHART_HEIGHT - height, 2), height=round(height, 2), label=label)
