"""The database as it is at one moment → a backup.

What processing writes meanwhile is not in it. Rows come through a cursor, so memory does not grow with the index.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from django.db import connection, transaction
from django.utils import timezone

from config import database
from portfolio.models import Project
from rag import models, packing, revisions
from rag.backups import packed, records

ROWS_A_FETCH = 500


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was written. `bytes`: unpacked."""

    projects: int
    indexes: int
    chunks: int
    bytes: int


def make(out: IO[bytes], slugs: Collection[str] = ()) -> Made:
    """Write every project, or those named, with its live index."""
    writer = packed.Writer(out)
    indexes = chunks = 0
    with _snapshot():
        projects = list(_projects(slugs))
        writer.write(records.Header(version=records.VERSION, made_at=timezone.now()))
        for project in projects:
            live = project.rag.live_revision
            end = _write(writer, project, live)
            indexes += live is not None
            chunks += end.chunks
    writer.close()
    return Made(projects=len(projects), indexes=indexes, chunks=chunks, bytes=writer.bytes)


@contextmanager
def _snapshot() -> Iterator[None]:
    """Everything that is read in the block is of the same moment."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        database.may_sleep()  # where it goes may be slow
        yield


def _projects(slugs: Collection[str]) -> Iterable[Project]:
    projects = Project.objects.with_assistants().order_by("pk")
    return projects.filter(slug__in=slugs) if slugs else projects


def _write(writer: packed.Writer, project: Project, live: models.Revision | None) -> records.ProjectEnd:
    names = ("title", "slug", "summary", "description", "repository_url", "ref", "homepage_url", "tags",
             "is_published", "position", "created_at")  # fmt: skip
    facts = {name: getattr(project, name) for name in names}
    cancelled = project.rag.cancelled_at is not None
    writer.write(records.Project(**facts, cancelled=cancelled, index=_index(live) if live else None))
    if live is None:
        return writer.end_project("")
    numbers: dict[int, int] = {}
    for file in live.files.order_by("pk").iterator(chunk_size=ROWS_A_FETCH):
        numbers[file.pk] = len(numbers)
        writer.write(_file(file))
    for chunk in _chunks(live, numbers):
        writer.write(chunk)
    return writer.end_project(revisions.digest(live))


def _index(live: models.Revision) -> records.Index:
    return records.Index(**{name: getattr(live, name) for name in records.Index.__dataclass_fields__})


def _file(file: models.SourceFile) -> records.File:
    return records.File(**{name: getattr(file, name) for name in records.File.__dataclass_fields__})


def _chunks(live: models.Revision, numbers: dict[int, int]) -> Iterator[records.Chunk]:
    """In the order of their ids, by which search decides between equals."""
    with database.copying(_CHUNKS.format(revision=live.pk)) as copy:
        copy.set_types(["int8", "int4", "int4", "int4", "text", "text", "bytea", "bytea"])
        for file, ordinal, start_line, end_line, symbol, text, sha256, vector in copy.rows():
            yield records.Chunk(
                file=numbers[file], ordinal=ordinal, start_line=start_line, end_line=end_line, symbol=symbol, text=text,
                sha256=sha256, vector=vector[packing.HEAD_BYTES :],
            )  # fmt: skip


_CHUNKS = """
    COPY (
        SELECT chunk.file_id, ordinal, start_line, end_line, symbol, text, sha256, halfvec_send(embedding)
        FROM rag_chunk chunk JOIN rag_revisionfile member ON member.file_id = chunk.file_id
        WHERE member.revision_id = {revision}
        ORDER BY chunk.id
    ) TO STDOUT (FORMAT BINARY)"""
