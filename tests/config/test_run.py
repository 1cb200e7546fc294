import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from config import run
from portfolio.models import Project

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SECRET_KEY", "DATABASE_URL", "RAG_ALLOW_LOCAL_REPOSITORIES"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    (tmp_path / ".env.example").write_text("DEBUG=true\nSECRET_KEY=\n#PORT=8000\n")
    return tmp_path / ".env"


def test_a_free_port_is_taken() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert run._port({"PORT": str(free)}) == free


def test_a_port_that_is_taken_is_said_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(run.Problem, match=f"Port {taken} cannot be used .* PORT="):
            run._port({"PORT": str(taken)})


@pytest.mark.parametrize("raw", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_said(raw: str) -> None:
    with pytest.raises(run.Problem, match=f"PORT={raw} cannot be used"):
        run._port({"PORT": raw})


def test_the_settings_are_kept_for_the_owners_eyes_only(env_file: Path) -> None:
    run._set_environment(env_file)
    lines = env_file.read_text().splitlines()
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert lines[0] == "DEBUG=true"
    assert len(lines[1]) > len("SECRET_KEY=") + 50


def test_settings_that_are_there_are_left_alone(env_file: Path) -> None:
    env_file.write_text("DEBUG=true\n")
    run._set_environment(env_file)
    assert env_file.read_text() == "DEBUG=true\n"


def test_nothing_is_written_for_a_database_of_ones_own(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/mine")
    run._set_environment(env_file)
    assert not env_file.exists()
    assert os.environ["RAG_ALLOW_LOCAL_REPOSITORIES"] == "true"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A folder like the one that `script/run` stands in."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = True
    monkeypatch.setattr(run, "BASE_DIR", tmp_path)


@pytest.mark.django_db
def test_the_first_project_introduces_itself(checkout: None, client: Client) -> None:
    run._add_demo()

    page = client.get("/projects/docent/").text
    assert "Its first project is itself" in page and "pgvector" in page and 'href="/admin/"' in page
    assert "a portfolio whose projects answer" in page.lower()


@pytest.mark.django_db
def test_a_folder_without_commits_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "BASE_DIR", tmp_path)

    run._add_demo()

    assert "No demo project: this folder holds no .git" in capsys.readouterr().out
    assert not Project.objects.exists()


def test_the_welcome_says_where_the_owner_is_edited() -> None:
    assert "http://127.0.0.1:8000/admin/" in run._welcome("http://127.0.0.1:8000")


def test_what_does_not_stop_when_asked_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(run, "STOP_SECONDS", 0.2)
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    run._stop({"it": child})
    assert child.returncode == -signal.SIGKILL


def test_a_child_that_ends_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert run._watch({"The web server": child}) == 1
    assert "The web server ended by itself (exit code 3)" in capsys.readouterr().out
