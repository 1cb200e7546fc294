"""PostgreSQL goes away and comes back: under a run at each kind of place, under an answer, and under the pages."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.urls import reverse

from config import postgres_programs
from portfolio.claims import MAX_ATTEMPTS
from rag import models
from tests.faults import cases, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial, say
from tests.rag.commands.conftest import wait_until

COUNT = 3  # of each place
PLACES = {
    "mid-claim": "claimed:1",
    "mid-chunking": "mid-chunking:2",
    "adding files, inside the transaction": "adding-files:1",
    "mid-batch, before it is stored": "returned-not-saved:2",
    "mid-batch, inside the transaction": "saving:2",
    "between batches": "between-batches:1",
    "mid-flip, inside the transaction": "flipping:1",
    "after the flip": "after-flip:1",
}
HOW = ("fast", "immediate")  # told to end, and killed
SITE = ("home", "project", "panel", "chat")


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("PostgreSQL restarted")
    for how in HOW:
        for place, point in PLACES.items():
            row = trial.row(f"{place} ({how})")
            for _ in range(count):
                with row.tried():
                    restarted_under(made, point, how, row)
            say(f"{row.what}: {row.runs}, {row.violations} violations")
        for title, act in (("mid-answer", under_an_answer), ("between pages", under_pages)):
            row = trial.row(f"{title} ({how})")
            for _ in range(count):
                with row.tried(), serving(made) as address:
                    act(made, address, how, row)
            say(f"{row.what}: {row.runs}, {row.violations} violations")
    return trial


def restart(how: str) -> None:
    place = settings.LOCAL_POSTGRES_DIR
    assert place is not None
    data = str(place / "data")
    log = str(place / "data" / "server.log")
    postgres_programs.run(place, "pg_ctl", "--pgdata", data, "--wait", f"--mode={how}", "--log", log, "restart")
    connection.close()  # ours are gone as well
    connection.close_pool()  # type: ignore[attr-defined]  # Django's stubs do not know pools


def restarted_under(made: world.World, point: str, how: str, row: Row) -> None:
    """The run stands still there, and goes on with connections that are gone."""
    case = cases.make(made, indexed=True)
    running = made.start(*case.command, FAULT=f"{point}:STOP")
    wait_until(lambda: is_stopped(running))
    restart(how)
    running.send(signal.SIGCONT)
    case.kills += 1
    done = running.wait()
    assert "Traceback" not in done.out, done.out
    state = case.rag
    row.seen = f"then {state.processing_status}{f' ({state.error_code})' if state.error_code else ''}, next run ready"
    assert state.processing_status != "processing", f"it is stuck: {done.out}{done.err[-1500:]}"
    assert state.attempts <= MAX_ATTEMPTS
    assert_invariants(case)
    finished = case.run()
    assert finished.code == 0, finished.out + finished.err
    assert_invariants(case, finished=True)
    case.project.delete()


def under_pages(made: world.World, address: str, how: str, row: Row) -> None:
    """The site of a real server with connections that were made before: no visitor sees an error."""
    case = cases.make(made, indexed=True)
    pages = [f"{address}{_path(name, case)}" for name in SITE]
    with ThreadPoolExecutor(max_workers=8) as visitors:
        assert set(visitors.map(_status, pages * 4)) == {200}
    restart(how)
    seen = Counter(_status(page) for page in pages * 4)
    row.seen = ", ".join(f"{times} × {status}" for status, times in sorted(seen.items()))
    assert set(seen) == {200}, seen
    case.project.delete()


def under_an_answer(made: world.World, address: str, how: str, row: Row) -> None:
    """What was written is kept, and the question can be asked again."""
    case = cases.make(made, indexed=True)
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    chat = f"{address}{reverse('chat', args=[case.project.slug])}"
    _post(browser, chat, chat, question=cases.QUESTIONS[0], stream="1")
    message = models.Message.objects.get(conversation__project=case.project)
    with browser.open(f"{address}{reverse('stream', args=[case.project.slug, message.pk])}", timeout=60) as answer:
        answer.read(40)
        restart(how)
        answer.read()
    message.refresh_from_db()
    row.seen = f"the answer is {message.status}"
    assert message.status in ("complete", "interrupted", "failed"), f"{message.status} for ever"
    if message.status != "complete":
        again = reverse("again", args=[case.project.slug, message.pk])
        assert _post(browser, f"{address}{again}", chat) == 200
        assert models.Message.objects.get(conversation__project=case.project).status == "complete"
    case.project.delete()


@contextmanager
def serving(made: world.World) -> Iterator[str]:
    """The site's address, by a gunicorn of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    command += ["--bind", f"127.0.0.1:{port}"]
    environment = made.environment(LOG_LEVEL="CRITICAL", LLM_PROVIDER="fake", LLM_FAKE_DELAY="0.2")
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _status(f"{address}/") == 200)
        try:
            yield address
        finally:
            server.terminate()


def _post(browser: urllib.request.OpenerDirector, address: str, form: str, **fields: str) -> int:
    """As the form on the page `form` sends it."""
    with browser.open(form, timeout=60) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token is not None
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
    with browser.open(address, body, timeout=60) as response:
        return int(response.status)


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _path(name: str, case: cases.Case) -> str:
    return reverse(name, args=[] if name == "home" else [case.project.slug])


def is_stopped(running: world.Running) -> bool:
    assert running.code is None, "it ended before"
    return Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
