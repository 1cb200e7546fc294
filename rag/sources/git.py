"""Runs git where it can harm nobody: its own environment, limits on time, disk and memory, and no leftovers."""

import io
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings

from config import faults
from rag.sources import environment, errors, pipes
from rag.sources.address import Address

_POLL = 0.05  # seconds between looks at the clock and the disk
_MEMORY = 1 << 30  # bytes of address space for a git that reads what a stranger packed
_WORDS = 4_096  # bytes that a git has for its errors, taken beforehand: on a full disk it could not say that it is full
_CPU = 4  # seconds of processor time for each of RAG_CLONE_TIMEOUT, where nobody is left to look at the clock


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Input, output and errors of a process as files in its folder: no pipe fills up, what a host sends is counted."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]


@dataclass(kw_only=True)
class Git:
    """git for one address, in the temporary folder `home`. `seconds_left` is what its talking may still take."""

    home: Path
    address: Address
    seconds_left: float
    _configuration: Path = field(init=False)

    def __post_init__(self) -> None:
        self._configuration = environment.write_settings(self.home, self.address)

    def talk(self, *arguments: str, stdin: bytes = b"", max_bytes: int) -> bytes:
        """Run a command that reaches the repository; its output.

        Raises SourceError; code too_large when the folder grows beyond `max_bytes`, timeout when the time is over.
        """
        variables = environment.talking(self.home, self.address, self._configuration)
        started = time.monotonic()
        try:
            with self._explained(has_token=bool(environment.token(self.address.host))):
                return self._output(arguments, variables, stdin, max_bytes)
        finally:
            self.seconds_left -= time.monotonic() - started

    def local(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command on what is already here; its output. Raises SourceError."""
        with self._explained(has_token=False):
            return self._output(arguments, environment.silent(self.home), stdin, None)

    @contextmanager
    def streamed(self, *arguments: str, stdin: bytes = b"") -> Iterator[io.BufferedReader]:
        """Run a command on what is already here and read its output as it comes.

        Raises SourceError; timeout when waiting for it took RAG_CLONE_TIMEOUT in all. git is killed when an exception
        ends the block; it has to have succeeded otherwise, so that no part passes for the whole.
        """
        seconds = settings.RAG_CLONE_TIMEOUT
        with self._explained(has_token=False), self._files(stdin) as files:
            with self._process(arguments, environment.silent(self.home), files, subprocess.PIPE) as process:
                assert process.stdout is not None  # noqa: S101 — it was asked for
                with process.stdout:
                    yield pipes.reader(process.stdout, str(self.address), seconds)
                self._wait(process, time.monotonic() + seconds, None)
            self._check(process, files)

    def _output(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], stdin: bytes, max_bytes: int | None
    ) -> bytes:
        deadline = time.monotonic() + (settings.RAG_CLONE_TIMEOUT if max_bytes is None else self.seconds_left)
        with errors.of_machine(str(self.address)), self._files(stdin) as files:
            with self._process(arguments, variables, files, files.stdout) as process:
                self._wait(process, deadline, max_bytes)
            self._check(process, files)
            files.stdout.seek(0)
            return files.stdout.read()

    @contextmanager
    def _files(self, stdin: bytes) -> Iterator[_Files]:
        with ExitStack() as stack:
            with errors.of_machine(str(self.address)):
                source, output, stderr = (self._file(stack) for _ in range(3))
                source.write(stdin)
                source.seek(0)
                stderr.write(bytes(_WORDS))
                stderr.seek(0)
            yield _Files(stdin=source.file, stdout=output.file, stderr=stderr.file)

    def _file(self, stack: ExitStack) -> "tempfile._TemporaryFileWrapper[bytes]":
        file = tempfile.NamedTemporaryFile(dir=self.home)  # noqa: SIM115 — the stack closes it
        stack.callback(_close, file)
        return file

    @contextmanager
    def _process(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], files: _Files, stdout: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git in a process group of its own, which does not outlive the block however that ends."""
        with errors.of_machine(str(self.address)):
            process = self._started(arguments, variables, files, stdout)
        try:
            _limit(process.pid, resource.RLIMIT_CPU, int(_CPU * settings.RAG_CLONE_TIMEOUT) + 1)
            if not self.address.is_local:
                _limit(process.pid, resource.RLIMIT_AS, _MEMORY)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _started(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], files: _Files, stdout: IO[bytes] | int
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 — a list, no shell; addresses were built by `address.parse`
                ["git", *arguments],  # noqa: S607 — where git is differs by machine
                cwd=self.home,
                env=variables,
                stdin=files.stdin,
                stdout=stdout,
                stderr=files.stderr,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            if not self.home.is_dir():  # somebody tidied up
                raise
            raise errors.no_git() from error

    @contextmanager
    def _explained(self, *, has_token: bool) -> Iterator[None]:
        try:
            yield
        except errors.GitFailed as failed:
            raise errors.explain(str(failed), str(self.address), has_token=has_token) from failed

    def _check(self, process: subprocess.Popen[bytes], files: _Files) -> None:
        if process.returncode:
            files.stderr.seek(0)
            raise errors.GitFailed(self._scrubbed(files.stderr.read(100_000).rstrip(b"\0")))

    def _wait(self, process: subprocess.Popen[bytes], deadline: float, max_bytes: int | None) -> None:
        if max_bytes is not None:
            faults.point("mid-clone")
        running = True
        while running:
            try:
                process.wait(_POLL)
                running = False
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise errors.timeout(str(self.address), settings.RAG_CLONE_TIMEOUT) from None
            if max_bytes is not None and folder_bytes(self.home) > max_bytes:
                raise errors.too_large(str(self.address), max_bytes)

    def _scrubbed(self, stderr: bytes) -> str:
        text = stderr.decode("utf-8", "replace").replace(str(self.home), "…")
        for secret in environment.secrets(self.address.host):
            text = text.replace(secret, "***")
        return re.sub(r"://[^/\s@]*@", "://", text)


def _close(file: "tempfile._TemporaryFileWrapper[bytes]") -> None:
    """One that somebody tidied away with its folder is gone as it should be."""
    with suppress(FileNotFoundError):
        file.close()


def _limit(pid: int, what: int, most: int) -> None:
    """Bound what a hostile pack can make git use, where the system can (Linux)."""
    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, what, (most, most))
        except (ProcessLookupError, PermissionError):  # it has already ended, or this place forbids it
            return


def folder_bytes(folder: Path) -> int:
    """Bytes of the files below `folder`, which may come and go meanwhile."""
    total = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total
