"""Whether the site can do its work, for the host that watches it."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, is migrated and has pgvector; else 503, naming the first that is missing."""
    problem = _problem()
    return JsonResponse({"status": problem or "ok"}, status=503 if problem else 200)


def _problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
            has_vectors = cursor.fetchone() is not None
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "database unreachable"
    if not has_vectors:
        return "pgvector missing"
    return "migrations not applied" if waiting else ""
