"""What there is too little of: connections to the database, room on the disk, memory.

The disk is bounded by the size of a file that the command may write (RLIMIT_FSIZE), for which nobody needs any rights;
`disks` fills file systems. Memory is bounded as address space (RLIMIT_AS).
"""

import resource
import time
from contextlib import ExitStack

import psycopg
from django.db import connection

from tests.faults import cases, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial, say

COUNT = 3
FILE_BYTES = (1, 1_000, 20_000)
MEMORY = (260, 300, 350)  # megabytes: it starts, and then some part of the work does not fit


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("Shortages")
    for _ in range(count):
        with (row := trial.row("the database is full of connections")).tried():
            full_of_connections(made, row)
        for size in FILE_BYTES:
            with (row := trial.row(f"no file beyond {size:,} bytes")).tried():
                limited(made, row, resource.RLIMIT_FSIZE, size)
        for megabytes in MEMORY:
            with (row := trial.row(f"{megabytes} MB of address space")).tried():
                limited(made, row, resource.RLIMIT_AS, megabytes << 20)
        say(f"{trial.rows[0].runs} rounds, {sum(row.violations for row in trial.rows)} violations")
    return trial


def full_of_connections(made: world.World, row: Row) -> None:
    """The run fails or is not begun, and the next one gets through."""
    case = cases.make(made, indexed=True)
    with ExitStack() as stack:
        taken = _take_all(stack)
        began = time.monotonic()
        done = made.run(*case.command)
        row.seen = f"{taken} taken; after {time.monotonic() - began:.0f} s exit {done.code}"
    assert done.code != 0, done.out
    _recovers(case)


def limited(made: world.World, row: Row, what: int, most: int) -> None:
    case = cases.make(made, indexed=True)
    running = made.start(*case.command, FAULT="claimed:1:SLEEP")
    while case.rag.processing_status != "processing" and running.code is None:
        time.sleep(0.05)
    resource.prlimit(running.pid, what, (most, most))
    done = running.wait()
    case.kills += 1
    state = case.rag
    row.seen = f"exit {done.code}, {state.processing_status} {state.error_code}: {state.processing_error[:90]}"
    assert_invariants(case)
    _recovers(case)


def _recovers(case: cases.Case) -> None:
    finished = case.run()
    assert finished.code == 0, finished.out + finished.err
    assert_invariants(case, finished=True)
    case.project.delete()


def _take_all(stack: ExitStack) -> int:
    """Every connection that PostgreSQL has for us; how many."""
    known = connection.settings_dict
    about = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"], "password": known["PASSWORD"]}
    taken = 0
    while True:
        try:
            stack.enter_context(psycopg.connect(**about, dbname=known["NAME"]))
        except psycopg.OperationalError:
            return taken
        taken += 1
