"""What stands in a backup: the records of its lines, and the check that each value passes on its way in.

A backup may have been in anybody's hands. So every value has a kind and a bound, unknown names are refused, and nothing
in it is ever run: it is read as data only. Pure.
"""

import base64
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, TypeAlias, get_type_hints

from rag import models

VERSION = 1
MOST_ROWS = 1_000_000  # files, and chunks, of one project
MOST_DIMENSIONS = 16_000  # of a halfvec
LARGEST = 2**31 - 1
MOST = 2**62  # of any number; those of JSON have no end
DIGEST = 32  # bytes of a sha256


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Of values: `write` makes what stands in the file, `read` takes it and raises ValueError when it is none."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def _require(condition: object) -> None:
    if not condition:
        raise ValueError


def _of_type(kind: type, check: Callable[[Any], object]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        _require(type(value) is kind and check(value))  # not isinstance: true is no number
        return value

    return read


def _text(most: int) -> Kind:
    return Kind(
        read=_of_type(str, lambda value: len(value) <= most and "\0" not in value and value.encode() is not None)
    )


def _matching(pattern: str) -> Kind:
    return Kind(read=_of_type(str, re.compile(pattern).fullmatch))


def _one_of(names: list[str]) -> Kind:
    return Kind(read=_of_type(str, lambda value: value in names))


def _whole(most: int = LARGEST, least: int = 0) -> Kind:
    return Kind(read=_of_type(int, lambda value: least <= value <= most))


def _flag() -> Kind:
    return Kind(read=_of_type(bool, lambda _: True))


def _moment() -> Kind:
    def read(value: Any) -> datetime:
        _require(type(value) is str and len(value) <= 40)
        moment = datetime.fromisoformat(value)
        _require(moment.tzinfo and 2000 <= moment.year < 3000)
        return moment

    return Kind(read=read, write=datetime.isoformat)


def _dollars() -> Kind:
    def read(value: Any) -> Decimal:
        _require(type(value) is str and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value, re.ASCII))
        return Decimal(value)

    return Kind(read=read, write=lambda amount: f"{amount:.6f}")


def _numbers() -> Kind:
    """A few numbers by name."""

    def check(value: dict[str, Any]) -> object:
        kinds = {type(number) for number in value.values()}
        sizes = all(len(name.encode()) <= 100 for name in value) and kinds <= {int, float}
        return len(value) <= 500 and sizes and all(0 <= number <= MOST for number in value.values())

    return Kind(read=_of_type(dict, check))


def _digest() -> Kind:
    def read(value: Any) -> bytes:
        _require(type(value) is str and re.fullmatch(r"[0-9a-f]{64}", value, re.ASCII))
        return bytes.fromhex(value)

    return Kind(read=read, write=bytes.hex)


