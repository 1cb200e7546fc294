"""Says what the models have cost."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rag.spending import budgets, costs, prices, savings

LONGEST = 3_650


class Command(BaseCommand):
    help = "What was paid to providers, by day, project, model and purpose, and what is left of today's budgets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="so many, today included")
        parser.add_argument("--json", action="store_true", help="one JSON object; amounts are USD, as text")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= LONGEST:
            raise CommandError(f"--days takes a number from 1 to {LONGEST}.", returncode=2)
        budgets.expire()
        paid, today = costs.of_last(options["days"]), costs.of_today()
        saved = savings.of_last(options["days"])
        if options["json"]:
            facts = asdict(paid) | {"budgets": [asdict(budget) for budget in today], "savings": asdict(saved)}
            self.stdout.write(json.dumps(facts, indent=2, default=str))
        else:
            self.stdout.write("\n".join([*report(paid, today), *spared(saved)]))


def report(paid: costs.Costs, today: tuple[costs.Budget, ...]) -> list[str]:
    """The lines for a reader."""
    lines = [f"The last {paid.days} days (UTC): {prices.shown(paid.total.cost)} for {paid.total.calls:,} calls."]
    if paid.unpriced:
        names = ", ".join(paid.unpriced)
        assumed = f"  {prices.shown(paid.total.assumed)} of it is assumed, not known."
        lines.append(f"{assumed} State in RAG_PRICES what these cost: {names}.")
    spent_on = tuple(line for line in paid.by_day if line.calls)
    groups = {"day": spent_on, "project": paid.by_project, "model": paid.by_model, "purpose": paid.by_purpose}
    for name, group in groups.items():
        lines += ["", f"By {name}", *map(one, group)] if group else []
    return [*lines, "", "Today's budgets", *map(left, today)]


def one(line: costs.Line) -> str:
    text = f"  {line.name:<40} {prices.shown(line.cost):>13}  {line.calls:>7,} calls  "
    text += f"{line.tokens_in:>11,} tokens in  {line.tokens_out:>9,} out"
    return text + (f"  {line.failed:,} failed" if line.failed else "") + ("  assumed price" if line.assumed else "")


def left(budget: costs.Budget) -> str:
    limit = "no limit" if budget.cap is None else f"of ${budget.cap:.2f}, {budget.percentage} %"
    under_way = f", {prices.shown(budget.held)} held for calls under way" if budget.held else ""
    return f"  {budget.name}: {prices.shown(budget.spent)} {limit}{under_way}"


def spared(saved: savings.Savings) -> list[str]:
    """The lines about answers that were given again; none when nothing was asked."""
    if not saved.total.questions:
        return []
    lines = ["", "Answers given again", _spared(saved.total)]
    for name, group in {"day": saved.by_day, "project": saved.by_project}.items():
        lines += ["", f"Given again, by {name}", *map(_spared, group)]
    return lines


def _spared(line: savings.Line) -> str:
    rate = f"{line.repeated:>7,} of {line.questions:,} questions, {line.percentage} %"
    return f"  {line.name:<40} {prices.shown(line.saved):>13} saved  {rate}"
