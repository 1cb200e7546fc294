"""Records ↔ a compressed file of lines, with the checksums that tell a damaged or cut-off one.

A line is held in memory at a time, and no line is longer than LONGEST_LINE, however well it was packed.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TypeVar

from rag.backups import records

LONGEST_LINE = 8_000_000  # bytes
MOST_DESCRIBED = 16_000_000  # bytes of the lines of all projects, which are in memory together
LEVEL = 6  # of compression: vectors hardly get smaller with more
R = TypeVar("R", records.Header, records.Project, records.File, records.Chunk, records.ProjectEnd, records.End)


class Damaged(Exception):
    """The backup cannot be read. The text says what is wrong with it."""


class Writer:
    """Writes records in their order, and the ends with their counts and checksums."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=LEVEL, mtime=0)
        self._sha = hashlib.sha256()
        self._projects = self._files = self._chunks = 0
        self.bytes = 0  # unpacked

    def write(self, record: records.Header | records.Project | records.File | records.Chunk) -> None:
        self._files += isinstance(record, records.File)
        self._chunks += isinstance(record, records.Chunk)
        self._line(record)

    def end_project(self, index_digest: str) -> records.ProjectEnd:
        end = records.ProjectEnd(
            files=self._files, chunks=self._chunks, index_digest=index_digest, sha256=self._sha.digest()
        )
        self._line(end)
        self._projects += 1
        self._files = self._chunks = 0
        return end

    def close(self) -> None:
        self._line(records.End(projects=self._projects, sha256=self._sha.digest()))
        self._out.close()

    def _line(self, record: records.Record) -> None:
        content = {records.NAMES[type(record)]: records.as_json(record)}
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._sha.update(line)
        self.bytes += len(line)
        self._out.write(line)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A project of a backup, without its files and chunks. `text`: how many characters those hold."""

    project: records.Project
    end: records.ProjectEnd
    text: int


class Reader:
    """Reads records in their order. Every method raises Damaged as soon as one is not as it has to be."""

    def __init__(self, source: IO[bytes]) -> None:
        self._lines = _lines(source)
        self._sha, self._before = hashlib.sha256(), hashlib.sha256()
        self._files = self._chunks = self._projects = self._described = 0
        self.text = 0  # characters of the current project's files and chunks, as far as they were read
        self._ahead: records.Record | None = None
        self._advance()
        self.header = self._take(records.Header)

    @classmethod
    def contents(cls, source: IO[bytes]) -> tuple[records.Header, list[Entry]]:
        """Read it to its end: what it holds, every line and every checksum being right."""
        reader = cls(source)
        entries = [Entry(project=project, end=reader.end_project(), text=reader.text) for project in reader.projects()]
        if len({entry.project.slug for entry in entries}) != len(entries):
            raise Damaged("Two of its projects have the same slug.")
        return reader.header, entries

    def projects(self) -> Iterator[records.Project]:
        """Each one; its files, chunks and end are to be read before the next."""
        while isinstance(self._ahead, records.Project):
            self.text = 0
            yield self._take(records.Project)
        self._end()

    def files(self) -> Iterator[records.File]:
        """Those of the current project, in the order that chunks number them by."""
        while isinstance(self._ahead, records.File):
            self._files += 1
            self.text += len(self._ahead.masked) + len(self._ahead.note)
            yield self._take(records.File)

    def chunks(self) -> Iterator[records.Chunk]:
        """Those of the current project, after its files."""
        while isinstance(self._ahead, records.Chunk):
            self._chunks += 1
            chunk = self._take(records.Chunk)
            self.text += len(chunk.symbol) + len(chunk.text)
            if chunk.file >= self._files or chunk.end_line < chunk.start_line:
                raise Damaged("A chunk of it names a file or lines that there cannot be.")
            yield chunk

    def end_project(self) -> records.ProjectEnd:
        """Skip what is left of the project, and prove all that was read of it."""
        for _ in self.files():
            """Only counted."""
        for _ in self.chunks():
            """Only counted."""
        so_far = self._before.digest()
        end = self._take(records.ProjectEnd)
        if (end.files, end.chunks, end.sha256) != (self._files, self._chunks, so_far):
            raise Damaged("A project in it is not what was written: its checksum or its counts differ.")
        self._projects += 1
        self._files = self._chunks = 0
        return end

    def _end(self) -> None:
        so_far = self._before.digest()
        end = self._take(records.End)
        if (end.projects, end.sha256) != (self._projects, so_far) or next(self._lines, None) is not None:
            raise Damaged("It is not what was written: its checksum or its counts differ.")

    def _take(self, kind: type[R]) -> R:
        record = self._ahead
        if not isinstance(record, kind):
            raise Damaged(f"It is no backup of Docent, or is damaged: {records.NAMES[kind]} was expected.")
        if not isinstance(record, records.End):
            self._advance()
        return record

    def _advance(self) -> None:
        """Look at the next line. `_before` is the checksum of all lines before it."""
        line = next(self._lines, None)
        if line is None:
            raise Damaged("It is cut off: its end is missing. Take another copy.")
        self._before = self._sha.copy()
        self._sha.update(line)
        self._ahead = _record(line)
        self._described += len(line) if isinstance(self._ahead, records.Project) else 0
        if self._described > MOST_DESCRIBED:
            raise Damaged("It is no backup of Docent: it says more of its projects than anybody would.")


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    """The unpacked lines, each with its end. Raises Damaged."""
    with gzip.GzipFile(fileobj=source, mode="rb") as unpacked:
        while True:
            try:
                line = unpacked.readline(LONGEST_LINE + 1)
            except EOFError as error:
                raise Damaged("It is cut off: its end is missing. Take another copy.") from error
            except (gzip.BadGzipFile, zlib.error) as error:
                raise Damaged("It is no backup of Docent, or is damaged: it cannot be unpacked.") from error
            except OSError as error:
                raise Damaged(f"It cannot be read to its end: {error.strerror}.") from error
            if not line:
                return
            if not line.endswith(b"\n"):
                raise Damaged("It is damaged: one of its lines is cut off or too long.")
            yield line


def _record(line: bytes) -> records.Record:
    try:
        content = json.loads(line)
        [(name, values)] = content.items()
        if name == "docent_backup" and (version := values["version"]) != records.VERSION:
            raise Damaged(f"It is of version {version!r:.20}, and this Docent reads {records.VERSION}. Update Docent.")
        record: records.Record = records.of(records.KINDS[name], values)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise Damaged(
            "It is no backup of Docent, or is damaged: one of its lines says nothing that is known."
        ) from error
    return record