def _halves() -> Kind:
    """Two bytes a dimension, big-endian, in base64."""

    def read(value: Any) -> bytes:
        _require(type(value) is str and len(value) <= 3 * MOST_DIMENSIONS)
        return base64.b64decode(value, validate=True)

    return Kind(read=read, write=lambda packed: base64.b64encode(packed).decode("ascii"))


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first line."""

    version: Annotated[int, _whole()]
    made_at: Annotated[datetime, _moment()]


@dataclass(frozen=True, kw_only=True)
class Index:
    """Facts of a live revision. Its files and chunks stand on lines of their own."""

    repository_url: Annotated[str, _text(500)]
    ref: Annotated[str, _text(200)]
    commit_sha: Annotated[str, _matching("[0-9a-f]{1,64}")]
    embedding_model: Annotated[str, _text(100)]
    embedding_provider: Annotated[str, _text(40)]
    dimensions: Annotated[int, _whole(MOST_DIMENSIONS, least=1)]
    pipeline: Annotated[str, _text(64)]
    files_seen: Annotated[int, _whole(MOST_ROWS)]
    files_indexed: Annotated[int, _whole(MOST_ROWS)]
    files_skipped: Annotated[int, _whole(MOST_ROWS)]
    files_fell_back: Annotated[int, _whole(MOST_ROWS)]
    chunk_count: Annotated[int, _whole(MOST_ROWS)]
    embedded_count: Annotated[int, _whole()]
    reused_count: Annotated[int, _whole()]
    text_bytes: Annotated[int, _whole(MOST)]
    tokens: Annotated[int, _whole(MOST)]
    cost_usd: Annotated[Decimal, _dollars()]
    languages: Annotated[dict[str, float], _numbers()]
    timings: Annotated[dict[str, float], _numbers()]


def _index() -> Kind:
    return Kind(
        read=lambda value: None if value is None else of(Index, value), write=lambda index: index and as_json(index)
    )


@dataclass(frozen=True, kw_only=True)
class Project:
    """What its owner wrote, and its index if it has one. `cancelled`: nobody is to process it until asked again."""

    title: Annotated[str, _text(120)]
    slug: Annotated[str, _matching("[-a-zA-Z0-9_]{1,120}")]
    summary: Annotated[str, _text(240)]
    description: Annotated[str, _text(1_000_000)]
    repository_url: Annotated[str, _text(500)]
    ref: Annotated[str, _text(200)]
    homepage_url: Annotated[str, _text(200)]
    tags: Annotated[str, _text(200)]
    is_published: Annotated[bool, _flag()]
    position: Annotated[int, _whole(32_767)]
    created_at: Annotated[datetime, _moment()]
    cancelled: Annotated[bool, _flag()]
    index: Annotated[Index | None, _index()]


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the index, indexed or left out with the reason. Chunks name it by its place among them, from 0."""

    path: Annotated[str, _text(4_096)]
    blob_sha: Annotated[str, _matching("[0-9a-f]{1,64}")]
    pipeline: Annotated[str, _text(64)]
    language: Annotated[str, _text(40)]
    kind: Annotated[str, _one_of(models.SourceFile.Kind.values)]
    size: Annotated[int, _whole(MOST)]
    skip_reason: Annotated[str, _one_of(["", *models.SourceFile.Skip.values])]
    fell_back: Annotated[bool, _flag()]
    chunk_count: Annotated[int, _whole(MOST_ROWS)]
    masked: Annotated[str, _text(1_000_000)]
    note: Annotated[str, _text(1_000_000)]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Lines of a file, the sha256 of what was embedded, and its vector: two bytes a dimension."""

    file: Annotated[int, _whole(MOST_ROWS)]
    ordinal: Annotated[int, _whole()]
    start_line: Annotated[int, _whole(least=1)]
    end_line: Annotated[int, _whole(least=1)]
    symbol: Annotated[str, _text(100_000)]
    text: Annotated[str, _text(1_000_000)]
    sha256: Annotated[bytes, _digest()]
    vector: Annotated[bytes, _halves()]


@dataclass(frozen=True, kw_only=True)
class ProjectEnd:
    """After a project's last line. `sha256`: of every byte of the file before this line, unpacked."""

    files: Annotated[int, _whole(MOST_ROWS)]
    chunks: Annotated[int, _whole(MOST_ROWS)]
    index_digest: Annotated[str, _matching("([0-9a-f]{64})?")]
    sha256: Annotated[bytes, _digest()]


@dataclass(frozen=True, kw_only=True)
class End:
    """The last line."""

    projects: Annotated[int, _whole(MOST_ROWS)]
    sha256: Annotated[bytes, _digest()]


Record: TypeAlias = Header | Project | File | Chunk | ProjectEnd | End
KINDS: dict[str, type[Record]] = {
    "docent_backup": Header, "project": Project, "file": File, "chunk": Chunk, "project_end": ProjectEnd, "end": End,
}  # fmt: skip
NAMES = {kind: name for name, kind in KINDS.items()}


def of(kind: Any, values: object) -> Any:
    """The record of that kind. Raises ValueError when a value is missing, unknown, of another kind or too large."""
    known = _values(kind)
    if type(values) is not dict or values.keys() != known.keys():
        raise ValueError
    return kind(**{name: each.read(values[name]) for name, each in known.items()})


def as_json(record: Any) -> dict[str, Any]:
    """What `of` reads."""
    return {name: each.write(getattr(record, name)) for name, each in _values(record.__class__).items()}


@cache
def _values(record: Hashable) -> dict[str, Kind]:
    """Name → kind of the values of a class of records."""
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(record, include_extras=True).items()}
