"""What PostgreSQL ends by itself, and when a connection is given up whose other end is gone.

Limits are given when a connection is made, so that they cost no query, and DATABASE_STATEMENT_TIMEOUT=0 gives none,
because a pooler may refuse them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg import Copy

# A server that vanishes without a word, as in a failover, would be waited for by TCP's own time, a quarter of an hour
# and more. A query that takes its time is no silence: the other machine goes on acknowledging.
PATIENCE = {
    "connect_timeout": 10,  # seconds for each address of the host
    "keepalives_idle": 10,  # seconds without a byte until it is asked for a sign of life
    "keepalives_interval": 5,  # seconds between asking
    "keepalives_count": 3,  # without an answer
    "tcp_user_timeout": 25_000,  # milliseconds that what was sent may stay unacknowledged
}


def limits_of_all(seconds: float) -> dict[str, float]:
    """A process that was stopped in the middle of a transaction holds its locks for no longer than a lease lasts."""
    return {"idle_in_transaction_session_timeout": seconds * 2}


def limits_of_pages(seconds: float) -> dict[str, float]:
    """What a page's query should never take. What commands write takes as long as a project is large."""
    return {"statement_timeout": seconds, "lock_timeout": seconds / 3}


def options(given: Mapping[str, Any], limits: Mapping[str, float]) -> dict[str, str]:
    """The connection's option that holds these limits (seconds; 0: none) beside those that are `given`."""
    added = " ".join(f"-c {name}={round(limit * 1000)}" for name, limit in limits.items() if limit)
    both = f"{given.get('options', '')} {added}".strip()
    return {"options": both} if both else {}


def release() -> None:
    """Give the connection back to the pool; the next query takes one again. Not inside somebody's transaction."""
    if not connection.in_atomic_block:
        connection.close()


def may_sleep() -> None:
    """In a transaction that holds no row of anybody else's, and in which something else may take its time."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@contextmanager
def copying(statement: str) -> Iterator[Copy]:
    """A COPY under way. Its errors are Django's, as those of every other statement: left alone they are psycopg's."""
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        yield copy
