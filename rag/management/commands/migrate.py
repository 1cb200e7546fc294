"""Migrates, one process after the other."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.commands import migrate
from django.db import DatabaseError, connections

LOCK = 6_843_291_105  # any number that nothing else in the database locks


class Command(migrate.Command):
    """Django's own, alone. Render builds the site and its cron job at once, and both builds migrate."""

    def handle(self, *args: Any, **options: Any) -> None:
        with _alone(options["database"]):
            super().handle(*args, **options)


@contextmanager
def _alone(alias: str) -> Iterator[None]:
    """Wait until no other process is in such a block. PostgreSQL ends the lock of one that dies."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with suppress(DatabaseError), connections[alias].cursor() as cursor:  # whose end is the lock's, too
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
