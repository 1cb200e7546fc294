"""What may be spent, and that never more is."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings

from rag import models
from rag.spending import budgets

pytestmark = pytest.mark.django_db
CENT = Decimal("0.01")


@pytest.fixture(autouse=True)
def _one_dollar(settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD, settings.RAG_PROJECT_DAILY_BUDGET_USD = Decimal(1), Decimal("0.50")


def purchase(amount: Decimal | str | int, project: int | None = None, **more: Any) -> budgets.Purchase:
    about = {"purpose": "question", "provider": "openai", "model": "some"}
    return budgets.Purchase(**{**about, "amount": Decimal(amount), "project_id": project, **more})


def held(amount: Decimal | str | int, project: int | None = None, **more: Any) -> models.Hold:
    made = budgets.hold(purchase(amount, project, **more))
    assert made is not None
    return made


def today(scope: str = "all") -> tuple[Any, Any]:
    """Spent and held."""
    return models.Allowance.objects.values_list("spent_usd", "held_usd").get(scope=scope)


def kill(made: models.Hold) -> None:
    """Its process was killed, long ago."""
    models.Hold.objects.filter(pk=made.pk).update(expires_at=Now() - timedelta(seconds=1))


def test_what_is_held_counts_until_it_is_settled_at_its_real_cost() -> None:
    made = held("0.30")
    assert today() == (0, Decimal("0.30"))

    assert budgets.settle(made, Decimal("0.07"))
    assert today() == (Decimal("0.07"), 0)


def test_nothing_is_held_beyond_the_budget() -> None:
    held("0.60")
    with pytest.raises(budgets.BudgetUsedUp, match="RAG_DAILY_BUDGET_USD") as refused:
        held("0.400001")

    assert 0 < refused.value.retry_after <= 24 * 3600
    assert held("0.40")


def test_one_that_is_dearer_than_a_whole_day_says_so() -> None:
    with pytest.raises(budgets.BudgetUsedUp, match=r"more than the budget of a whole day.*RAG_PRICES"):
        held("1.01")


@pytest.mark.parametrize(
    ("purpose", "remedy"),
    [
        ("index", "Raise the budget, or process it with a lower --batch-size;"),
        ("question", "Raise the budget, or lower RAG_ANSWER_TOKENS or RAG_PROMPT_TOKENS;"),
        ("ahead", "RAG_ANSWER_TOKENS"),
        ("check", "Raise the budget; if"),
    ],
)
def test_it_names_what_makes_a_call_of_its_kind_cheaper(purpose: str, remedy: str) -> None:
    with pytest.raises(budgets.BudgetUsedUp) as refused:
        held("1.01", purpose=purpose)

    assert remedy in str(refused.value) and "RAG_BATCH_SIZE" not in str(refused.value)


def test_a_project_has_a_budget_of_its_own_and_a_refusal_leaves_nothing_held() -> None:
    held("0.50", project=1)
    with pytest.raises(budgets.BudgetUsedUp, match="RAG_PROJECT_DAILY_BUDGET_USD"):
        held(CENT, project=1)

    assert today() == (0, Decimal("0.50"))
    assert held("0.50", project=2)


def test_without_budgets_there_is_no_limit_and_all_is_counted(settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = settings.RAG_PROJECT_DAILY_BUDGET_USD = Decimal(0)
    budgets.settle(held(1_000, project=1), Decimal(900))

    assert today() == today("project:1") == (900, 0)


def test_what_is_free_needs_no_budget() -> None:
    assert budgets.hold(purchase(0)) is None
    assert not models.Allowance.objects.exists()


def test_a_killed_process_is_charged_in_full_by_the_next_who_pays() -> None:
    kill(held("0.30", project=1))
    held(CENT)

    assert today() == (Decimal("0.30"), CENT)
    assert today("project:1") == (Decimal("0.30"), 0)
    lost = models.Call.objects.get()
    assert (lost.cost_usd, lost.error_code) == (Decimal("0.30"), "lost")


def test_who_settles_after_that_changes_nothing() -> None:
    made = held("0.30")
    kill(made)
    budgets.expire()

    assert not budgets.settle(made, CENT)
    assert not budgets.settle(made, CENT)
    assert today() == (Decimal("0.30"), 0)


def test_a_call_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    made = held("0.90")
    midnight()
    held("0.90")
    assert budgets.settle(models.Hold.objects.get(pk=made.pk), Decimal("0.80"))

    assert list(models.Allowance.objects.order_by("day").values_list("spent_usd", "held_usd")) == [
        (Decimal("0.80"), 0),
        (0, Decimal("0.90")),
    ]


def test_more_than_was_held_is_charged_as_it_is_and_stops_the_day() -> None:
    budgets.settle(held("0.90"), Decimal("1.20"))

    assert today() == (Decimal("1.20"), 0)
    with pytest.raises(budgets.BudgetUsedUp):
        held("0.000001")


@pytest.mark.parametrize(("field", "purpose"), [("answers_by_models", "question"), ("indexing_that_costs", "index")])
def test_a_switch_refuses_its_purpose_and_no_other(field: str, purpose: str) -> None:
    models.Switches(**{field: False}).save()
    with pytest.raises(budgets.SwitchedOff, match="switched off"):
        held(CENT, purpose=purpose)

    assert held(CENT, purpose="index" if purpose == "question" else "question")


def test_free_models_answer_only_while_answers_by_models_are_on() -> None:
    models.Switches(answers_by_models=False, indexing_that_costs=False).save()

    assert budgets.hold(purchase(0, purpose="index")) is None
    with pytest.raises(budgets.SwitchedOff):
        budgets.hold(purchase(0, purpose="question"))


def test_a_run_is_refused_before_it_begins_when_nothing_is_left() -> None:
    budgets.settle(held("0.50", project=1), Decimal("0.50"))
    budgets.check("index", 2)

    with pytest.raises(budgets.BudgetUsedUp, match="RAG_PROJECT_DAILY_BUDGET_USD"):
        budgets.check("index", 1)


def test_at_eighty_per_cent_the_owner_is_told_once(
    settings: Settings, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ADMINS = [("owner", "owner@example.org")]
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(4):
            budgets.settle(held("0.25"), Decimal("0.20"))
        budgets.settle(held("0.20"), Decimal("0.19"))
    wait_for_threads("alarm")

    assert caplog.text.count("$0.80 of $1.00 are used up") == 1
    assert [message.to for message in mail.outbox] == [["owner@example.org"]]


@pytest.mark.parametrize(
    ("spent", "asked", "told"),
    [
        ("0.75", "0.30", "$0.75 of $1.00 are used up"),
        ("0", "1.50", "$0.00 of $1.00 are used up"),
    ],
    ids=["what is left is too little", "no call can ever be paid"],
)
def test_the_owner_is_told_once_of_a_budget_that_ends_before_that(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any, spent: str, asked: str, told: str
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        if spent != "0":
            budgets.settle(held(spent), Decimal(spent))
        for _ in range(3):
            with pytest.raises(budgets.BudgetUsedUp):
                held(asked)

    assert caplog.text.count(told) == caplog.text.count(f"A call that may cost ${asked} was refused") == 1


def test_a_refusal_for_those_under_way_is_no_alarm() -> None:
    held("0.90")
    with pytest.raises(budgets.BudgetUsedUp):
        held("0.20")

    assert models.Allowance.objects.get(scope="all").warned_at is None


def test_a_warning_that_cannot_be_sent_fails_no_call(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def no_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    made = held("0.90")
    with django_capture_on_commit_callbacks(execute=True):
        assert budgets.settle(made, Decimal("0.90"))

    assert models.Allowance.objects.get(scope="all").warned_at


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_exactly_one_gets_the_last_slot() -> None:
    budgets.settle(held("0.90"), Decimal("0.90"))

    results = at_once(50, lambda number: budgets.hold(purchase("0.10", project=number % 3)))

    assert sum(result is not None for result in results) == 1
    assert today() == (Decimal("0.90"), Decimal("0.10"))
    assert models.Hold.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_over_several_scopes_neither_deadlock_nor_overspend() -> None:
    def buy(number: int) -> bool:
        made = budgets.hold(purchase("0.02", project=number % 5))
        if number % 4 == 0 and made:
            kill(made)
        return bool(made and budgets.settle(made, CENT))

    results = at_once(60, buy)

    budgets.expire()
    spent, still_held = today()
    assert still_held == 0 and spent <= 1
    assert spent == sum(row.cost_usd for row in models.Call.objects.all()) + CENT * sum(map(bool, results))


def midnight() -> None:
    """Everything is a day older."""
    for row in models.Allowance.objects.order_by("day"):
        models.Allowance.objects.filter(pk=row.pk).update(day=F("day") - timedelta(days=1))
    models.Hold.objects.update(day=F("day") - timedelta(days=1))


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Each in a thread with a connection of its own; None for what was refused."""
    barrier = threading.Barrier(count)
    pool: Any = connection.pool  # type: ignore[attr-defined]
    size = pool.max_size
    pool.resize(0, count + 5)

    def one(number: int) -> Any:
        try:
            barrier.wait()
            return work(number)
        except budgets.Refused:
            return None
        finally:
            connection.close()

    try:
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(one, range(count)))
    finally:
        pool.resize(0, size)


def wait_for_threads(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(5)


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    wait_for_threads("alarm")
