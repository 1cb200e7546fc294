"""Revisions from opening to going live: resumed, checked, flipped, cleared, and compared by their digest."""

import hashlib

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from config import faults
from portfolio.claims import Lease
from portfolio.models import ProjectRAG
from rag import models, search_index
from rag.embeddings import Embedder
from rag.search_index import postings

SHRUNK_BELOW = 0.5


class IndexRefused(Exception):
    """The new index did not pass its check; the old one stays. `code` names the check."""

    def __init__(self, code: str, sentence: str, *, permanent: bool = True) -> None:
        super().__init__(sentence)
        self.code = code
        self.permanent = permanent


def is_current(rag: ProjectRAG, commit: str, embedder: Embedder, pipeline: str) -> bool:
    """Whether the live revision is just what processing that commit now would give."""
    live = rag.live_revision
    return live is not None and _identity(live) == (
        commit, rag.project.repository_url, rag.project.ref, embedder.model, pipeline, postings.fingerprint(),
    )  # fmt: skip


def resume_or_open(lease: Lease, rag: ProjectRAG, commit: str, embedder: Embedder, pipeline: str) -> models.Revision:
    """The unfinished revision of that commit to go on with, or a new one."""
    facts = {
        "repository_url": rag.project.repository_url, "ref": rag.project.ref, "commit_sha": commit,
        "embedding_model": embedder.model, "embedding_provider": embedder.provider, "dimensions": embedder.dimensions,
        "pipeline": pipeline,
    }  # fmt: skip
    with transaction.atomic():
        ProjectRAG.objects.renew(lease)  # only who holds the project begins a revision of it
        unfinished = models.Revision.objects.filter(rag=rag, finished_at=None, **facts).first()
        return unfinished or models.Revision.objects.create(rag=rag, **facts)


def validate(revision: models.Revision, live: models.Revision | None, *, accept_shrinking: bool) -> None:
    """Raise IndexRefused unless every file has all its chunks, every vector is usable, and nothing shrank unnoticed."""
    expected = revision.files.aggregate(n=Sum("chunk_count"))["n"] or 0
    with connection.cursor() as cursor:
        cursor.execute(_CHECK, [revision.dimensions, revision.pk])
        stored, usable = cursor.fetchone()
    if stored != expected or usable != stored:
        raise IndexRefused(
            "incomplete",
            f"Of {expected} chunks {stored} are stored and {usable} have a usable vector. Process it again.",
            permanent=False,  # the next run stores what is missing
        )
    if not stored:
        raise IndexRefused("nothing_to_read", _NOTHING)
    if live and not accept_shrinking and stored < live.chunk_count * SHRUNK_BELOW:
        raise IndexRefused("shrunk", _SHRUNK.format(old=live.chunk_count, new=stored))


def flip(lease: Lease, change: search_index.Change, timings: dict[str, float]) -> None:
    """Make the change's revision the one that visitors are answered from, and drop what no revision needs any more.

    Raises LeaseLost, and IndexRefused when what would be searched is not what is stored; the old one stays then.
    """
    revision = change.revision
    with transaction.atomic():
        ProjectRAG.objects.finish(lease, live_revision=revision.pk)
        search_index.write(change)
        faults.point("flipping")
        chunk_count = models.Chunk.objects.filter(file__revisions=revision).count()
        if (found := search_index.size(revision.rag_id)) != chunk_count:
            raise IndexRefused("incomplete", _NOT_FOUND.format(stored=chunk_count, found=found), permanent=False)
        models.Revision.objects.filter(pk=revision.pk).update(
            finished_at=timezone.now(), timings=timings, chunk_count=chunk_count, search_rules=postings.fingerprint()
        )
        models.Revision.objects.filter(rag=revision.rag_id).exclude(pk=revision.pk).delete()
        with connection.cursor() as cursor:
            cursor.execute(_DROP_CHUNKS, [revision.rag_id])
            faults.point("mid-cleanup")
            cursor.execute(_DROP_FILES, [revision.rag_id])


def clear(rag: ProjectRAG) -> None:
    """Forget everything indexed for the project; it is a new one again."""
    with transaction.atomic():
        ProjectRAG.objects.reset(rag.pk)
        search_index.clear(rag.pk)
        models.Revision.objects.filter(rag=rag).delete()
        with connection.cursor() as cursor:
            cursor.execute(_DROP_CHUNKS, [rag.pk])
            cursor.execute(_DROP_FILES, [rag.pk])


def make_room(rag: ProjectRAG) -> None:
    """Drop the project's files and chunks, in the transaction in which others take their place."""
    models.RevisionFile.objects.filter(revision__rag=rag).delete()
    with connection.cursor() as cursor:
        cursor.execute(_DROP_CHUNKS, [rag.pk])
        cursor.execute(_DROP_FILES, [rag.pk])


def digest(revision: models.Revision) -> str:
    """sha256 over the sorted (path, start line, end line, text sha256) of a revision: equal for equal indexes."""
    rows = models.Chunk.objects.filter(file__revisions=revision).values_list(
        "file__path", "start_line", "end_line", "sha256"
    )
    total = hashlib.sha256()
    for path, start, end, sha in sorted((path, start, end, bytes(sha).hex()) for path, start, end, sha in rows):
        total.update(f"{path}\0{start}\0{end}\0{sha}\n".encode())
    return total.hexdigest()


def _identity(revision: models.Revision) -> tuple[str, ...]:
    return (
        revision.commit_sha, revision.repository_url, revision.ref, revision.embedding_model, revision.pipeline,
        revision.search_rules,
    )  # fmt: skip


_CHECK = """
    SELECT count(*), count(*) FILTER (WHERE vector_dims(embedding) = %s AND l2_norm(embedding) > 0)
    FROM rag_chunk WHERE file_id IN (SELECT file_id FROM rag_revisionfile WHERE revision_id = %s)"""
_ORPHANS = """
    SELECT id FROM rag_sourcefile f
    WHERE rag_id = %s AND NOT EXISTS (SELECT FROM rag_revisionfile m WHERE m.file_id = f.id)"""
_DROP_CHUNKS = f"DELETE FROM rag_chunk WHERE file_id IN ({_ORPHANS})"  # noqa: S608
_DROP_FILES = f"DELETE FROM rag_sourcefile WHERE id IN ({_ORPHANS})"  # noqa: S608
_NOT_FOUND = "Of {stored} chunks that are stored {found} would be searched. Process it again."
_NOTHING = (
    "There is nothing to read in this repository: every file was left out. Look at the reasons in its list of files; "
    "a .docentignore file or RAG_MAX_FILE_BYTES may be too strict."
)
_SHRUNK = (
    "The new index has {new} chunks where the live one has {old}; that may be a mistake, so the live one stays. "
    "If it is right, run process_rag_async with --project-id and --force; or reset it in the admin and process it "
    "again, but then it does not answer until it is done."
)
