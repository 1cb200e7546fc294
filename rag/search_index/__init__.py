"""The search index of a project's live revision: a signature for each chunk, and postings for each term.

It can always be made again from the chunks. It changes in the transaction in which a revision goes live and at no other
time, so that readers never see another revision's, and a run that ends before then leaves nothing of it. What costs
time is read before: the chunks to come and to go, and their terms.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from django.db import connection, transaction
from django.db.models import QuerySet

from config import database
from portfolio.models import ProjectRAG
from rag import lexical, models, packing
from rag.models import search_tables
from rag.search_index import postings

ANEW_ABOVE = 0.05  # of the chunks changed: then making it anew costs less than mending it
MOST_BYTES = 100_000_000  # of postings in memory at a time; the 20,000 chunks of a large project take less
ROWS_A_FETCH = 1_000
BLOCK = 1 << 20  # bytes sent at a time


@dataclass(frozen=True, kw_only=True)
class Change:
    """What makes the search index that of `revision`. Chunks are named by id.

    `came`: chunks to add, None for all. `gone`: chunks to take out; `lost`: the terms that they had. `rows`: the
    postings of what came, as PostgreSQL's COPY BINARY reads them, a term's in up to so many `parts`.
    """

    revision: models.Revision
    came: list[int] | None
    gone: list[int]
    lost: list[str]
    rows: IO[bytes]
    parts: int


@contextmanager
def prepared(revision: models.Revision) -> Iterator[Change]:
    """What is to be written when `revision` goes live. Reads only."""
    chunks = models.Chunk.objects.filter(file__revisions=revision)
    came, gone = _difference(revision)
    anew = not _is_by_these_rules(revision.rag_id) or len(came) + len(gone) > ANEW_ABOVE * chunks.count()
    new = chunks if anew else chunks.filter(pk__in=came)
    old = models.Chunk.objects.none() if anew else models.Chunk.objects.filter(pk__in=gone)
    with tempfile.TemporaryFile() as rows:
        with transaction.atomic():  # else a pooler would look for the cursor of the documents on another connection
            lost = {term for _, terms in _documents(old) for term in terms}
            parts = _write(_documents(new), rows)
        rows.seek(0)
        yield Change(
            revision=revision, came=None if anew else came, gone=gone, lost=sorted(lost), rows=rows, parts=parts
        )


def write(change: Change) -> None:
    """Make the change. The revision is to go live in the same transaction."""
    parameters = {
        "rag": change.revision.rag_id, "revision": change.revision.pk, "came": change.came, "gone": change.gone,
        "lost": change.lost,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        if change.came is None:
            clear(change.revision.rag_id)
        cursor.execute(_CAME)
        with database.copying("COPY came FROM STDIN (FORMAT BINARY)") as copy:
            while block := change.rows.read(BLOCK):
                copy.write(block)
        anew = _ANEW if change.parts == 1 else _ANEW_IN_PARTS
        for statement in anew if change.came is None else _MEND:
            cursor.execute(statement, parameters)
        cursor.execute("DROP TABLE came")


def clear(rag_id: int) -> None:
    """Forget the search index of a project."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM rag_signature WHERE rag_id = %s", [rag_id])
        cursor.execute("DELETE FROM rag_posting WHERE rag_id = %s", [rag_id])


def size(rag_id: int) -> int:
    """How many chunks can be found."""
    return search_tables.Signature.objects.filter(rag=rag_id).count()


def _difference(revision: models.Revision) -> tuple[list[int], list[int]]:
    """The chunks of `revision` that cannot be found yet, and those that can and should not."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCE, {"rag": revision.rag_id, "revision": revision.pk})
        rows = cursor.fetchall()
    return [chunk for chunk, _ in rows if chunk is not None], [known for chunk, known in rows if chunk is None]


def _is_by_these_rules(rag_id: int) -> bool:
    live = ProjectRAG.objects.filter(pk=rag_id).values_list("live_revision__search_rules", flat=True).first()
    return live == postings.fingerprint()


def _documents(chunks: "QuerySet[models.Chunk]") -> Iterator[tuple[int, list[str]]]:
    """Each chunk's id and terms."""
    rows = chunks.order_by("pk").values_list("pk", "file__path", "symbol", "text")
    for pk, path, symbol, text in rows.iterator(chunk_size=ROWS_A_FETCH):
        yield pk, lexical.document(path, symbol, text)


