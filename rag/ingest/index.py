"""The stored index: files and chunks in, and vectors that were paid for used again.

Every write of a run happens in a transaction that first proves its lease, so a worker that lost it changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum

from config import database, faults
from portfolio.claims import Lease, LeaseLost
from portfolio.models import ProjectRAG
from rag import models, packing
from rag.ingest.plan import KnownFile, Plan
from rag.spending import calls


@dataclass(frozen=True, kw_only=True)
class Row:
    """One chunk on its way into the table."""

    file_id: int
    ordinal: int
    start_line: int
    end_line: int
    symbol: str
    text: str
    sha256: bytes

    @property
    def place(self) -> tuple[int, int]:
        return self.file_id, self.ordinal


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a batch took: texts sent, chunks that needed none, tokens, and the call that is paid with its storing."""

    texts: int = 0
    reused: int = 0
    tokens: int = 0
    call: calls.Call | None = None

    @property
    def used(self) -> calls.Used:
        return calls.Used(tokens_in=self.tokens)

    @property
    def cost(self) -> Decimal:
        """US dollars."""
        return self.call.cost(self.used) if self.call else Decimal(0)


def known_files(rag: ProjectRAG, rules: str, *, with_notes: bool) -> dict[tuple[str, str], KnownFile]:
    """File versions that are stored whole under these rules, by (path, blob sha).

    Without `with_notes` those that lack refused lines are not among them, so that these are tried again.
    """
    rows = models.SourceFile.objects.filter(rag=rag, pipeline=rules, **({} if with_notes else {"note": ""}))
    whole = rows.annotate(stored=Count("chunks")).filter(stored=F("chunk_count"))
    return {
        (path, sha): KnownFile(id=pk, size=size, chunk_count=count, skip_reason=reason)
        for pk, path, sha, size, count, reason in whole.values_list(
            "pk", "path", "blob_sha", "size", "chunk_count", "skip_reason"
        )
    }


def known_sizes(rag: ProjectRAG) -> dict[str, int]:
    """Blob sha → bytes of the project's file versions, so that only new ones are asked of its host.

    A file that was left out by its name has the size 0 where nobody looked; that is not known.
    """
    seen = models.SourceFile.objects.filter(Q(size__gt=0) | Q(skip_reason=models.SourceFile.Skip.EMPTY), rag=rag)
    return dict(seen.values_list("blob_sha", "size"))


def add_files(lease: Lease, revision: models.Revision, plan: Plan) -> dict[tuple[str, str], int]:
    """Write the plan's files and what belongs to the revision; the ids of the new ones by (path, blob sha)."""
    with transaction.atomic(), connection.cursor() as cursor:
        prove(lease)
        columns = [list(values) for values in zip(*_files(plan), strict=True)] or [[] for _ in range(10)]
        cursor.execute(_ADD, [revision.rag_id, revision.embedding_model, *columns])
        new = {(path, sha): pk for pk, path, sha in cursor.fetchall()}
        members = [*new.values(), *(file.id for file in plan.known)]
        cursor.execute(_LEAVE, [revision.pk, members])
        cursor.execute(_BELONG, [revision.pk, members])
        _count(revision, plan)
        faults.point("adding-files")
    return new


def stored_ordinals(file_ids: Iterable[int]) -> set[tuple[int, int]]:
    """The (file, ordinal) pairs that a run which was cut off has already stored."""
    return set(models.Chunk.objects.filter(file__in=list(file_ids)).values_list("file_id", "ordinal"))


def known_texts(model: str, dimensions: int, hashes: Sequence[bytes]) -> set[bytes]:
    """Those texts, by hash, that this embedding model has embedded before, in whatever project."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN.format(what="NULL"), [list(hashes), model, dimensions])
        return {bytes(sha) for sha, _ in cursor.fetchall()}


def known_vectors(model: str, dimensions: int, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """The packed vectors of those texts, by hash, that there are."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN.format(what="halfvec_send(chunk.embedding)"), [list(hashes), model, dimensions])
        return {bytes(sha): bytes(vector) for sha, vector in cursor.fetchall()}


def store(
    lease: Lease, revision: models.Revision, rows: Sequence[tuple[Row, bytes]], spent: Spent, percentage: int
) -> None:
    """Commit one batch of rows and their packed vectors together with the progress that it makes.

    A place that has a row already is an error: only the holder of the lease writes, and it knows what is stored.
    """
    with transaction.atomic():
        _advance(lease, revision, percentage, spent)
        with database.copying(_COPY) as copy:
            copy.write(b"".join((packing.BEGIN, *(_packed(row, vector) for row, vector in rows), packing.END)))
        faults.point("saving")
        if spent.call:  # last, for until the commit nobody else can pay
            calls.end(spent.call, spent.used)


