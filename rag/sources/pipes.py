"""What a git writes, read as it comes."""

import io
import os
import select
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from rag.sources import errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 65_536  # bytes
_MAX_RECORD = 1 << 20  # bytes of one record: a path beyond is an attack


class Pipe(io.RawIOBase):
    """The output of a git. The time that its reader waits for it is limited, what the reader does meanwhile is not."""

    def __init__(self, output: IO[bytes], name: str, seconds: float) -> None:
        super().__init__()
        self._descriptor = output.fileno()
        self._name = name
        self._seconds = self._seconds_left = seconds
        self._ready = select.poll()
        self._ready.register(self._descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raises SourceError (timeout)."""
        started = time.monotonic()
        if not self._ready.poll(max(self._seconds_left, 0) * 1_000):
            raise errors.timeout(self._name, self._seconds)
        self._seconds_left -= time.monotonic() - started
        return os.readv(self._descriptor, [buffer])


def reader(output: IO[bytes], name: str, seconds: float) -> io.BufferedReader:
    return io.BufferedReader(Pipe(output, name, seconds), _PIECE)


def records(output: io.BufferedReader, name: str) -> Iterator[bytes]:
    """The NUL-ended records of what git writes about the repository `name`. Raises SourceError (too_large)."""
    rest = b""
    while piece := output.read1(_PIECE):
        *whole, rest = (rest + piece).split(b"\0")
        if max(map(len, [*whole, rest])) > _MAX_RECORD:
            raise errors.too_long_a_path(name, _MAX_RECORD)
        yield from whole
