"""The WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import database
from config.middleware import charset


def limit_database() -> None:
    """Give the pages' connections their limits, before the first is made."""
    options = settings.DATABASES["default"]["OPTIONS"]
    options |= database.options(options, database.limits_of_pages(settings.DATABASE_STATEMENT_TIMEOUT))


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = charset.only_known(get_wsgi_application())
limit_database()
