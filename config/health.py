"""Whether the site can do its work, for the host that watches it.

A stranger learns in one word what is wrong. An admin who is logged in learns more at `?deep`.
"""

import logging
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from functools import cache
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import checks

SECONDS = 2.0  # that a look at the database may take
UNREACHABLE, SILENT, BROKEN = "database unreachable", "database does not answer", "broken"
logger = logging.getLogger(__name__)

_looks = threading.Lock()
_look: "Future[str] | None" = None  # under way, or the last one


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, is migrated and has pgvector; else 503, naming the first that is missing."""
    problem = _problem()
    facts: dict[str, Any] = {"status": problem or "ok"}
    if "deep" in request.GET and problem not in (UNREACHABLE, SILENT) and _is_admin(request):
        facts |= _details()
    return JsonResponse(facts, status=503 if problem else 200)


def _problem() -> str:
    """What is wrong, empty when nothing is; never later than in SECONDS, whatever the database does.

    Those who ask at the same time share a look, so that a database that hangs holds one thread and one connection.
    """
    global _look  # noqa: PLW0603 — guarded by _looks
    with _looks:
        look = _look
        if look is None or look.done():
            look = Future()
            try:
                threading.Thread(target=_answer, args=(look,), name="health", daemon=True).start()
            except RuntimeError:
                logger.exception("There is no thread left to look at the database")
                return BROKEN
            _look = look  # only one that will end
    try:
        return look.result(SECONDS)
    except TimeoutError:
        return SILENT


def _answer(look: "Future[str]") -> None:
    problem = BROKEN
    try:
        with closing(connection):
            problem = _found()
    except Exception:
        logger.exception("The look at the database ended in an unexpected way")
    look.set_result(problem)


def _found() -> str:
    try:
        return _missing()
    except DatabaseError:
        connection.close()  # the pool may have kept one from before the database was restarted
    try:
        return _missing()
    except DatabaseError:
        return UNREACHABLE


def _missing() -> str:
    """Raises DatabaseError."""
    if not checks.is_enough(_pgvector()):
        return "pgvector missing or too old"
    return "migrations not applied" if _waiting() else ""


def _pgvector() -> str:
    """Its version, "0" without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    return row[0] if row else "0"


def _waiting() -> list[str]:
    """Migrations that this program has and the database has not."""
    return sorted(f"{app}.{name}" for app, name in _known() - MigrationRecorder(connection).applied_migrations().keys())


@cache
def _known() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


def _is_admin(request: HttpRequest) -> bool:
    try:
        return request.user.is_active and request.user.is_staff
    except DatabaseError:  # the tables of users may be what is missing
        return False


def _details() -> dict[str, Any]:
    """For admins, and slower."""
    from rag import overview  # noqa: PLC0415 — it wants the models, which wait for the settings

    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_SERVER)
        version, connections, most = cursor.fetchone()
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    now = overview.now()
    return {
        "now": {name: len(getattr(now, name)) for name in ("stuck", "failing", "under_way")},
        "spent_today_usd": str(now.spent),
        "database": {"version": version, "milliseconds": milliseconds, "connections": connections, "most": most},
        "pgvector": _pgvector(),
        "migrations": _waiting(),
    }


_SERVER = """
    SELECT current_setting('server_version'), count(*), current_setting('max_connections')::int
    FROM pg_stat_activity WHERE datname = current_database()"""
