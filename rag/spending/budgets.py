"""What may be spent: an allowance for each day and scope, and a hold on it for every call that is under way.

A call is held at its highest price before it is made and settled at its real one after it, so that of any number of
processes at once none spends what another is about to. All is decided by conditional updates in PostgreSQL, by its
clock; days are those of UTC, and a call belongs to the day on which it began. A hold whose process was killed expires,
and is charged in full.
"""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from rag import models
from rag.spending import alarm

logger = logging.getLogger(__name__)

ANSWERS = (models.Call.Purpose.QUESTION, models.Call.Purpose.AHEAD)
LOST = "lost"  # the error code of a call whose process was killed


class Refused(Exception):
    """Nothing may be paid at the moment."""

    code = "refused"
    permanent = False

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        """`sentence`: for the owner. `retry_after`: seconds."""
        super().__init__(sentence)
        self.retry_after = retry_after


class BudgetUsedUp(Refused):
    """A budget of the day does not have what the call may cost."""

    code = "budget"

    def __init__(self, sentence: str, *, retry_after: int, scope: str = "all") -> None:
        super().__init__(sentence, retry_after=retry_after)
        self.scope = scope


class SwitchedOff(Refused):
    """The owner has switched it off."""

    code = models.SWITCHED_OFF


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """A call that is about to be made, and what it costs at most. `minutes`: no call takes as long."""

    purpose: str
    provider: str
    model: str
    amount: Decimal
    price_known: bool = True
    project_id: int | None = None
    message_id: UUID | None = None
    minutes: int = 3


def hold(purchase: Purchase) -> models.Hold | None:
    """Put its price aside; None when it costs nothing. Raises Refused, and then nothing is put aside."""
    if not purchase.amount and purchase.purpose not in ANSWERS:
        return None
    if _look(purchase.purpose) and purchase.amount:
        expire()
    if not purchase.amount:
        return None
    try:
        return _put_aside(purchase)
    except BudgetUsedUp as refused:
        alarm.raise_refused(_today(), refused.scope, purchase.amount, cap_of(refused.scope))
        raise


def settle(made: models.Hold, cost: Decimal) -> bool:
    """Charge what the call really cost in the place of what was held. False: it had expired and was charged in full."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_SETTLE, {"id": made.pk, "cost": cost, "scopes": list(made.scopes)})
        rows: list[tuple[str, Decimal, bool]] = cursor.fetchall()
        for scope, spent, is_warned in rows:
            cap = cap_of(scope)
            if cap is not None and not is_warned and spent >= alarm.SHARE * cap:
                alarm.raise_once(made.day, scope, spent, cap)
    return bool(rows)


def expire() -> int:
    """Charge the holds of killed processes in full, each with a row that says so; how many there were."""
    count = 0
    for dead in models.Hold.objects.filter(expires_at__lt=Now()).order_by("expires_at"):
        with transaction.atomic():
            if not settle(dead, dead.amount_usd):  # somebody else did
                continue
            models.Call.objects.create(
                provider=dead.provider, model=dead.model, purpose=dead.purpose, project_id=dead.project_id,
                message_id=dead.message_id, cost_usd=dead.amount_usd, price_known=dead.price_known, error_code=LOST,
            )  # fmt: skip
        count += 1
    return count


def check(purpose: str, project_id: int | None) -> None:
    """Raises Refused when not even the cheapest call could be paid: before work is begun that would end in one."""
    _look(purpose)
    today = models.Allowance.objects.filter(day=_today())
    for scope in ("all", f"project:{project_id}"):
        cap = cap_of(scope)
        if cap is not None and today.filter(scope=scope, spent_usd__gte=cap).exists():
            raise BudgetUsedUp(_sentence(scope), retry_after=seconds_left())


def cap_of(scope: str) -> Decimal | None:
    """US dollars a day; None without a limit."""
    cap: Decimal = settings.RAG_DAILY_BUDGET_USD if scope == "all" else settings.RAG_PROJECT_DAILY_BUDGET_USD
    return cap or None


def seconds_left() -> int:
    """Until the next day of the database's clock begins."""
    with connection.cursor() as cursor:
        cursor.execute(_SECONDS_LEFT)
        return int(cursor.fetchone()[0]) + 1


def _today() -> date:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        today: date = cursor.fetchone()[0]
    return today


