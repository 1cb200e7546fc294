"""A backup that is cut off, damaged, foreign or hostile is told from a good one, whatever is wrong with it."""

import errno
import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from django.db.models import Model
from hypothesis import given
from hypothesis import strategies as st

from portfolio.models import Project
from rag import models
from rag.backups import packed, records
from rag.backups.packed import Damaged, Reader

INDEX = records.Index(
    repository_url="https://github.com/owner/name", ref="", commit_sha="ab" * 20, embedding_model="fake",
    embedding_provider="fake", dimensions=2, pipeline="p", files_seen=1, files_indexed=1, files_skipped=0,
    files_fell_back=0, chunk_count=1, embedded_count=1, reused_count=0, text_bytes=9, tokens=3,
    cost_usd=Decimal("0.25"), languages={"Python": 9}, timings={"embedding": 0.5},
)  # fmt: skip
PROJECT = records.Project(
    title="Thing", slug="thing", summary="", description="", repository_url=INDEX.repository_url, ref="",
    homepage_url="", tags="", is_published=True, position=0, created_at=datetime(2026, 1, 2, tzinfo=UTC),
    cancelled=False, index=INDEX,
)  # fmt: skip
FILE = records.File(
    path="a.py", blob_sha="cd" * 20, pipeline="p", language="Python", kind="code", size=9, skip_reason="",
    fell_back=False, chunk_count=1, masked="", note="",
)  # fmt: skip
CHUNK = records.Chunk(
    file=0, ordinal=0, start_line=1, end_line=2, symbol="f", text="Grüße\n\x1b\u2028", sha256=b"\1" * 32,
    vector=b"\x3c\0\x3c\0",
)  # fmt: skip


def backup(*chunks: records.Chunk) -> bytes:
    out = io.BytesIO()
    writer = packed.Writer(out)
    writer.write(records.Header(version=1, made_at=datetime(2026, 1, 2, tzinfo=UTC)))
    writer.write(PROJECT)
    writer.write(FILE)
    for chunk in chunks:
        writer.write(chunk)
    writer.end_project("0" * 64)
    writer.close()
    return out.getvalue()


GOOD = backup(CHUNK)
LINES = gzip.decompress(GOOD).splitlines(keepends=True)


def read(content: bytes) -> list[packed.Entry]:
    return Reader.contents(io.BytesIO(content))[1]


def zipped(*lines: bytes) -> bytes:
    return gzip.compress(b"".join(lines), mtime=0)  # the same name for a test in every process


def with_value(line: int, **values: Any) -> bytes:
    """The lines, one of them with other values, and no checksum mended."""
    [(kind, known)] = json.loads(LINES[line]).items()
    changed = json.dumps({kind: known | values}).encode() + b"\n"
    return zipped(*LINES[:line], changed, *LINES[line + 1 :])


def test_what_was_written_is_read_again() -> None:
    reader = Reader(io.BytesIO(GOOD))
    found = [
        (project, list(reader.files()), list(reader.chunks()), reader.end_project()) for project in reader.projects()
    ]

    assert [row[:3] for row in found] == [(PROJECT, [FILE], [CHUNK])]
    assert (found[0][3].files, found[0][3].chunks) == (1, 1)


def test_equal_content_makes_equal_files() -> None:
    assert backup(CHUNK) == GOOD


@given(st.integers(0, len(GOOD) - 1))
def test_a_file_that_is_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(Damaged):
        read(GOOD[:length])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_changed_byte_changes_what_is_read(place: int, difference: int) -> None:
    damaged = bytearray(GOOD)
    damaged[place] ^= difference
    try:
        entries = read(bytes(damaged))
    except Damaged:
        return
    assert place < 10  # gzip's header has bytes that say nothing of the content
    assert entries == read(GOOD)


@given(st.permutations(range(len(LINES))))
def test_lines_in_another_order_are_refused(order: list[int]) -> None:
    if order == sorted(order):
        return
    with pytest.raises(Damaged):
        read(zipped(*(LINES[n] for n in order)))


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_missing_or_doubled_line_is_refused(number: int) -> None:
    for lines in (LINES[:number] + LINES[number + 1 :], [*LINES[:number], LINES[number], *LINES[number:]]):
        with pytest.raises(Damaged):
            read(zipped(*lines))


