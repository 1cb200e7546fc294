"""A backup → its projects with their indexes: each live in one transaction, or as it was before.

The whole file is read and proven before the first row is written. A project that is there already is claimed as a
worker claims it, so that neither writes what the other does.
"""

from array import array
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone

from config import database
from portfolio import models as portfolio
from portfolio.claims import Lease, LeaseLost
from portfolio.models import ProjectRAG
from rag import embeddings, models, packing, revisions, search_index
from rag.backups import packed, records

ROWS_A_STATEMENT, CHARACTERS_A_STATEMENT = 500, 1_000_000
OWN_WORDS = ("title", "slug", "summary", "description", "repository_url", "ref", "homepage_url", "tags",
             "is_published", "position")  # fmt: skip


class Unsuitable(Exception):
    """The backup cannot be taken in as things are; nothing was changed. The text has a line for each reason."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it went with one project, in a sentence. `done`: it is now as the backup has it, or was before."""

    slug: str
    done: bool
    sentence: str


@dataclass(kw_only=True)
class Restore:
    """Takes in the projects of `source`, which can be read twice; those named by `slugs`, or all.

    `replace`: also where an index is live. The words that an owner wrote are never replaced.
    """

    source: IO[bytes]
    slugs: Collection[str] = ()
    replace: bool = False

    def contents(self) -> list[packed.Entry]:
        """What is to be taken in, the whole file being proven. Raises Damaged, and Unsuitable for a name it lacks."""
        self.source.seek(0)
        _, entries = packed.Reader.contents(self.source)
        if missing := sorted(set(self.slugs) - {entry.project.slug for entry in entries}):
            raise Unsuitable(f"The backup has no project {', '.join(missing)}.")
        return [entry for entry in entries if not self.slugs or entry.project.slug in self.slugs]

    def run(self) -> Iterator[Outcome]:
        """Raises Damaged or Unsuitable before anything is written; later each project ends with its own outcome."""
        wanted = {entry.project.slug: entry for entry in self.contents()}
        if reasons := [reason for entry in wanted.values() for reason in self._reasons(entry)]:
            raise Unsuitable("\n".join(reasons))
        ProjectRAG.objects.sweep()  # also what a restore left that was killed
        self.source.seek(0)
        reader = packed.Reader(self.source)
        for project in reader.projects():
            if project.slug in wanted:
                yield _outcome(reader, wanted[project.slug])
            else:
                reader.end_project()

    def _reasons(self, entry: packed.Entry) -> Iterator[str]:
        """Why this project cannot be taken in."""
        project, there = entry.project, _there(entry.project)
        for size, most, unit, setting in (
            (entry.end.chunks, settings.RAG_MAX_CHUNKS, "chunks", "RAG_MAX_CHUNKS"),
            (entry.end.files, 4 * settings.RAG_MAX_FILES, "files", "RAG_MAX_FILES"),  # also those that were left out
            (entry.text, 2 * settings.RAG_MAX_TEXT_BYTES, "characters", "RAG_MAX_TEXT_BYTES"),  # chunks may overlap
        ):
            if size > most:
                yield f"{project.slug}: it has {size:,} {unit}. Raise {setting} to take it in."
        if there is None:
            try:
                _new(project).full_clean()
            except ValidationError as error:
                yield f"{project.slug}: {' '.join(error.messages)}"
        elif project.index and there.repository_url != project.repository_url:
            yield f"{project.slug}: the project of that name reads another repository. Rename one of them."
        elif project.index and there.rag.live_revision and not self.replace and not _is_there(entry, there):
            yield f"{project.slug}: it has an index already. --replace puts this one in its place."


def _outcome(reader: packed.Reader, entry: packed.Entry) -> Outcome:
    """Take in one project, and say how that went."""
    done = True
    try:
        sentence = _take_in(reader, entry, _there(entry.project))
    except LeaseLost:
        done, sentence = False, "A worker is at it just now. Restore it again when that is done or cancelled."
    except (revisions.IndexRefused, _NotStored) as error:
        done, sentence = False, f"It is as it was before: {error}"
    reader.end_project()
    return Outcome(slug=entry.project.slug, done=done, sentence=sentence)


def _take_in(reader: packed.Reader, entry: packed.Entry, there: portfolio.Project | None) -> str:
    project, facts = entry.project, entry.project.index
    if there and (facts is None or _is_there(entry, there)):
        return f"It is here already{', with the same index' if facts else '. The backup has no index of it'}."
    with ExitStack() as stack:
        lease = stack.enter_context(_claimed(there.rag)) if there else None
        with _storing(), transaction.atomic():
            rag = there.rag if there else _add(project)
            if facts is None:
                return "Added. It has no index yet."
            lease = lease or _claim(rag)  # of one that nobody sees before the commit
            _make_live(lease, _filled(reader, rag, facts), entry.end)
    return f"Ready at {facts.commit_sha[:10]}: {entry.end.files:,} files, {entry.end.chunks:,} chunks.{_warning(facts)}"


