"""The tests' database for programs that are no tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from config import local_postgres


@contextmanager
def opened() -> Iterator[None]:
    """An empty database with all tables, gone at the end."""
    if settings.LOCAL_POSTGRES_DIR:
        settings.LOCAL_POSTGRES_DIR.chmod(0o711)  # as root the server has another user
    with local_postgres.running(settings.LOCAL_POSTGRES_DIR, fsync=False):
        made = setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's has it
            teardown_databases(made, verbosity=0)
