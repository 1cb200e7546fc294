"""PostgreSQL ends every connection, as a restart does: runs end in a state, pages notice nothing."""

import signal
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.urls import reverse

from tests.faults import cases
from tests.faults.invariants import assert_invariants
from tests.faults.world import COMMAND, NAME, World
from tests.rag.commands.conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = ("claimed", "mid-chunking", "returned-not-saved", "saving", "between-batches", "flipping", "after-flip")


@pytest.mark.parametrize("point", POINTS)
def test_a_run_whose_connections_are_lost_is_not_stuck(world: World, point: str) -> None:
    case = cases.make(world, indexed=True)
    running = world.start(*case.command, FAULT=f"{point}:1:STOP")
    wait_until(lambda: is_stopped(running.pid))
    assert cut(world) > 0
    running.send(signal.SIGCONT)
    done = running.wait()
    case.kills += 1

    assert case.rag.processing_status in ("ready", "failed"), done.out + done.err
    assert case.rag.error_code in ("", "database")
    assert_invariants(case)
    case.run()
    assert_invariants(case, finished=True)


def test_it_costs_no_other_project_its_turn(world: World) -> None:
    first, second = (cases.make(world, indexed=False) for _ in range(2))
    running = world.start(*COMMAND, FAULT="mid-chunking:2:STOP")
    wait_until(lambda: is_stopped(running.pid))
    cut(world)
    running.send(signal.SIGCONT)
    done = running.wait()

    assert done.code == 1, done.out + done.err
    assert {first.rag.processing_status, second.rag.processing_status} == {"failed", "ready"}


def test_a_watching_worker_goes_on(world: World) -> None:
    case = cases.make(world, indexed=False)
    watching = world.start(*COMMAND, "--watch")
    wait_until(lambda: case.rag.processing_status == "ready")
    wait_until(lambda: cut(world) > 0)
    other = cases.make(world, indexed=False)
    wait_until(lambda: other.rag.processing_status == "ready", 60)
    watching.send(signal.SIGTERM)

    assert watching.wait().code == 0
    assert_invariants(other, finished=True)


def test_pages_notice_nothing(world: World) -> None:
    case = cases.make(world, indexed=True)
    for page in ("project", "panel", "chat"):
        connection.ensure_connection()
        connection.close()  # into the pool
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            kept = cursor.fetchone()[0]
        connection.close()
        end(kept)
        assert case.client.get(reverse(page, args=[case.project.slug])).status_code == 200


def cut(world: World) -> int:
    """End the commands' connections; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [NAME],
        )
        ended = int(cursor.fetchone()[0])
    wait_until(lambda: world.connections() == 0)
    return ended


def end(pid: int) -> None:
    """By a connection that is no part of the pool."""
    known = connection.settings_dict
    with psycopg.connect(
        host=known["HOST"], port=known["PORT"], user=known["USER"], password=known["PASSWORD"], dbname=known["NAME"]
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
