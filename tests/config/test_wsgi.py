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


def database_url() -> str:
    """Of the tests' own server."""
    database = connection.settings_dict
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    return f"postgresql://{database['USER']}{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


def shown(script: str = SCRIPT, **environment: str) -> list[str]:
    """The limits of a connection of a new process."""
    bare = {"ENV_FILE": os.devnull, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
    bare |= {"DATABASE_URL": database_url()}
    command = [sys.executable, "-c", script, *SHOWN]
    run = subprocess.run(
        command, env=bare | environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


@pytest.mark.django_db
def test_the_queries_of_pages_end() -> None:
    assert shown() == ["30s", "10s", "1min"]


@pytest.mark.django_db
def test_the_queries_of_commands_take_as_long_as_they_take_but_hold_no_lock_asleep() -> None:
    assert shown(SCRIPT.replace("config.wsgi", "django; django.setup()")) == ["0", "0", "1min"]


@pytest.mark.django_db
def test_what_the_address_of_the_database_asks_for_is_kept() -> None:
    url = f"{database_url()}?options=-c%20statement_timeout%3D4321"
    script = SCRIPT.replace("config.wsgi", "django; django.setup()")
    assert shown(script, DATABASE_URL=url) == ["4321ms", "0", "1min"]


@pytest.mark.django_db
def test_a_pooler_that_refuses_limits_is_sent_none() -> None:
    assert shown(DATABASE_STATEMENT_TIMEOUT="0") == ["0", "0", "0"]
