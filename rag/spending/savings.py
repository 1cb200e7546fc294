"""What repeated answers save: questions a project was asked, those that had been answered before, and their price."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet, Sum

from portfolio.models import Project
from rag import models
from rag.spending import costs


@dataclass(frozen=True, kw_only=True)
class Line:
    """One group's sum. US dollars."""

    name: str
    questions: int
    repeated: int
    saved: Decimal

    @property
    def percentage(self) -> int:
        """Of the questions, those that had been answered before; rounded down."""
        return 100 * self.repeated // self.questions if self.questions else 0


@dataclass(frozen=True, kw_only=True)
class Savings:
    """The last `days` days, today included: those with questions, and the projects, the largest saving first."""

    days: int
    total: Line
    by_day: tuple[Line, ...]
    by_project: tuple[Line, ...]


def count(project_id: int, saved: Decimal | None = None) -> None:
    """One more question of the project today; `saved`: it had been answered before, for so much."""
    facts: dict[str, int | Decimal] = {
        "project": project_id,
        "repeated": int(saved is not None),
        "saved": saved or Decimal(0),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, facts)


def of_last(days: int) -> Savings:
    """By UTC days, as costs are."""
    rows = models.Saving.objects.filter(day__gt=costs.today() - timedelta(days=days))
    titles = dict(Project.objects.values_list("pk", "title"))
    by_project = [_line(titles.get(key, costs.GONE), sums) for key, sums in _sums(rows, "project_id")]
    total = rows.aggregate(**_SUMS)
    return Savings(
        days=days,
        total=_line("all", total),
        by_day=tuple(_line(str(key), sums) for key, sums in _sums(rows, "day")),
        by_project=tuple(sorted(by_project, key=lambda line: (-line.saved, -line.repeated, line.name))),
    )


def _sums(rows: "QuerySet[models.Saving]", by: str) -> list[tuple[Any, dict[str, Any]]]:
    groups = rows.order_by(by).values(group=F(by)).annotate(**_SUMS)
    return [(row["group"], dict(row)) for row in groups]


def _line(name: str, sums: dict[str, Any]) -> Line:
    questions, repeated = (int(sums[key] or 0) for key in ("asked", "again"))
    return Line(name=name, questions=questions, repeated=repeated, saved=Decimal(sums["saved"] or 0))


_SUMS: dict[str, Any] = {"asked": Sum("questions"), "again": Sum("repeated"), "saved": Sum("saved_usd")}
_COUNT = """
    INSERT INTO rag_saving AS sum (day, project_id, questions, repeated, saved_usd)
    VALUES ((now() AT TIME ZONE 'UTC')::date, %(project)s, 1, %(repeated)s, %(saved)s)
    ON CONFLICT (day, project_id) DO UPDATE SET
        questions = sum.questions + 1, repeated = sum.repeated + EXCLUDED.repeated,
        saved_usd = sum.saved_usd + EXCLUDED.saved_usd"""