def test_more_behind_its_end_is_refused() -> None:
    with pytest.raises(Damaged):
        read(GOOD + GOOD)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5))
def test_no_value_of_another_kind_is_taken(value: Any) -> None:
    names = records.as_json(CHUNK).keys() - {"symbol", "text", "vector"}
    for name in names:
        with pytest.raises(ValueError):
            records.of(records.Chunk, records.as_json(CHUNK) | {name: value})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (CHUNK, {"text": "a\0b"}),
        (CHUNK, {"text": "\ud800"}),
        (CHUNK, {"text": "x" * 1_000_001}),
        (CHUNK, {"ordinal": 2**31}),
        (CHUNK, {"start_line": 0}),
        (CHUNK, {"ordinal": -1}),
        (CHUNK, {"sha256": "00"}),
        (CHUNK, {"vector": "A" * 100_000}),
        (CHUNK, {"extra": 1}),
        (FILE, {"skip_reason": "because"}),
        (FILE, {"kind": "pickle"}),
        (PROJECT, {"slug": "../up"}),
        (PROJECT, {"created_at": "2026-01-02"}),
        (PROJECT, {"created_at": "0001-01-01T00:00:00+23:59"}),
        (INDEX, {"dimensions": 16_001}),
        (INDEX, {"cost_usd": "NaN"}),
        (INDEX, {"languages": {"x": True}}),
        (INDEX, {"timings": {"x": float("inf")}}),
        (INDEX, {"timings": {"x": 1e300}}),
        (INDEX, {"languages": {"x": 10**400}}),
    ],
)
def test_values_have_bounds(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        records.of(type(kind), records.as_json(kind) | values)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95\x00pickle",
        b"PK\x03\x04",
        zipped(b"[" * 100_000 + b"\n"),
        zipped(b"null\n"),
        zipped(b"{}\n"),
        zipped(b'{"docent_backup": [1]}\n'),
        zipped(b"\xff\xfe\n"),
        zipped(b'{"docent_backup": {"version": ' + b"9" * 5_000 + b"}}\n"),
        zipped(b"x" * (packed.LONGEST_LINE + 1)),
    ],
)
def test_what_is_no_backup_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        read(content)


def test_a_disk_that_cannot_be_read_is_told() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 20:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(min(size or 0, 100))

    with pytest.raises(Damaged, match="cannot be read to its end: Input/output error"):
        Reader.contents(Broken(GOOD))


def test_a_newer_version_says_so() -> None:
    with pytest.raises(Damaged, match="version 2, and this Docent reads 1"):
        read(with_value(0, version=2))


@pytest.mark.parametrize("values", [{"file": 1}, {"start_line": 3}])
def test_a_chunk_belongs_to_lines_of_a_file_of_the_backup(values: dict[str, int]) -> None:
    with pytest.raises(Damaged, match="names a file or lines"):
        read(with_value(3, **values))


def test_a_mended_line_is_told_by_its_checksum() -> None:
    with pytest.raises(Damaged, match="checksum"):
        read(with_value(3, text="Something else."))


def test_a_bomb_is_not_unpacked_into_memory() -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    with pytest.raises(Damaged, match="too long"):
        read(bomb)


def test_projects_that_fill_the_memory_are_refused() -> None:
    out = io.BytesIO()
    writer = packed.Writer(out)
    writer.write(records.Header(version=1, made_at=datetime(2026, 1, 2, tzinfo=UTC)))
    for number in range(1 + packed.MOST_DESCRIBED // 1_000_000):
        writer.write(replace(PROJECT, slug=str(number), description="x" * 1_000_000, index=None))
        writer.end_project("")
    writer.close()

    with pytest.raises(Damaged, match="more of its projects than anybody would"):
        read(out.getvalue())


@pytest.mark.parametrize(
    ("model", "kind", "left_out"),
    [
        (Project, records.Project, {"id", "image", "updated_at"}),
        (models.Revision, records.Index, {"id", "rag", "created_at", "finished_at", "search_rules"}),
        (models.SourceFile, records.File, {"id", "rag", "embedding_model"}),
        (models.Chunk, records.Chunk, {"id", "embedding"}),
    ],
)
def test_no_column_is_forgotten(model: type[Model], kind: type[records.Record], left_out: set[str]) -> None:
    columns = {field.name for field in model._meta.concrete_fields}

    assert columns - left_out <= set(get_type_hints(kind))
