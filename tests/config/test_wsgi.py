"""What is different in the process that serves pages."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

SHOWN = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SCRIPT = """
import sys
import config.wsgi
from django.db import connection
with connection.cursor() as cursor:
    for name in sys.argv[1:]:
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
connection.close_pool()
"""


def shown(script: str = SCRIPT, **environment: str) -> list[str]:
    """The limits of a connection of a new process, which uses the tests' own server."""
    database = connection.settings_dict
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    url = f"postgresql://{database['USER']}{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    bare = {"ENV_FILE": os.devnull, "DEBUG": "true", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", script, *SHOWN]
    run = subprocess.run(
        command, env=bare | environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


@pytest.mark.django_db
def test_the_queries_of_pages_end() -> None:
    assert shown() == ["30s", "10s", "1min"]


@pytest.mark.django_db
def test_the_queries_of_commands_take_as_long_as_they_take() -> None:
    assert shown(SCRIPT.replace("config.wsgi", "django; django.setup()")) == ["0", "0", "0"]


@pytest.mark.django_db
def test_a_pooler_that_refuses_limits_is_sent_none() -> None:
    assert shown(DATABASE_STATEMENT_TIMEOUT="0") == ["0", "0", "0"]
