"""`manage.py rag_costs`"""

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from rag import models
from tests import factories

pytestmark = pytest.mark.django_db


def said(*options: str) -> str:
    out = StringIO()
    call_command("rag_costs", *options, stdout=out)
    return out.getvalue()


def pay(**facts: Any) -> None:
    about = {"provider": "groq", "model": "large", "purpose": "question", "cost_usd": Decimal("0.25")}
    models.Call.objects.create(**{**about, **facts})


def test_it_tells_the_sums_and_what_is_left(settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal(1)
    pay(project=factories.make_project("Thing"), tokens_in=1_234)
    text = said("--days=7")

    assert "The last 7 days (UTC): $0.2500 for 1 calls." in text
    assert all(name in text for name in ("By day", "Thing", "groq/large", "question", "1,234 tokens in"))
    assert "the budget of the site: $0.0000 of $1.00, 0 %" in text


def test_it_says_which_price_is_assumed() -> None:
    pay(price_known=False)

    pay(price_known=False)

    assert "$0.5000 of it is assumed, not known. State in RAG_PRICES what these cost: groq/large." in said()


def test_json_has_the_same() -> None:
    pay()
    facts = json.loads(said("--json", "--days=2"))

    assert (facts["days"], facts["total"]["cost"], len(facts["by_day"])) == (2, "0.250000", 2)
    assert facts["budgets"][0]["scope"] == "all" and facts["budgets"][0]["cap"] is None


def test_nothing_paid_is_a_report_too() -> None:
    assert "$0.0000 for 0 calls" in said()


@pytest.mark.parametrize("days", ["0", "-1", "100000"])
def test_wrong_days_are_refused(days: str) -> None:
    with pytest.raises(CommandError, match="--days takes"):
        said(f"--days={days}")
