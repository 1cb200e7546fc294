"""A question → the passages of one revision that answer it, best first, and whether any does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from portfolio.models import ProjectRAG
from rag import embeddings, lexical, models, ranking
from rag.ranking import Passage

__all__ = ["Found", "NotIndexed", "Passage", "search"]

KEYWORDS = 0.12  # weight of the keyword score, which is scaled to its maximum
CANDIDATES = 200  # to rank from: the right file is often not among the first 50
# The similarity of the first passage below which nothing was found; each model spreads its similarities differently.
# Measured by benchmarks/confidence.py on 135 questions: it refuses 7 of the 15 that the code does not answer and 4 of
# the other 120. They overlap, so it is kept low: a model that reads the passages can still say that they do not answer.
# The one for OpenAI's model is a guess on the careful side.
CONFIDENT = {"all-MiniLM-L6-v2": 0.25, "text-embedding-3-small": 0.2}

# Exact over the project's chunks: an approximate index with a project filter loses rows. The b-tree on rag_id
# narrows the scan; the join leaves the files of one revision. Materialized: inlined, both scores are computed twice.
_SQL = """
WITH scored AS MATERIALIZED (
    SELECT chunk.id,
           1 - (chunk.embedding <=> %(vector)s::halfvec) AS similarity,
           ts_rank(chunk.terms, to_tsquery('simple', %(terms)s)) AS keyword
    FROM rag_chunk chunk
    JOIN rag_revisionfile member ON member.file_id = chunk.file_id AND member.revision_id = %(revision)s
    WHERE chunk.rag_id = %(rag)s
), ranked AS (
    SELECT id, similarity, similarity + %(weight)s * coalesce(keyword / nullif(max(keyword) OVER (), 0), 0) AS score
    FROM scored
    ORDER BY score DESC, id
    LIMIT %(candidates)s
)
SELECT file.path, file.language, file.kind, chunk.symbol, chunk.start_line, chunk.end_line, chunk.text,
       ranked.score, ranked.similarity, chunk.ordinal
FROM ranked
JOIN rag_chunk chunk ON chunk.id = ranked.id
JOIN rag_sourcefile file ON file.id = chunk.file_id
ORDER BY ranked.score DESC, chunk.id
"""


class NotIndexed(Exception):
    """The project has no index yet. Process it first: manage.py process_rag_async."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """`confident`: whether the first passage is near enough to the question to be worth an answer."""

    revision: models.Revision
    passages: list[Passage]
    confident: bool


def search(revision: models.Revision, question: str, limit: int = 8) -> Found:
    """The passages of `revision`, or of the live one when `revision` went while we asked.

    Raises `embeddings.EmbeddingError` when the question cannot be embedded, `NotIndexed` when nothing is live.
    """
    found = _search(revision, question, limit)
    if found.passages:
        return found
    live = models.Revision.objects.filter(
        pk__in=ProjectRAG.objects.filter(pk=revision.rag_id).values("live_revision")
    ).first()
    if live is None:
        raise NotIndexed
    return found if live == revision else _search(live, question, limit)


def _search(revision: models.Revision, question: str, limit: int) -> Found:
    vector = embeddings.for_model(revision.embedding_model).embed_query(question)
    candidates = _candidates(revision, vector, lexical.query(question))
    passages = ranking.rank(candidates, question, limit)
    return Found(revision=revision, passages=passages, confident=_is_confident(revision, passages, question))


def _is_confident(revision: models.Revision, passages: Sequence[Passage], question: str) -> bool:
    if not passages:
        return False
    is_introduction = passages[0].kind == "readme" and ranking.is_overview(question)
    return is_introduction or passages[0].similarity >= CONFIDENT.get(revision.embedding_model, -1.0)


def _candidates(revision: models.Revision, vector: Sequence[float], terms: str) -> list[Passage]:
    parameters: dict[str, str | int | float] = {
        "vector": "[" + ",".join(map(repr, vector)) + "]",
        "terms": terms,
        "revision": revision.pk,
        "rag": revision.rag_id,
        "weight": KEYWORDS,
        "candidates": CANDIDATES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, parameters)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [_passage(row, revision.commit_sha) for row in rows]


def _passage(row: dict[str, Any], commit: str) -> Passage:
    ordinal = row.pop("ordinal")
    return Passage(commit=commit, chunks=(ordinal, ordinal), **row)