def refuse(lease: Lease, row: Row, reason: str) -> None:
    """Leave out one chunk that the embedding model does not take; its file says which lines are missing and why."""
    with transaction.atomic():
        prove(lease)
        file = models.SourceFile.objects.get(pk=row.file_id)
        file.note = f"{file.note}Lines {row.start_line}–{row.end_line} were refused: {reason}\n"
        file.chunk_count -= 1
        file.save(update_fields=["note", "chunk_count"])


def analyze() -> None:
    """Tell PostgreSQL's planner what is new; a fresh index would be searched by guesses otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE rag_chunk, rag_revisionfile, rag_sourcefile")


def prove(lease: Lease) -> None:
    """Lock the project's row for this transaction, or raise LeaseLost when the lease is somebody else's."""
    ProjectRAG.objects.renew(lease)


def _files(plan: Plan) -> Iterator[tuple[Any, ...]]:
    """The values of _ADD for each new file."""
    for file in plan.new:
        # What only a limit left out may be read by the next revision; for the live one this row goes on saying
        # that it is not.
        rules = f"{plan.listing.rules}-over" if file.skip_reason == "over_limit" else plan.listing.rules
        yield (
            file.path, file.blob_sha, rules, file.language, file.kind, file.size, file.skip_reason, file.masked,
            file.fell_back, len(file.chunks),
        )  # fmt: skip


def _count(revision: models.Revision, plan: Plan) -> None:
    """The revision's counts, read from its rows so that they hold after any number of cut-off runs."""
    rows = revision.files
    facts = rows.aggregate(
        seen=Count("pk"), skipped=Count("pk", ~Q(skip_reason="")), fell_back=Count("pk", Q(fell_back=True))
    )
    sizes = rows.filter(skip_reason="").exclude(language="").values_list("language").annotate(Sum("size"))
    revision.files_seen, revision.files_skipped = facts["seen"], facts["skipped"]
    revision.files_indexed = facts["seen"] - facts["skipped"]
    revision.files_fell_back = facts["fell_back"]
    revision.chunk_count, revision.text_bytes = plan.chunk_count, plan.text_bytes
    revision.languages = dict(sizes)
    revision.save()


def _advance(lease: Lease, revision: models.Revision, percentage: int, spent: Spent) -> None:
    """Add what was spent, in one statement that also proves the lease and never takes the percentage back."""
    with connection.cursor() as cursor:
        costs = (spent.texts, spent.reused, spent.tokens, spent.cost)
        cursor.execute(_ADVANCE, [percentage, lease.rag_id, lease.token, *costs, revision.pk])
        if not cursor.rowcount:
            raise LeaseLost(LeaseLost.__doc__)


def _packed(row: Row, vector: bytes) -> bytes:
    numbers = row.file_id, row.ordinal, row.start_line, row.end_line
    return packing.chunk(numbers, (row.symbol.encode(), row.text.encode(), row.sha256, vector))


_COPY = f"COPY rag_chunk ({packing.COLUMNS}) FROM STDIN (FORMAT BINARY)"
_KNOWN = """
    SELECT DISTINCT ON (chunk.sha256) chunk.sha256, {what}
    FROM rag_chunk chunk JOIN rag_sourcefile file ON file.id = chunk.file_id
    WHERE chunk.sha256 = ANY(%s) AND file.embedding_model = %s AND vector_dims(chunk.embedding) = %s"""
_ADD = """
    INSERT INTO rag_sourcefile (rag_id, embedding_model, note, path, blob_sha, pipeline, language, kind, size,
                                skip_reason, masked, fell_back, chunk_count)
    SELECT %s, %s, '', *
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[],
                %s::bool[], %s::int[])
    ON CONFLICT (rag_id, path, blob_sha, pipeline) DO UPDATE
    SET chunk_count = excluded.chunk_count, skip_reason = excluded.skip_reason, note = excluded.note,
        masked = excluded.masked
    RETURNING id, path, blob_sha"""
_LEAVE = "DELETE FROM rag_revisionfile WHERE revision_id = %s AND file_id <> ALL(%s::bigint[])"
_BELONG = """
    INSERT INTO rag_revisionfile (revision_id, file_id) SELECT %s, unnest(%s::bigint[]) ON CONFLICT DO NOTHING"""
_ADVANCE = """
    WITH held AS (
        UPDATE portfolio_projectrag
        SET processing_stage = 'embedding', progress_percentage = greatest(progress_percentage, %s)
        WHERE id = %s AND lease_token = %s
        RETURNING id
    )
    UPDATE rag_revision
    SET embedded_count = embedded_count + %s, reused_count = reused_count + %s, tokens = tokens + %s,
        cost_usd = cost_usd + %s
    WHERE id = %s AND EXISTS (SELECT FROM held)"""