def _warning(facts: records.Index) -> str:
    """What keeps questions from being asked of it here, if anything does."""
    try:
        embeddings.reached(facts.embedding_model, facts.embedding_provider)
    except embeddings.EmbedderMissing as error:
        return f" But questions cannot be asked yet. {error}"
    return ""


@contextmanager
def _claimed(rag: ProjectRAG) -> Iterator[Lease]:
    """Hold the project. When the block fails it says so in the admin, and answers from what it had."""
    lease = _claim(rag)
    try:
        with ProjectRAG.objects.kept_alive(lease):
            yield lease
    except BaseException:
        with suppress(LeaseLost, DatabaseError):
            ProjectRAG.objects.fail(lease, code="restore", sentence=_CUT_OFF, retry_in=None)
        raise


def _claim(rag: ProjectRAG) -> Lease:
    lease = ProjectRAG.objects.claim(rag.pk, by_hand=True)
    if lease is None:
        raise LeaseLost
    ProjectRAG.objects.advance(lease, stage="indexing")
    return lease


@contextmanager
def _storing() -> Iterator[None]:
    """Rows that PostgreSQL refuses are the backup's fault; a full disk or a lost connection is not."""
    try:
        yield
    except DatabaseError as error:
        reason = type(error.__cause__ or error).__name__  # the driver's word for it says more than Django's
        if isinstance(error, DataError | IntegrityError):
            raise _NotStored(f"PostgreSQL refuses a row of the backup ({reason}).") from error
        raise _NotStored(f"PostgreSQL could not finish ({reason}). Restore it again.") from error


def _filled(reader: packed.Reader, rag: ProjectRAG, facts: records.Index) -> models.Revision:
    """A new revision with the files and chunks that come next, in place of all that the project had."""
    revisions.make_room(rag)
    revision = models.Revision.objects.create(rag=rag, **vars(facts))
    ids = array("q")
    for some in _batches(reader.files()):
        rows = [models.SourceFile(rag=rag, embedding_model=facts.embedding_model, **vars(file)) for file in some]
        models.SourceFile.objects.bulk_create(rows)
        models.RevisionFile.objects.bulk_create([models.RevisionFile(revision=revision, file=row) for row in rows])
        ids.extend(row.pk for row in rows)
    with database.copying(_COPY) as copy:
        copy.write(packing.BEGIN)
        for chunk in reader.chunks():
            copy.write(_packed(chunk, ids[chunk.file], facts.dimensions))
        copy.write(packing.END)
    return revision


def _batches(files: Iterator[records.File]) -> Iterator[list[records.File]]:
    """What a statement takes: fewer where there is much to say of them, since they are in memory together."""
    some: list[records.File] = []
    length = 0
    for file in files:
        some.append(file)
        length += len(file.masked) + len(file.note)
        if len(some) == ROWS_A_STATEMENT or length > CHARACTERS_A_STATEMENT:
            yield some
            some, length = [], 0
    if some:
        yield some


def _packed(chunk: records.Chunk, file_id: int, dimensions: int) -> bytes:
    if len(chunk.vector) != packing.BYTES_A_DIMENSION * dimensions:
        raise _NotStored(f"one of its vectors has not {dimensions} dimensions.")
    numbers = file_id, chunk.ordinal, chunk.start_line, chunk.end_line
    vector = packing.halfvec(chunk.vector)
    return packing.chunk(numbers, (chunk.symbol.encode(), chunk.text.encode(), chunk.sha256, vector))


def _make_live(lease: Lease, revision: models.Revision, end: records.ProjectEnd) -> None:
    if revisions.digest(revision) != end.index_digest:
        raise _NotStored("its index has not the digest that the backup says.")
    revisions.validate(revision, None, accept_shrinking=True)
    with search_index.prepared(revision) as change:
        revisions.flip(lease, change, revision.timings)


def _there(project: records.Project) -> portfolio.Project | None:
    return portfolio.Project.objects.with_assistants().filter(slug=project.slug).first()


def _is_there(entry: packed.Entry, there: portfolio.Project) -> bool:
    """Whether the project's live index is that of the backup."""
    live, facts = there.rag.live_revision, entry.project.index
    if live is None or facts is None:
        return False
    names = ("commit_sha", "embedding_model", "embedding_provider", "dimensions", "pipeline")
    alike = all(getattr(live, name) == getattr(facts, name) for name in names)
    return alike and revisions.digest(live) == entry.end.index_digest


def _new(project: records.Project) -> portfolio.Project:
    return portfolio.Project(**{name: getattr(project, name) for name in OWN_WORDS})


def _add(project: records.Project) -> ProjectRAG:
    new = _new(project)
    new.save()
    portfolio.Project.objects.filter(pk=new.pk).update(created_at=project.created_at)
    ProjectRAG.objects.filter(project=new).update(cancelled_at=timezone.now() if project.cancelled else None)
    return ProjectRAG.objects.select_related("project").get(project=new)


class _NotStored(Exception):
    """What the backup holds cannot be an index."""


_COPY = f"COPY rag_chunk ({packing.COLUMNS}) FROM STDIN (FORMAT BINARY)"
_CUT_OFF = (
    "Taking in a backup did not come to its end, so nothing of it was kept. Restore it again, or process the project."
)
