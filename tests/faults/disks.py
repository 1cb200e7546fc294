"""Disks that are full for real: PostgreSQL's own, and the one that a command keeps its clones on.

They are small file systems in memory that nobody else sees, in a mount namespace of this process. That takes root on
Linux, so that no test of the suite does it: there (test_full_database.py) PostgreSQL is told to raise the same error.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

from tests.faults import cases, restarts, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial, say
from tests.rag.commands.conftest import wait_until

COUNT = 3  # of each place
MEGABYTES = 400  # of PostgreSQL's disk: a new one with its log takes a third of it
PLACES = {
    "before the files are added": "mid-chunking:2",
    "between two batches": "between-batches:1",
    "before the flip": "before-flip:1",
}
KILOBYTES = (0, 8, 24, 40, 64, 96)  # that a clone finds
FILES, FUNCTIONS = 60, 40  # of what is committed besides
_ELSEWHERE = (
    "Where not a byte is left, Python's tempfile takes the next folder of temporary files: there the run gets through."
)
MINE = 0x20000  # CLONE_NEWNS
PAGE = 4_096


@contextmanager
def prepared() -> Iterator[None]:
    """Around everything: the folder that PostgreSQL is made in lies on a disk of its own."""
    kept = {name: (place() / name).read_text() for name in ("port", "password")}
    _leave_the_mounts_of_others()
    with disk(place(), MEGABYTES << 10):
        for name, text in kept.items():
            (place() / name).write_text(text)
        yield


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("Full disks")
    for _ in range(count):
        for where, point in PLACES.items():
            with (row := trial.row(f"PostgreSQL's, {where}")).tried():
                full_under(made, point, row)
        with (row := trial.row("PostgreSQL's, and its log finds no room")).tried():
            no_room_for_the_log(made, row)
        for kilobytes in KILOBYTES:
            with (row := trial.row(f"the command's, {kilobytes} KB are left")).tried():
                no_room_for_the_clone(made, kilobytes, row)
        trial.notes = [_ELSEWHERE, ""]
        say(f"{trial.rows[0].runs} rounds, {sum(row.violations for row in trial.rows)} violations")
    return trial


def full_under(made: world.World, point: str, row: Row) -> None:
    """The run fails with the reason, the old index answers on, and with room again the next one gets through."""
    case = large(made)
    running = stopped(case, point)
    end_tables_with_their_rows()
    with full(place()):
        done = gone_on(case, running)
        told(case, done, row)
        assert (case.rag.processing_status, case.rag.error_code) == ("failed", "database_full"), done
        assert_invariants(case)
    recovers(case)


def no_room_for_the_log(made: world.World, row: Row) -> None:
    """PostgreSQL ends itself. Once it is there again, the old index is, too, and the next run gets through."""
    case = large(made)
    running = stopped(case, "between-batches:1")
    with full(place()):
        write_log_until_it_ends()
        done = gone_on(case, running)
        assert "Traceback" not in done.out, done.out
    restarts.restart("immediate")
    told(case, done, row)
    assert_invariants(case)
    recovers(case)


def no_room_for_the_clone(made: world.World, kilobytes: int, row: Row) -> None:
    case = large(made)
    folder = made.folder / "small"
    folder.mkdir(exist_ok=True)
    with disk(folder, kilobytes + PAGE):
        (folder / "ballast").write_bytes(bytes(PAGE << 10))
        done = made.run(*case.command, TMPDIR=str(folder))
        case.kills += 1
        told(case, done, row)
        left = [path.name for path in folder.iterdir()]
    assert left == ["ballast"], left
    assert done.code == 0 or "disk is full" in done.out, done
    assert_invariants(case)
    recovers(case)


def large(made: world.World) -> cases.Case:
    """A case whose next version has more to store than there is room by chance."""
    case = cases.make(made, indexed=True)
    case.repository.commit({f"{case.name}/more{n}.py": _module(n) for n in range(FILES)})
    case.change(3)
    return case


def _module(number: int) -> str:
    return "".join(f"def step_{number}_{line}(value):\n    return value + {line}\n\n\n" for line in range(FUNCTIONS))


def stopped(case: cases.Case, point: str) -> world.Running:
    running = case.world.start(*case.command, FAULT=f"{point}:STOP")
    wait_until(lambda: restarts.is_stopped(running))
    return running


def gone_on(case: cases.Case, running: world.Running) -> world.Done:
    running.send(signal.SIGCONT)
    case.kills += 1
    return running.wait()


def told(case: cases.Case, done: world.Done, row: Row) -> None:
    sentence = done.out.strip().rpartition(f"{case.name}: ")[2]
    row.seen = f"exit {done.code}, {case.rag.processing_status}: {sentence.replace(case.name, '…')[:90]}"


def recovers(case: cases.Case) -> None:
    finished = case.run()
    assert finished.code == 0, finished.out + finished.err
    assert_invariants(case, finished=True)
    case.project.delete()


def end_tables_with_their_rows() -> None:
    """There is no room in them for more; but what the trial itself records has some."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL")
        cursor.execute("INSERT INTO faults_history (rag_id) SELECT 0 FROM generate_series(1, 5000)")
        cursor.execute("DELETE FROM faults_history WHERE rag_id = 0 AND id < (SELECT max(id) FROM faults_history)")
        cursor.execute("VACUUM faults_history")


def write_log_until_it_ends() -> None:
    known = connection.settings_dict
    about = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"], "password": known["PASSWORD"]}
    with suppress(psycopg.OperationalError), psycopg.connect(**about, dbname=known["NAME"], autocommit=True) as own:
        while True:
            own.execute("SELECT pg_logical_emit_message(false, 'faults', repeat('x', 1000000))")


def place() -> Path:
    assert settings.LOCAL_POSTGRES_DIR is not None, "The trials bring their own database: unset DATABASE_URL."
    return settings.LOCAL_POSTGRES_DIR


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0711", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Inside there is no room for another page."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    try:
        yield
    finally:
        ballast.unlink()


def _leave_the_mounts_of_others() -> None:
    """From here on what this process mounts is seen by it and by those that it starts, and gone with the last one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(MINE):
        raise SystemExit(f"Disks of one's own take root on Linux ({os.strerror(ctypes.get_errno())}).")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
