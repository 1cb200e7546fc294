"""Many at once: two commands for one project, fifty clicks on one button."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from tests.faults import cases, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial, say

COUNT = 100
CLICKS = 50


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("Many at once")
    for title, times, act in (
        ("two commands for one project", count, two_commands),
        (f"{CLICKS} clicks on “Initialize AI” while a command runs", count // 2, clicks),
    ):
        row = trial.row(title)
        for _ in range(times):
            with row.tried():
                act(made, row)
            if row.runs % 10 == 0:
                say(f"{title}: {row.runs}, {row.violations} violations")
    return trial


def two_commands(made: world.World, row: Row) -> None:
    """One works, the other says so; every text is paid for once."""
    case = cases.make(made, indexed=False)
    both = [made.start(*case.command) for _ in range(2)]
    ended = [running.wait() for running in both]
    assert [done.code for done in ended] == [0, 0], ended
    assert sum("Ready at" in done.out for done in ended) == 1, ended
    assert_invariants(case, finished=True)
    case.project.delete()


def clicks(made: world.World, row: Row) -> None:
    """However many ask, it is read once."""
    case = cases.make(made, indexed=False)
    address = reverse("initialize", args=[case.project.slug])
    running = made.start(*case.command)
    with ThreadPoolExecutor(max_workers=CLICKS) as visitors:
        answered = list(visitors.map(_click, repeat(address, CLICKS)))
    assert set(answered) == {303}, answered
    assert running.wait().code == 0
    paid = len(case.calls)
    again = made.run(*world.COMMAND)
    assert len(case.calls) == paid, "it was read twice"
    assert "Ready at" not in again.out, again.out
    assert _requests(case) <= 1, "more than one request was recorded"
    assert_invariants(case, finished=True)
    case.project.delete()


def _click(address: str) -> int:
    try:
        return Client().post(address).status_code
    finally:
        connections.close_all()


def _requests(case: cases.Case) -> int:
    """How often a request was recorded: each sets the time anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT requested) FROM faults_history WHERE rag_id = %s AND requested IS NOT NULL",
            [case.rag.pk],
        )
        return int(cursor.fetchone()[0])