def _write(documents: Iterable[tuple[int, list[str]]], rows: IO[bytes]) -> int:
    """The postings of all documents, of very many in parts. Returns how many parts: rows that a term may have."""
    rows.write(packing.BEGIN)
    part, parts = postings.Postings(), 1
    for chunk, terms in documents:
        if part.size >= MOST_BYTES:
            rows.writelines(part.rows())
            part, parts = postings.Postings(), parts + 1
        part.add(chunk, terms)
    rows.writelines(part.rows())
    rows.write(packing.END)
    return parts


_MEMBERS = "SELECT file_id FROM rag_revisionfile WHERE revision_id = %(revision)s"
_DIFFERENCE = f"""
    SELECT chunk.id, known.chunk_id
    FROM (SELECT id FROM rag_chunk WHERE file_id IN ({_MEMBERS})) chunk
    FULL JOIN (SELECT chunk_id FROM rag_signature WHERE rag_id = %(rag)s) known ON known.chunk_id = chunk.id
    WHERE chunk.id IS NULL OR known.chunk_id IS NULL"""  # noqa: S608

_CAME = """
    CREATE TEMPORARY TABLE came (term text COLLATE "C", chunks bigint[], weights smallint[]) ON COMMIT DROP"""
_SIGN = (
    "INSERT INTO rag_signature (rag_id, chunk_id, bits) SELECT %(rag)s, id, binary_quantize(embedding) FROM rag_chunk"
)
_POST = """
    INSERT INTO rag_posting (rag_id, term, frequency, chunks, weights)
    SELECT %(rag)s, term, count(*), array_agg(chunk), array_agg(weight)"""
_ANEW = (
    f"{_SIGN} WHERE file_id IN ({_MEMBERS})",
    """INSERT INTO rag_posting (rag_id, term, frequency, chunks, weights)
       SELECT %(rag)s, term, cardinality(chunks), chunks, weights FROM came""",
)
_ANEW_IN_PARTS = (
    _ANEW[0],
    f"{_POST} FROM came, unnest(chunks, weights) AS posting (chunk, weight) GROUP BY term",
)
# Of the terms that are touched each row is written once, without what went and with what came; those that are left
# without a chunk go.
_MEND_POSTINGS = f"""
    WITH touched AS MATERIALIZED (
        SELECT unnest(%(lost)s::text[]) AS term UNION SELECT term FROM came
    ), posting AS (
        SELECT term, chunk, weight
        FROM rag_posting JOIN touched USING (term), unnest(chunks, weights) AS had (chunk, weight)
        WHERE rag_id = %(rag)s AND chunk <> ALL(%(gone)s::bigint[])
        UNION ALL
        SELECT term, chunk, weight FROM came, unnest(chunks, weights) AS has (chunk, weight)
    )
    {_POST} FROM posting GROUP BY term
    ON CONFLICT (rag_id, term) DO UPDATE
    SET frequency = excluded.frequency, chunks = excluded.chunks, weights = excluded.weights"""  # noqa: S608
_MEND = (
    "DELETE FROM rag_signature WHERE rag_id = %(rag)s AND chunk_id = ANY(%(gone)s::bigint[])",
    f"{_SIGN} WHERE id = ANY(%(came)s::bigint[])",
    _MEND_POSTINGS,
    """DELETE FROM rag_posting
       WHERE rag_id = %(rag)s AND term = ANY(%(lost)s::text[]) AND chunks <@ %(gone)s::bigint[]""",
)
