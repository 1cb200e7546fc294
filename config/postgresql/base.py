"""The connections: each is looked at before it is used, and when one is dead, all that were kept are.

Django's own way, CONN_HEALTH_CHECKS, has the pool look at one after the other and wait longer each time: after a
restart of the server the first visitor waited ten seconds for an error page.
"""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works, or OperationalError when the server is not there."""
        connection = super().get_new_connection(conn_params)
        if not self.pool or _works(connection):
            return connection
        self.pool.drain()
        self.pool.putconn(connection)
        return super().get_new_connection(conn_params)


def _works(connection: Any) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
