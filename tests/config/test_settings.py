import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BASE_DIR

PRODUCTION = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "k" * 50,
    "DATABASE_URL": "postgresql://user:password@db.example/name",
    "ALLOWED_HOSTS": "docent.example",
}


def read(expression: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Print the expression over the settings as a process with only this environment sees them."""
    script = f"from config import settings as s; print({expression})"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False)


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


def test_production_starts_with_what_it_needs() -> None:
    assert read("s.DEBUG, s.LOCAL_POSTGRES_DIR", PRODUCTION).stdout == "False None\n"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL"])
def test_production_does_not_start_without(name: str) -> None:
    run = read("1", without(name))
    assert run.returncode != 0
    assert f"{name} is not set" in run.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("RAG_BATCH_SIZE", "0"),
        ("RAG_DELAY", "-1"),
        ("RAG_DELAY", "automatic"),
        ("RAG_EMBED_CONCURRENCY", "0"),
        ("RAG_TIMEOUT", "soon"),
        ("DATABASE_POOL_SIZE", "1"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(name: str, value: str) -> None:
    run = read("1", {**PRODUCTION, name: value})
    assert run.returncode != 0
    assert f"{name}={value!r} cannot be used" in run.stderr


def test_the_delay_may_be_left_to_the_provider() -> None:
    assert read("s.RAG_DELAY", {**PRODUCTION, "RAG_DELAY": "auto"}).stdout == "auto\n"
    assert read("s.RAG_DELAY", {**PRODUCTION, "RAG_DELAY": "2"}).stdout == "2.0\n"


def test_render_names_its_own_host() -> None:
    run = read(
        "s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS",
        {**without("ALLOWED_HOSTS"), "RENDER_EXTERNAL_HOSTNAME": "a.onrender.com"},
    )
    assert run.stdout == "['a.onrender.com'] ['https://a.onrender.com']\n"


def test_nobody_is_believed_about_https_unless_told_so() -> None:
    header = "getattr(s, 'SECURE_PROXY_SSL_HEADER', None)"
    assert read(header, PRODUCTION).stdout == "None\n"
    assert "https" in read(header, {**PRODUCTION, "TRUST_FORWARDED_PROTO": "true"}).stdout


def test_cookies_of_production_belong_to_the_host_and_to_https() -> None:
    run = read("s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE", PRODUCTION)
    assert run.stdout == "__Host-sessionid __Host-csrftoken True True\n"


def test_a_computer_of_ones_own_needs_nothing_but_debug(tmp_path: Path) -> None:
    bare = {"ENV_FILE": os.devnull, "DEBUG": "true", "LOCAL_POSTGRES_DIR": str(tmp_path)}
    assert read("s.DATABASES['default']['HOST']", bare).stdout == "127.0.0.1\n"
