"""The site as production serves it, alone on a core, with a database and repositories of its own."""

import os
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "docent.example"
SERVER_CORE, CLIENT_CORE = 0, 1
WORD = 0.05  # seconds between the words of the model that stands in
SMALL = "shown"  # the project that is asked about
FILE_BYTES = (400, 9_000)  # of the files of made repositories: what source files mostly have


@dataclass(kw_only=True)
class Site:
    """`port`: of the server. `url`: of its database. `variables`: its environment, for commands beside it."""

    folder: Path
    url: str
    port: int = 0
    variables: Mapping[str, str]
    server: "subprocess.Popen[bytes] | None" = None

    def sql(self, query: str) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def connections(self) -> int:
        """Of the server's to its database; not this one."""
        about = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        return self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {about}")

    def memory(self) -> float:
        """MB of the worker, resident."""
        assert self.server is not None
        return sum(resident(pid) for pid in children(self.server.pid))

    def errors(self) -> list[str]:
        """What the server has logged as one."""
        lines = (self.folder / "log").read_text().splitlines()
        return [line for line in lines if '"level": "ERROR"' in line or '"level": "CRITICAL"' in line]

    def manage(self, *arguments: str, core: int = CLIENT_CORE, **variables: str) -> "subprocess.Popen[str]":
        """A command. Its checks are skipped, since they refuse production the models that stand in here."""
        command = [*pinned(core), sys.executable, "manage.py", *arguments, "--skip-checks"]
        environment, pipe = {**self.variables, **variables}, subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=pipe, stderr=subprocess.STDOUT)

    def managed(self, *arguments: str, **variables: str) -> str:
        process = self.manage(*arguments, **variables)
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{arguments}: {output}")
        return output

    def added(self, repository: str, name: str) -> int:
        """The id of a new, published project."""
        return int(self.managed("add_project", repository, "--title", name, "--publish").split()[-1])


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """A site with one project that can be asked about; the server is on SERVER_CORE, all else on CLIENT_CORE."""
    folder.chmod(0o711)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with ExitStack() as stack:
        url = stack.enter_context(database(folder / "postgres"))
        site = Site(folder=folder, url=url, variables=environment(folder, url))
        site.managed("migrate", "--verbosity", "0")
        site.managed("collectstatic", "--no-input", "--verbosity", "0")
        project = site.added(str(repository(folder / SMALL, 150)), SMALL)
        site.managed("process_rag_async", "--project-id", str(project))
        stack.enter_context(serving(site))
        yield site


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Its address. Django is not set up here, so that the client stays small."""
    os.environ |= {"ENV_FILE": os.devnull, "DEBUG": "true", "LOCAL_POSTGRES_DIR": str(folder)}
    from config import local_postgres

    with local_postgres.running(folder):
        about = local_postgres.database_settings(folder)
        yield f"postgresql://{about['USER']}:{about['PASSWORD']}@{about['HOST']}:{about['PORT']}/{about['NAME']}"


def environment(folder: Path, url: str) -> dict[str, str]:
    """Production's, behind a proxy, with models that stand in: what theirs take is known, and is not Docent's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "ENV_FILE": os.devnull, "SECRET_KEY": "load" * 13, "DATABASE_URL": url, "ALLOWED_HOSTS": HOST,
        "TRUST_FORWARDED_PROTO": "true", "NUM_PROXIES": "1",
        "LLM_PROVIDER": "fake", "LLM_FAKE_DELAY": str(WORD), "EMBEDDING_PROVIDER": "fake", "RAG_DELAY": "0",
        "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "TMPDIR": str(folder),
    }  # fmt: skip


@contextmanager
def serving(site: Site) -> Iterator[None]:
    site.port = free_port()
    command = [*pinned(SERVER_CORE), sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    command += ["--bind", f"127.0.0.1:{site.port}"]
    with (site.folder / "log").open("wb") as log:
        site.server = subprocess.Popen(command, cwd=ROOT, env=dict(site.variables), stderr=log)
    try:
        wait(site.port)
        yield
    finally:
        site.server.terminate()
        site.server.wait(30)


def wait(port: int) -> None:
    deadline = time.monotonic() + 60
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": HOST})
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    raise TimeoutError("The server did not start; its log says why.")


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)]


def repository(folder: Path, files: int) -> Path:
    """A git repository with so many real source files: those of this Python and of the installed packages."""
    for number, source in enumerate(sources(files)):
        copy = folder / f"part{number // 200:02}" / f"f{number}_{source.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    git = ["git", "-C", str(folder), "-c", "user.name=Docent", "-c", "user.email=docent@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "Files"], check=True)
    return folder


def sources(count: int) -> list[Path]:
    """The first so many in the order of their paths, each content once."""
    seen: set[bytes] = set()
    found: list[Path] = []
    for place in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_path(place)).rglob("*.py")):
            if len(found) == count:
                return found
            if FILE_BYTES[0] <= path.stat().st_size <= FILE_BYTES[1] and (content := path.read_bytes()) not in seen:
                seen.add(content)
                found.append(path)
    raise ValueError(f"There are only {len(found)} such files here.")


def children(pid: int) -> list[int]:
    """The processes below `pid`, at any depth."""
    try:
        direct = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return direct + [below for one in direct for below in children(one)]


def resident(pid: int) -> float:
    """MB; 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) / 1_000 if found else 0.0
