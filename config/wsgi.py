"""The WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import charset


def limit_database() -> None:
    """End what a page's query should never take: a statement, a wait for a lock, an idle transaction.

    Commands go without, because what they write takes as long as a project is large. Given when a connection is
    made, so that it costs no query, and only where it is wanted: a pooler may refuse it.
    """
    seconds = settings.DATABASE_STATEMENT_TIMEOUT
    if not seconds:
        return
    limits = {
        "statement_timeout": seconds,
        "lock_timeout": seconds / 3,
        "idle_in_transaction_session_timeout": seconds * 2,
    }
    given = " ".join(f"-c {name}={round(limit * 1000)}" for name, limit in limits.items())
    options = settings.DATABASES["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} {given}".strip()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = charset.only_known(get_wsgi_application())
limit_database()