def _look(purpose: str) -> bool:
    """Whether a hold has expired. Raises SwitchedOff."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        answers, indexing, has_expired = cursor.fetchone()
    if purpose in ANSWERS and answers is False:
        raise SwitchedOff("Answers by models are switched off in the admin.", retry_after=60)
    if purpose == models.Call.Purpose.INDEX and indexing is False:
        raise SwitchedOff(_INDEXING_IS_OFF, retry_after=3600)
    return bool(has_expired)


def _put_aside(purchase: Purchase) -> models.Hold:
    made = models.Hold(
        amount_usd=purchase.amount, provider=purchase.provider, model=purchase.model, purpose=purchase.purpose,
        project_id=purchase.project_id, message_id=purchase.message_id, price_known=purchase.price_known,
    )  # fmt: skip
    caps = [cap_of(scope) for scope in made.scopes]
    facts: dict[str, Any] = {
        "scopes": list(made.scopes), "caps": caps, "id": made.pk, "amount": made.amount_usd, "model": made.model,
        "provider": made.provider, "purpose": made.purpose, "project": made.project_id, "message": made.message_id,
        "known": made.price_known, "lasts": timedelta(minutes=purchase.minutes),
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HOLD, facts)
        day, free = cursor.fetchone()
        refused = next((scope for scope in made.scopes if scope not in free), None)
        if refused:  # what the other scope has put aside is undone with the transaction
            raise BudgetUsedUp(_sentence(refused, purchase), retry_after=seconds_left(), scope=refused)
    made.day = day
    return made


def _sentence(scope: str, refused: Purchase | None = None) -> str:
    name = "RAG_DAILY_BUDGET_USD" if scope == "all" else "RAG_PROJECT_DAILY_BUDGET_USD"
    cap = cap_of(scope)
    if cap is not None and refused and refused.amount > cap:
        return _TOO_LARGE.format(name=name, cap=cap, amount=refused.amount, less=_LESS[refused.purpose])
    return _USED_UP.format(name=name, cap=cap)


_USED_UP = (
    "Today's budget is used up ({name}, ${cap}). What is stored stays, and it goes on by itself after midnight UTC; "
    "raise the budget to go on now."
)
_TOO_LARGE = (
    "One call may cost ${amount}, which is more than the budget of a whole day ({name}, ${cap}). Raise the "
    "budget{less}; if the price of the model is not known, state it in RAG_PRICES."
)
_LESS: dict[str, str] = {
    models.Call.Purpose.INDEX: ", or process it with a lower --batch-size",  # with every --delay, auto among them
    models.Call.Purpose.QUESTION: ", or lower RAG_ANSWER_TOKENS or RAG_PROMPT_TOKENS",
    models.Call.Purpose.AHEAD: ", or lower RAG_ANSWER_TOKENS or RAG_PROMPT_TOKENS",
    models.Call.Purpose.CHECK: "",
}
_INDEXING_IS_OFF = (
    "Indexing that costs is switched off in the admin. What is stored stays, and it goes on when it is on again."
)
_SECONDS_LEFT = """
    SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day'
                   - (now() AT TIME ZONE 'UTC'))"""
_LOOK = """
    SELECT (SELECT answers_by_models FROM rag_switches WHERE id = 1),
           (SELECT indexing_that_costs FROM rag_switches WHERE id = 1),
           EXISTS (SELECT FROM rag_hold WHERE expires_at < now())"""
# Without a row there is nothing spent, so that the first amount is compared alone. A scope that is not in `free` has no
# room. In the order of the scopes, which everybody keeps, so that nobody waits for somebody who waits for them.
_HOLD = """
    WITH today AS (
        SELECT (now() AT TIME ZONE 'UTC')::date AS day
    ), put AS (
        INSERT INTO rag_allowance AS used (day, scope, spent_usd, held_usd, questions)
        SELECT today.day, wanted.scope, 0, %(amount)s::numeric, 0
        FROM today, unnest(%(scopes)s::text[], %(caps)s::numeric[]) AS wanted (scope, cap)
        WHERE wanted.cap IS NULL OR %(amount)s::numeric <= wanted.cap
        ORDER BY wanted.scope
        ON CONFLICT (day, scope) DO UPDATE SET held_usd = used.held_usd + EXCLUDED.held_usd
        WHERE used.spent_usd + used.held_usd + EXCLUDED.held_usd <= coalesce(
            (%(caps)s::numeric[])[array_position(%(scopes)s::text[], used.scope::text)], 'infinity')
        RETURNING scope
    ), made AS (
        INSERT INTO rag_hold (id, day, amount_usd, expires_at, provider, model, purpose, project_id, message_id,
                              price_known)
        SELECT %(id)s, day, %(amount)s, now() + %(lasts)s, %(provider)s, %(model)s, %(purpose)s, %(project)s,
               %(message)s, %(known)s
        FROM today
    )
    SELECT day, (SELECT coalesce(array_agg(scope), '{}') FROM put) FROM today"""
_SETTLE = """
    WITH ended AS (
        DELETE FROM rag_hold WHERE id = %(id)s RETURNING day, amount_usd
    ), charged AS (
        SELECT allowance.id, ended.amount_usd
        FROM rag_allowance allowance JOIN ended ON ended.day = allowance.day
        WHERE allowance.scope = ANY(%(scopes)s)
        ORDER BY allowance.scope
        FOR UPDATE OF allowance
    )
    UPDATE rag_allowance allowance
    SET held_usd = held_usd - charged.amount_usd, spent_usd = spent_usd + %(cost)s
    FROM charged WHERE allowance.id = charged.id
    RETURNING allowance.scope, allowance.spent_usd, allowance.warned_at IS NOT NULL"""
