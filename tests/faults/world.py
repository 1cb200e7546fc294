"""What the commands meet: a database, a provider that records, a git host over https, and a temporary folder."""

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from portfolio.models import Project
from rag import ingest
from rag.interruption import Interruption
from rag.worker import Outcome, Worker
from tests import providers
from tests.faults import preloaded, proxy
from tests.git_fixtures import HttpsHost, https_host

KEY = "sk-canary-of-the-key"
NAME = "docent-command"  # of the commands' connections
DIMENSIONS = 64
BATCH = 4
SECONDS = 120.0  # for one command: far more than it takes on a busy machine
COMMAND = ("process_rag_async", f"--batch-size={BATCH}", "--delay=0")
_numbers = itertools.count(1)

# Every state that an assistant was in, whoever wrote it and whether anybody looked.
_RECORD = """
    CREATE TABLE faults_history (
        id bigserial PRIMARY KEY, rag_id bigint, status text, percentage int, token uuid, attempts int, live bigint,
        requested timestamptz
    );
    CREATE FUNCTION faults_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO faults_history (rag_id, status, percentage, token, attempts, live, requested)
        VALUES (NEW.id, NEW.processing_status, NEW.progress_percentage, NEW.lease_token, NEW.attempts,
                NEW.live_revision_id, NEW.requested_at);
        RETURN NULL;
    END $$;
    CREATE TRIGGER faults_record AFTER INSERT OR UPDATE ON portfolio_projectrag
    FOR EACH ROW EXECUTE FUNCTION faults_record();"""
_FORGET = "DROP FUNCTION IF EXISTS faults_record CASCADE; DROP TABLE IF EXISTS faults_history;"


class Silent:
    """A report that tells nobody."""

    def stage(self, name: str) -> None: ...

    def progress(self, done: int, total: int, speed: str = "") -> None: ...

    def note(self, sentence: str) -> None: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended. `code` is negative for a signal."""

    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class World:
    """`provider` is asked by the commands, `reader` by this process. Both databases' ports lead to the same one."""

    folder: Path
    provider: providers.Provider
    reader: providers.Provider
    host: HttpsHost
    database: proxy.Proxy
    is_preloaded: bool  # whether commands start with the libraries already read
    logs: list[Done] = field(default_factory=list)
    cases: int = 0
    latest: "Running | None" = None

    @property
    def temporary(self) -> Path:
        """Where the commands keep their clones."""
        return self.folder / "temporary"

    def environment(self, *, through_proxy: bool = False, **changes: str) -> dict[str, str]:
        known = connection.settings_dict
        port = self.database.port if through_proxy else known["PORT"]
        address = f"{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{port}/{known['NAME']}"
        address += f"?application_name={NAME}"
        return {
            "PATH": os.environ["PATH"], "HOME": str(Path.home()), "ENV_FILE": os.devnull, "DEBUG": "true",
            "FAULT_TESTING": "yes", "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": f"postgresql://{address}", "GIT_SSL_CAINFO": str(self.host.certificate),
            "RAG_ALLOWED_HOSTS": self.host.host, "EMBEDDING_PROVIDER": "openai", "LLM_PROVIDER": "extractive",
            "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{self.provider.url}/v1",
            "EMBEDDING_DIMENSIONS": str(DIMENSIONS), **changes,
        }  # fmt: skip

    def start(self, *arguments: str, **changes: Any) -> "Running":
        """A manage.py command with these variables: `start(*COMMAND, FAULT="claimed:1:KILL")`."""
        self.latest = Running(self, list(arguments), self.environment(**changes))
        return self.latest

    def run(self, *arguments: str, **changes: Any) -> Done:
        return self.start(*arguments, **changes).wait()

    def process(self, project: Project, **options: Any) -> Outcome:
        """The same in this process, asking `reader`: undisturbed, and sooner."""
        chosen = ingest.Options(**({"batch_size": BATCH, "delay": 0} | options))
        return Worker(options=chosen, interruption=Interruption(), report=Silent()).process(project.rag.pk)

    def connections(self) -> int:
        """Of the commands to the database."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()",
                [NAME],
            )
            return int(cursor.fetchone()[0])


class Running:
    """A command that has been started."""

    def __init__(self, world: World, arguments: list[str], environment: dict[str, str]) -> None:
        self._world = world
        number = next(_numbers)
        self._out, self._err = (world.folder / f"{number}.{kind}" for kind in ("out", "err"))
        start = preloaded.start if world.is_preloaded else _start
        self._process = start(arguments, environment, str(self._out), str(self._err))

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if isinstance(self._process, subprocess.Popen) else self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = SECONDS) -> Done:
        with suppress(subprocess.TimeoutExpired):
            if isinstance(self._process, subprocess.Popen):
                self._process.wait(seconds)
            else:
                self._process.join(seconds)
        code = self.code
        if code is None:
            self._process.kill()
        done = Done(code=code or 0, out=self._out.read_text(), err=self._err.read_text())
        assert code is not None, f"It was still running after {seconds:.0f} s:\n{done.out}\n{done.err}"
        self._world.logs.append(done)
        return done


def _start(arguments: list[str], environment: dict[str, str], out: str, err: str) -> "subprocess.Popen[bytes]":
    with Path(out).open("wb") as stdout, Path(err).open("wb") as stderr:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=stdout, stderr=stderr)


@contextmanager
def world(folder: Path, *, is_preloaded: bool = False) -> Iterator[World]:
    """Until the end of the block. The database is that of Django's settings, with its tables in place."""
    for name in ("served", "temporary"):
        (folder / name).mkdir()
    if is_preloaded:
        preloaded.make_ready()
    with ExitStack() as stack:
        provider, reader = (stack.enter_context(providers.serving()) for _ in range(2))
        host = stack.enter_context(https_host(folder / "served", folder))
        database = stack.enter_context(proxy.between(int(connection.settings_dict["PORT"])))
        stack.enter_context(_environment(host, folder / "temporary"))
        stack.enter_context(override_settings(**_settings(host, reader)))
        stack.enter_context(_history())
        yield World(
            folder=folder, provider=provider, reader=reader, host=host, database=database,
            is_preloaded=is_preloaded,
        )  # fmt: skip


def _settings(host: HttpsHost, reader: providers.Provider) -> dict[str, Any]:
    return {
        "RAG_ALLOWED_HOSTS": [host.host], "EMBEDDING_PROVIDER": "openai", "LLM_PROVIDER": "extractive",
        "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{reader.url}/v1", "EMBEDDING_DIMENSIONS": DIMENSIONS,
        "RAG_ASK_RATE": "1000000/min", "ALLOWED_HOSTS": ["testserver"],
    }  # fmt: skip


@contextmanager
def _environment(host: HttpsHost, temporary: Path) -> Iterator[None]:
    """This process's own runs work in the same place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_SSL_CAINFO", str(host.certificate))
        patch.setattr(tempfile, "tempdir", str(temporary))
        for name in [name for name in os.environ if re.fullmatch(r"(all|https?)_proxy", name, re.IGNORECASE)]:
            patch.delenv(name)
        yield


@contextmanager
def _history() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        cursor.execute(_RECORD)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(_FORGET)
