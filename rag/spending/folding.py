"""Old calls → the sums of their days, so that what was paid stays known and the table stays small.

Each call is deleted and added up in one statement: it is a row or in a sum, never both and never neither, also when two
workers fold at once or one is killed.
"""

import time
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from rag import models
from rag.spending import costs

MOST = 100_000  # rows; the admin's pages take a quarter of a second with so many, on a busy machine
EVERY = 3600.0  # seconds
VISITORS_DAYS = 2  # their counts are for one day

_last = float("-inf")


def fold_now_and_then() -> None:
    """For a worker to call at every turn: folds once an hour in each process."""
    global _last  # noqa: PLW0603
    if time.monotonic() - _last >= EVERY:
        _last = time.monotonic()
        fold()


def fold() -> int:
    """Whole days that are older than RAG_CALL_DAYS, and as many more as it takes to keep MOST rows; never today.

    How many calls were folded. Day by day, each in a transaction of its own.
    """
    count, before, day = 0, _kept_from(), date.min
    # From day to day: to look from the beginning each time would read what was just deleted.
    while (day := _next(day)) < before:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FOLD, {"day": day})
            count += cursor.fetchone()[0] or 0
    old = costs.today() - timedelta(days=VISITORS_DAYS)
    models.Allowance.objects.filter(scope__startswith="visitor:", day__lt=old).delete()
    return count


def _kept_from() -> date:
    """The first day whose calls stay as they are."""
    today = costs.today()
    first = today - timedelta(days=settings.RAG_CALL_DAYS)
    over = models.Call.objects.order_by("-at").values_list("at", flat=True)[MOST : MOST + 1].first()
    if over is None:
        return first
    return max(first, min(today, over.astimezone(costs.UTC).date() + timedelta(days=1)))


def _next(day: date) -> date:
    """The first day after it that has calls."""
    later = models.Call.objects.order_by("at")
    if day > date.min:
        later = later.filter(at__gte=datetime.combine(day + timedelta(days=1), datetime.min.time(), costs.UTC))
    at = later.values_list("at", flat=True).first()
    return at.astimezone(costs.UTC).date() if at else date.max


_FOLD = """
    WITH gone AS (
        DELETE FROM rag_call
        WHERE at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND at < (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        RETURNING provider, model, purpose, project_id, price_known, error_code, tokens_in, tokens_out, cost_usd
    ), added AS (
        INSERT INTO rag_callsum (day, provider, model, purpose, project_id, price_known, calls, failed, tokens_in,
                                 tokens_out, cost_usd)
        SELECT %(day)s, provider, model, purpose, project_id, price_known, count(*),
               count(*) FILTER (WHERE error_code <> ''), sum(tokens_in), sum(tokens_out), sum(cost_usd)
        FROM gone GROUP BY provider, model, purpose, project_id, price_known
        RETURNING calls
    )
    SELECT sum(calls)::bigint FROM added"""
