"""What was paid: sums of the calls of the last days, and how much of today's budgets is used."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from portfolio.models import Project
from rag import models
from rag.spending import alarm, budgets, prices

GONE = "no project, or a removed one"
UTC = timezone.get_fixed_timezone(0)
Row = Mapping[str, Any]  # one group's sum


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
    rows = [*_kept(first), *_folded(first)]
    by_day = {line.name: line for line in _lines(rows, lambda row: str(row["day"]))}
    every = (str(first + timedelta(days=n)) for n in range(days))
    titles = dict(Project.objects.values_list("pk", "title"))
    projects = _lines((row for row in rows if row["project_id"] in titles), lambda row: str(row["project_id"]))
    gone = _lines((row for row in rows if row["project_id"] not in titles), lambda row: GONE)
    return Costs(
        days=days,
        total=_line("all", rows),
        by_day=tuple(by_day.get(day) or _line(day, []) for day in every),
        by_project=_dearest([*(replace(line, name=titles[int(line.name)]) for line in projects), *gone]),
        by_model=_dearest(_lines(rows, _named)),
        by_purpose=_dearest(_lines(rows, lambda row: row["purpose"])),
        unpriced=tuple(sorted({_named(row) for row in rows if not row["price_known"]})),
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


def _kept(first: date) -> Iterator[Row]:
    """Of calls that are rows of their own: a sum for each day, project, model and purpose."""
    calls = models.Call.objects.filter(at__gte=datetime.combine(first, datetime.min.time(), UTC))
    grouped = calls.order_by().values(*_GROUP, day=TruncDate("at", tzinfo=UTC))
    yield from grouped.annotate(calls=Count("pk"), failed=Count("pk", filter=~Q(error_code="")), **_SUMS)


def _folded(first: date) -> Iterator[Row]:
    """The same of those that were folded into the sums of their days."""
    grouped = models.CallSum.objects.filter(day__gte=first).values(*_GROUP, "day")
    yield from grouped.annotate(calls=Sum("calls"), failed=Sum("failed"), **_SUMS)


def _lines(rows: Iterable[Row], key: Callable[[Row], str]) -> list[Line]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [_line(name, group) for name, group in groups.items()]


def _line(name: str, rows: Sequence[Row]) -> Line:
    counts = {key: sum(int(row[key]) for row in rows) for key in ("calls", "failed", "tokens_in", "tokens_out")}
    cost = sum((row["cost"] for row in rows), Decimal(0))
    assumed = sum((row["cost"] for row in rows if not row["price_known"]), Decimal(0))
    return Line(name=name, **counts, cost=cost, assumed=assumed)


def _dearest(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (-line.cost, -line.calls, line.name)))


def _named(row: Row) -> str:
    return f"{row['provider']}/{row['model']}"


_GROUP = ("provider", "model", "purpose", "project_id", "price_known")
_SUMS: dict[str, Any] = {"tokens_in": Sum("tokens_in"), "tokens_out": Sum("tokens_out"), "cost": Sum("cost_usd")}


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
