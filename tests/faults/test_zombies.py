"""A worker that is stopped past its lease, overtaken, and wakes up again: it changes no row."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.faults import cases, plans
from tests.faults.invariants import assert_invariants
from tests.faults.world import COMMAND, Running, World
from tests.rag.commands.conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Stopped = Callable[[str], tuple[cases.Case, Running]]

# Stopped at once, each in a project of its own. After the flip there is no lease to lose.
TOGETHER = {
    "fetching": ("claimed", "before-clone", "mid-clone", "after-clone"),
    "reading": ("after-listing", "mid-chunking", "before-embedding", "embedding-in-flight"),
    "embedding": ("returned-not-saved", "saved-before-progress", "between-batches", "last-batch"),
    "ending": ("clone-removed", "before-validating", "before-flip"),
}
INSIDE = ("adding-files", "saving", "flipping", "mid-cleanup")  # a transaction, so that it holds the project's row
# Seconds: of a lease, and half of those after which PostgreSQL ends a transaction that sleeps.
SHORT = {"RAG_LEASE_SECONDS": "1", "DATABASE_STATEMENT_TIMEOUT": "0.5"}
OVER = ("taken it over", "The connection to the database broke")
MONEY = {"rag_call", "rag_allowance", "rag_hold"}  # what a call has cost is written down, whoever made it


def test_each_point_is_tried() -> None:
    assert {*INSIDE, *(point for points in TOGETHER.values() for point in points), "after-flip"} == set(plans.POINTS)


@pytest.mark.parametrize("stage", TOGETHER)
def test_whoever_was_stopped_past_the_lease_writes_nothing(world: World, stopped: Stopped, stage: str) -> None:
    zombies = [stopped(point) for point in TOGETHER[stage]]
    wait_until(lambda: all(lease_is_over(case) for case, _ in zombies))

    heir = world.run(*COMMAND, **SHORT)
    assert heir.code == 0, heir.out + heir.err
    assert [case.rag.processing_status for case, _ in zombies] == ["ready"] * len(zombies), heir.out
    before = everything()
    for point, (case, zombie) in zip(TOGETHER[stage], zombies, strict=True):
        assert wakes_up_for_nothing(zombie), point
        assert everything() == before, point
        assert len(case.calls) <= case.most_calls, point
    for case, _ in zombies:
        assert_invariants(case, finished=True)


@pytest.mark.parametrize("point", INSIDE)
def test_whoever_was_stopped_inside_a_transaction_writes_nothing(world: World, stopped: Stopped, point: str) -> None:
    case, zombie = stopped(point)
    wait_until(lambda: lease_is_over(case))

    heir = world.run(*case.command, **SHORT)
    assert heir.code == 0, heir.out + heir.err
    assert case.rag.processing_status == "ready", heir.out
    before = everything()

    assert wakes_up_for_nothing(zombie)
    assert everything() == before
    assert_invariants(case, finished=True)


@pytest.fixture
def stopped(world: World) -> Iterator[Stopped]:
    """A re-index that stands still at a point, with its lease."""
    zombies = []

    def standing(point: str) -> tuple[cases.Case, Running]:
        case = cases.make(world, indexed=True)
        zombies.append(world.start(*case.command, FAULT=plans.fault(point, "STOP", indexed=True), **SHORT))
        wait_until(lambda: is_stopped(zombies[-1].pid) or zombies[-1].code is not None)
        assert zombies[-1].code is None and case.rag.lease_token is not None, point
        case.kills += 1
        return case, zombies[-1]

    yield standing
    for zombie in zombies:
        if zombie.code is None:  # a test has failed
            zombie.send(signal.SIGKILL)


def wakes_up_for_nothing(zombie: Running) -> bool:
    """Whether it sees that the project is somebody else's."""
    zombie.send(signal.SIGCONT)
    woken = zombie.wait()
    return any(sentence in woken.out for sentence in OVER)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def lease_is_over(case: cases.Case) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_OVER, [case.rag.pk])
        return bool(cursor.fetchone()[0])


# Without one somebody else's sweep, that of a zombie to be, has ended it already.
_OVER = "SELECT coalesce(lease_expires_at < now(), true) FROM portfolio_projectrag WHERE id = %s"


def everything() -> dict[str, list[str]]:
    """Table of the program → its rows as they stand, but for the money's."""
    with connection.cursor() as cursor:
        names = [
            name for name in connection.introspection.table_names(cursor) if name.startswith(("rag_", "portfolio_"))
        ]
        rows = {}
        for name in sorted(set(names) - MONEY):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{name}" t ORDER BY 1')
            rows[name] = [row for (row,) in cursor.fetchall()]
    return rows
