"""PostgreSQL goes away and comes back: under a run at each kind of place, under an answer, and under the pages."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.urls import reverse

from config import postgres_programs
from portfolio.claims import MAX_ATTEMPTS
from tests import providers
from tests.faults import cases, site, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial, say
from tests.providers import dialects
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
        for dialect in (dialects.OPENAI, dialects.GROQ):
            row = trial.row(f"mid-answer by {dialect.name} ({how})")
            for _ in range(count):
                with row.tried(), site.answering(dialect) as provider:
                    under_an_answer(made, provider, how, row)
            say(f"{row.what}: {row.runs}, {row.violations} violations")
        row = trial.row(f"between pages ({how})")
        for _ in range(count):
            with row.tried(), site.serving(made) as server:
                under_pages(made, server, how, row)
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


def under_pages(made: world.World, server: site.Server, how: str, row: Row) -> None:
    """The site of a real server with connections that were made before: no visitor sees an error."""
    case = cases.make(made, indexed=True)
    pages = [f"{server.address}{_path(name, case)}" for name in SITE]
    with ThreadPoolExecutor(max_workers=8) as visitors:
        assert set(visitors.map(site.status, pages * 4)) == {200}
    restart(how)
    seen = Counter(site.status(page) for page in pages * 4)
    row.seen = ", ".join(f"{times} × {status}" for status, times in sorted(seen.items()))
    assert set(seen) == {200}, seen
    case.project.delete()


def under_an_answer(made: world.World, provider: providers.Provider, how: str, row: Row) -> None:
    """What was written is kept, the question can be asked again, and nothing is held for it any more."""
    case = cases.make(made, indexed=True)
    with site.serving(made, **site.by(provider)) as server, site.asked(case, server) as asked:
        restart(how)
        asked.read_on()
        row.seen = f"the answer is {asked.message.status}"
        site.assert_settled(asked)
        if asked.message.status != "complete":
            asked.ask_again()
    case.project.delete()


def _path(name: str, case: cases.Case) -> str:
    return reverse(name, args=[] if name == "home" else [case.project.slug])


def is_stopped(running: world.Running) -> bool:
    assert running.code is None, "it ended before"
    return Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
