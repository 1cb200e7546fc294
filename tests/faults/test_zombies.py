"""A worker that is stopped past its lease, overtaken, and wakes up again: it changes no row."""

import signal
from pathlib import Path

import pytest
from django.db import connection

from portfolio.models import ProjectRAG
from rag import models
from tests.faults import cases, world
from tests.faults.invariants import assert_invariants
from tests.rag.commands.conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = ("claimed", "mid-chunking", "before-embedding", "returned-not-saved", "before-validating", "before-flip")
INSIDE = ("adding-files", "saving", "flipping", "mid-cleanup")  # a transaction, so that it holds the project's row
# Seconds: of a lease, and half of those after which PostgreSQL ends a transaction that sleeps.
SHORT = {"RAG_LEASE_SECONDS": "1", "DATABASE_STATEMENT_TIMEOUT": "0.5"}


@pytest.mark.parametrize("point", [*POINTS, *INSIDE])
def test_whoever_was_stopped_past_the_lease_writes_nothing(world: world.World, point: str) -> None:
    case = cases.make(world, indexed=True)
    zombie = world.start(*case.command, FAULT=f"{point}:1:STOP", **SHORT)
    wait_until(lambda: is_stopped(zombie.pid) or zombie.code is not None)
    token = case.rag.lease_token
    case.kills += 1
    wait_until(lambda: lease_is_over(case))

    heir = world.run(*case.command, **SHORT)
    assert heir.code == 0, heir.out + heir.err
    assert case.rag.processing_status == "ready", heir.out
    before = everything(case)
    zombie.send(signal.SIGCONT)
    woken = zombie.wait()

    assert everything(case) == before
    assert token is not None
    assert "taken it over" in woken.out or "The connection to the database broke" in woken.out, woken.out + woken.err
    assert_invariants(case, finished=True)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def lease_is_over(case: cases.Case) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lease_expires_at < now() FROM portfolio_projectrag WHERE id = %s", [case.rag.pk])
        return bool(cursor.fetchone()[0])


def everything(case: cases.Case) -> tuple[object, ...]:
    """Every row of the project, as it stands."""
    pk = case.rag.pk
    rows = (
        ProjectRAG.objects.filter(pk=pk).values_list(),
        models.Revision.objects.filter(rag=pk).order_by("pk").values_list(),
        models.SourceFile.objects.filter(rag=pk).order_by("pk").values_list(),
        models.Chunk.objects.filter(file__rag=pk).order_by("pk").values_list("pk", "file_id", "ordinal", "sha256"),
    )
    return tuple(map(list, rows))
