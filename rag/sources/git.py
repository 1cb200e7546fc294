"""Runs git where it can harm nobody: its own environment, limits on time, disk and memory, and no leftovers."""

import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings

from rag.sources import environment, errors
from rag.sources.address import Address

_POLL = 0.05  # seconds between looks at the clock and the disk
_MEMORY = 1 << 30  # bytes of address space for a git that reads what a stranger packed


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
            return self._output(arguments, variables, stdin, max_bytes)
        except errors.GitFailed as failed:
            has_token = bool(environment.token(self.address.host))
            raise errors.explain(str(failed), str(self.address), has_token=has_token) from failed
        finally:
            self.seconds_left -= time.monotonic() - started

    def local(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command on what is already here; its output. Raises SourceError."""
        try:
            return self._output(arguments, environment.silent(self.home), stdin, None)
        except errors.GitFailed as failed:
            raise errors.explain(str(failed), str(self.address), has_token=False) from failed

    @contextmanager
    def streamed(self, *arguments: str, stdin: bytes = b"") -> Iterator[IO[bytes]]:
        """Run a command on what is already here and read its output as it comes. It is killed when the block ends."""
        variables = environment.silent(self.home)
        with _files(self.home, stdin) as files, self._process(arguments, variables, files, subprocess.PIPE) as process:
            assert process.stdout is not None  # noqa: S101 — it was asked for
            with process.stdout:
                yield process.stdout

    def _output(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], stdin: bytes, max_bytes: int | None
    ) -> bytes:
        deadline = time.monotonic() + (settings.RAG_CLONE_TIMEOUT if max_bytes is None else self.seconds_left)
        with _files(self.home, stdin) as files:
            with self._process(arguments, variables, files, files.stdout) as process:
                self._wait(process, deadline, max_bytes)
            if process.returncode:
                files.stderr.seek(0)
                raise errors.GitFailed(self._scrubbed(files.stderr.read(100_000)))
            files.stdout.seek(0)
            return files.stdout.read()

    @contextmanager
    def _process(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], files: _Files, stdout: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git in a process group of its own, which does not outlive the block however that ends."""
        try:
            process = subprocess.Popen(  # noqa: S603 — a list, no shell; addresses were built by `address.parse`
                ["git", *arguments],  # noqa: S607 — where git is differs by machine
                cwd=self.home,
                env=variables,
                stdin=files.stdin,
                stdout=stdout,
                stderr=files.stderr,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise errors.no_git() from error
        try:
            if not self.address.is_local:
                _limit_memory(process.pid)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes], deadline: float, max_bytes: int | None) -> None:
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


@contextmanager
def _files(folder: Path, stdin: bytes) -> Iterator[_Files]:
    with (
        tempfile.NamedTemporaryFile(dir=folder) as source,
        tempfile.NamedTemporaryFile(dir=folder) as output,
        tempfile.NamedTemporaryFile(dir=folder) as stderr,
    ):
        source.write(stdin)
        source.seek(0)
        yield _Files(stdin=source.file, stdout=output.file, stderr=stderr.file)


def _limit_memory(pid: int) -> None:
    """Bound what a hostile pack can make git allocate, where the system can (Linux)."""
    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
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
