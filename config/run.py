"""The site on one's own computer, for `script/run`: database, web server and background processing, until Ctrl-C."""

import http.client
import io
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import django
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from config import local_postgres

BASE_DIR = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 12  # the longest that the children need: open streams and the batch under way get ten
DEMO = {
    "summary": "A portfolio whose projects answer questions about their own code and link every claim to its lines.",
    "tags": "Python, Django, PostgreSQL, pgvector",
    "description": """This is the program that serves this page. Its first project is itself: ask it how it works.

## What it does

A command fetches a repository, cuts it along its functions and classes, and stores what a model makes of the pieces. A
question finds the pieces that may answer it, and the answer names the lines that show it.

| | |
|---|---|
| `portfolio/` | projects, their owner, and where their assistants stand |
| `rag/` | the line from a repository to a cited answer |
| `config/` | settings, and the database that comes along |

## Make it yours

Your name, text, picture and projects are edited [in the admin](/admin/), and so is this page.
""",
}

Children = dict[str, subprocess.Popen[bytes]]


def main() -> int:
    """The exit code: 0 when asked to stop, 1 when something could not start or died."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, _leave)
    try:
        port = _port(os.environ)
        _set_environment(BASE_DIR / ".env")
        django.setup()
        with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
            return _run(port)
    except (Problem, local_postgres.LocalPostgresError) as error:
        _say(str(error))
        return 1


class Problem(Exception):
    """The text says what and what to do."""


def _run(port: int) -> int:
    children: Children = {}
    try:
        _prepare_data()
        children["The web server"] = _child(
            *("-m", "gunicorn", "--config", "config/gunicorn.py", "--bind", f"127.0.0.1:{port}"),
            *("--log-level", "warning", "config.wsgi"),
        )
        _wait_for_site(port, children["The web server"])
        _say(_welcome(f"http://127.0.0.1:{port}"))
        children["The background processing"] = _child("manage.py", "process_rag_async", "--watch")
        return _watch(children)
    finally:
        _stop(children)


def _port(environment: Mapping[str, str]) -> int:
    raw = environment.get("PORT") or "8000"
    if not raw.isdigit() or not 0 < int(raw) < 65536:
        raise Problem(f"PORT={raw} cannot be used: it takes a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(raw)))
        except OSError as error:
            hint = f"PORT={int(raw) + 1 if int(raw) < 65535 else 8000} script/run"
            raise Problem(f"Port {raw} cannot be used ({error.strerror}). Choose another: {hint}") from error
    return int(raw)


def _set_environment(file: Path) -> None:
    """The settings of a computer of one's own, kept in `file` so that `manage.py` by hand finds the same."""
    if not file.exists() and not os.environ.get("DATABASE_URL") and not os.environ.get("SECRET_KEY"):
        example = file.with_name(".env.example").read_text()
        try:
            file.touch(mode=0o600)
            file.write_text(example.replace("\nSECRET_KEY=\n", f"\nSECRET_KEY={secrets.token_urlsafe(50)}\n"))
            _say("Wrote .env with settings for this computer.")
        except OSError as error:
            _say(f"No .env written ({error.strerror}): manage.py by hand needs DEBUG=true in its environment.")
    os.environ.setdefault("DEBUG", "true")
    os.environ.setdefault("RAG_ALLOW_LOCAL_REPOSITORIES", "true")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def _prepare_data() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    if not apps.get_model("portfolio", "Project").objects.exists():
        _add_demo()
    for connection in connections.all():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]


def _add_demo() -> None:
    """Docent itself is the first project."""
    if not (BASE_DIR / ".git").exists():
        _say("No demo project: this folder holds no .git, and so no commit that could be read.")
        return None
    if not shutil.which("git"):
        raise Problem("Docent reads repositories with git, and none was found. Install it and run this again.")
    options = {"title": "Docent", "slug": "docent", "publish": True, "stdout": io.StringIO()}
    try:
        call_command("add_project", str(BASE_DIR), **options)
    except CommandError as error:
        return _say(f"No demo project: {error}")
    # What the command has no options for is edited as the owner would.
    apps.get_model("portfolio", "Project").objects.filter(slug="docent").update(**DEMO)
    return _say("Docent itself is the first project.")


def _child(*arguments: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches only this process, which then stops the children in order.
    return subprocess.Popen([sys.executable, *arguments], cwd=BASE_DIR, start_new_session=True)  # noqa: S603


def _wait_for_site(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            site = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
            site.request("GET", "/healthz")
            if site.getresponse().status == 200:
                return
        except OSError:
            pass  # not yet
        time.sleep(0.1)
    raise Problem("The web server did not start; what it says stands above.")


def _welcome(site: str) -> str:
    python = os.path.relpath(sys.executable) if Path(sys.executable).is_relative_to(Path.cwd()) else sys.executable
    return f"""
Docent is on {site}/
  Add a project   {python} manage.py add_project https://github.com/OWNER/NAME --publish
  Make it yours   {python} manage.py createsuperuser, then edit your name, text and picture on {site}/admin/
  Stop            Ctrl-C
"""


def _watch(children: Children) -> int:
    """Until one of them ends, which none should."""
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                _say(f"{name} ended by itself (exit code {child.returncode}). Stopping the rest.")
                return 1
        time.sleep(0.3)


def _stop(children: Children) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it is being done
    alive = [child for child in children.values() if child.poll() is None]
    for child in alive:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in alive:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _leave(number: int, frame: FrameType | None) -> None:
    _say("\nStopping.")
    sys.exit(0)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 — this is a program on a terminal


if __name__ == "__main__":
    sys.exit(main())
