"""Mistakes in how the site is served are found before a visitor finds them, and production passes every check."""

import json
import os
import re
import subprocess
import sys
from unittest import mock

import pytest
from django.conf import settings as project
from django.core.checks import run_checks
from django.db import OperationalError, connection
from pytest_django import Settings

from config import checks

PRODUCTION = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "correct-horse-battery-staple-0123456789-and-then-some",
    "DATABASE_URL": "postgresql://localhost/none",
    "ALLOWED_HOSTS": "docent.example",
}
RENDER = PRODUCTION | {"ALLOWED_HOSTS": "", "RENDER_EXTERNAL_HOSTNAME": "docent.onrender.com"}
KEYS = {"OPENAI_API_KEY": "sk-" + "a" * 40, "GROQ_API_KEY": "gsk_" + "b" * 40}


def deploy_check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, env=environment, cwd=project.BASE_DIR, capture_output=True, text=True, check=False)


def test_a_command_line_finds_what_these_tests_find() -> None:
    """In a process that has imported no check by itself."""
    mistakes = {
        "ALLOWED_HOSTS": "*.example,https://docent.example",
        "CSRF_TRUSTED_ORIGINS": "http://docent.example",
        "TRUST_FORWARDED_PROTO": "false",
    }

    done = deploy_check(RENDER | KEYS | mistakes)

    assert done.returncode == 1
    assert set(re.findall(r"site\.E\d+", done.stderr)) == {"site.E001", "site.E002", "site.E003", "site.E005"}


def found(databases: list[str] | None = None) -> set[str | None]:
    return {message.id for message in run_checks(databases=databases)}


def versions(row: tuple[str, str | None] | None) -> mock.Mock:
    """A connection whose server has these versions of pgvector: the newest it knows, and the installed one."""
    cursor = mock.MagicMock()
    cursor.__enter__.return_value.fetchone.return_value = row
    return mock.Mock(return_value=cursor)


@pytest.mark.parametrize("environment", [PRODUCTION, RENDER, PRODUCTION | KEYS, RENDER | KEYS])
def test_production_passes_every_check_for_deployment(environment: dict[str, str]) -> None:
    run = deploy_check(environment)

    assert (run.returncode, run.stdout) == (0, "System check identified no issues (0 silenced).\n"), run.stderr


def test_a_mistake_fails_the_check_for_deployment() -> None:
    run = deploy_check(PRODUCTION | {"EMBEDDING_PROVIDER": "fake"})

    assert run.returncode == 1 and "rag.E002" in run.stderr


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ALLOWED_HOSTS": ["*"]}, "site.E001"),
        ({"ALLOWED_HOSTS": [".docent.example"]}, "site.E001"),
        ({"ALLOWED_HOSTS": ["https://docent.example"]}, "site.E002"),
        ({"ALLOWED_HOSTS": ["docent.example:443"]}, "site.E002"),
        ({"CSRF_TRUSTED_ORIGINS": ["https://*.docent.example"]}, "site.E003"),
        ({"CSRF_TRUSTED_ORIGINS": ["http://docent.example"]}, "site.E003"),
        ({"RENDER_HOST": "docent.onrender.com", "DEBUG": True}, "site.E004"),
        ({"RENDER_HOST": "docent.onrender.com", "SECURE_SSL_REDIRECT": True}, "site.E005"),
        ({"RENDER_HOST": "docent.onrender.com", "NUM_PROXIES": 0}, "rag.W009"),
    ],
)
def test_a_mistake_is_found(settings: Settings, changes: dict[str, object], expected: str) -> None:
    settings.DEBUG = False
    for name, value in changes.items():
        setattr(settings, name, value)

    assert expected in found()


def test_exact_hosts_and_origins_are_fine(settings: Settings) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["docent.example", "[::1]", "10.0.0.1"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://docent.example", "https://docent.example:8443"]

    assert not {one for one in found() if str(one).startswith("site.")}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, {"site.E006"}),
        (("0.8.5", "0.8.3"), {"site.E007"}),
        (("0.8.3", None), {"site.E007"}),
        (("0.8.4", None), set()),
        (("0.8.4", "0.8.4"), set()),
        (("0.10.0", "0.10.0"), set()),
        (("1.0", "1.0"), set()),
    ],
)
@pytest.mark.django_db
def test_a_pgvector_that_will_not_do_is_found(row: tuple[str, str | None] | None, expected: set[str]) -> None:
    with mock.patch.object(connection, "cursor", versions(row)):
        ids = {message.id for message in checks.pgvector(None, databases=["default"])}

    assert ids == expected


@pytest.mark.django_db
def test_the_server_of_these_tests_has_one_that_will() -> None:
    assert checks.pgvector(None, databases=["default"]) == []


@pytest.mark.django_db
def test_a_database_that_cannot_be_asked_is_for_others_to_tell() -> None:
    with mock.patch.object(connection, "cursor", side_effect=OperationalError("no route")):
        assert checks.pgvector(None, databases=["default"]) == []


def test_the_database_is_left_alone_unless_named() -> None:
    assert checks.pgvector(None) == []


def test_settings_of_production_are_exact_and_https_only() -> None:
    script = "import json; from config import settings as s; print(json.dumps({n: getattr(s, n, None) for n in %r}))"
    names = [
        "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_SSL_REDIRECT", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SECURE_PROXY_SSL_HEADER", "NUM_PROXIES",
    ]  # fmt: skip
    command = [sys.executable, "-c", script % names]
    run = subprocess.run(command, env=RENDER, cwd=project.BASE_DIR, capture_output=True, text=True, check=True)

    host = "docent.onrender.com"
    assert list(json.loads(run.stdout).values()) == [
        [host], [f"https://{host}"], 31_536_000, True, True, "__Host-sessionid", "__Host-csrftoken",
        ["HTTP_X_FORWARDED_PROTO", "https"], 1,
    ]  # fmt: skip
