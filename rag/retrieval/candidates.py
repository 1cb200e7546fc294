"""A question's vector and terms → the chunks of the live revision that may answer it, by meaning and by words.

Three steps in one statement, and so in one snapshot. The signatures of all the project's chunks give those near the
question, the postings those that have its words. Of these, a thousand or so, the vectors are read and compared exactly.
Nothing is approximate by project: no chunk of another is ever looked at, and up to NEAREST chunks all are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from rag import models
from rag.retrieval import planes
from rag.retrieval.passages import Passage
from rag.search_index import postings

# Weight of the keyword score, which is scaled by what all the question's terms say: 1 is about a chunk that has each of
# them once, and a question whose words the project does not have is left to its meaning.
KEYWORDS = 0.15
CANDIDATES = 300  # to rank from: the right file is often not among the first 50, and they feed its neighbours
NEAREST = 1_000  # by signature, to compare exactly, and one more for each hundred chunks
WORDED = 200  # by their words, beside those
PLANES = 4  # see benchmarks/SEARCH.md
COMMON = 0.1  # of the chunks: a term that more of them have tells them apart too little for what it costs
NEVER_COMMON, ALWAYS_COMMON = 200, 5_000  # chunks: so few cost nothing, more than so many cost too much in any project


@dataclass(frozen=True, kw_only=True)
class Words:
    """How the question's words stand in the project.

    `frequencies`: each term → how many of the `chunk_count` chunks have it; 0 when none has. `scores`: BM25 of each
    candidate, best candidate first, not scaled.
    """

    chunk_count: int
    frequencies: Mapping[str, int]
    scores: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """At most CANDIDATES passages, best first, and what is known of the question's words."""

    passages: list[Passage]
    words: Words


def find(revision: models.Revision, vector: Sequence[float], terms: Sequence[str]) -> Candidates:
    """None when `revision` is not the live one any more, or has no chunks."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, parameters(revision, vector, terms))
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    known: dict[str, int] = rows[0]["frequencies"] or {} if rows else {}
    words = Words(
        chunk_count=revision.chunk_count,
        frequencies={term: known.get(term, 0) for term in terms},
        scores=[row["keyword"] for row in rows],
    )
    return Candidates(passages=[_passage(row, revision.commit_sha) for row in rows], words=words)


def parameters(revision: models.Revision, vector: Sequence[float], terms: Sequence[str]) -> dict[str, Any]:
    """What SQL is given."""
    made = enumerate(planes.of(vector, PLANES), start=1)
    bits = {f"{name}{n}": value for n, plane in made for name, value in (("p", plane.bits), ("w", plane.weight))}
    return bits | {
        "rag": revision.rag_id,
        "revision": revision.pk,
        "vector": "[" + ",".join(map(repr, vector)) + "]",
        "terms": list(terms),
        "asked": len(terms),
        "count": revision.chunk_count,
        "common": min(max(int(revision.chunk_count * COMMON), NEVER_COMMON), ALWAYS_COMMON),
        "near": NEAREST + revision.chunk_count // 100,
        "worded": WORDED,
        "weight": KEYWORDS,
        "scale": postings.SCALE,
        "candidates": CANDIDATES,
    }


def _passage(row: dict[str, Any], commit: str) -> Passage:
    return Passage(
        path=row["path"], language=row["language"], kind=row["kind"], symbol=row["symbol"], text=row["text"],
        start_line=row["start_line"], end_line=row["end_line"], score=row["score"], similarity=row["similarity"],
        commit=commit, chunks=(row["ordinal"], row["ordinal"]),
    )  # fmt: skip


_DISTANCE = " + ".join(f"%(w{n})s * (bits <~> %(p{n})s::bit varying)" for n in range(1, PLANES + 1))
# Parameters are cast, never given to a function: in a prepared statement that would be called for each row. What is
# used twice is materialized: inlined, it is computed twice. Chunks are read by LATERAL … LIMIT 1, which leaves the
# planner no choice but the primary key: by a wrong guess it would read the whole table. `live` is the guard: there is a
# search index of the live revision only, and when that is not the one asked for, nothing is found.
SQL = f"""
WITH live AS MATERIALIZED (
    SELECT FROM portfolio_projectrag WHERE id = %(rag)s AND live_revision_id = %(revision)s
), word AS MATERIALIZED (
    SELECT term, frequency, chunks, weights,
           ln(1 + (%(count)s - frequency + 0.5) / (frequency + 0.5))::float8 AS idf
    FROM rag_posting
    WHERE rag_id = %(rag)s AND term = ANY(%(terms)s::text[]) AND EXISTS (SELECT FROM live)
), question AS MATERIALIZED (
    SELECT coalesce(sum(idf), 0) + (%(asked)s - count(*)) * ln(1 + (%(count)s + 0.5) / 0.5)::float8 AS idf
    FROM word
), near AS (
    SELECT chunk_id FROM rag_signature WHERE rag_id = %(rag)s AND EXISTS (SELECT FROM live)
    ORDER BY {_DISTANCE}, chunk_id
    LIMIT %(near)s
), scored AS (
    SELECT chunk_id, sum(keyword) AS keyword, bool_or(is_near) AS is_near
    FROM (
        SELECT chunk_id, weight * idf AS keyword, false AS is_near
        FROM word, unnest(chunks, weights) AS posting (chunk_id, weight)
        WHERE frequency <= %(common)s
        UNION ALL
        SELECT chunk_id, 0, true FROM near
    ) leg
    GROUP BY chunk_id
), candidate AS (
    SELECT chunk_id, keyword FROM scored
    ORDER BY is_near DESC, keyword DESC, chunk_id
    LIMIT %(near)s + %(worded)s
), measured AS MATERIALIZED (
    SELECT chunk_id, 1 - (chunk.embedding <=> %(vector)s::halfvec) AS similarity, keyword
    FROM (SELECT * FROM candidate ORDER BY chunk_id) candidate,
    LATERAL (SELECT embedding FROM rag_chunk WHERE id = chunk_id LIMIT 1) chunk
), ranked AS (
    SELECT chunk_id, similarity, keyword,
           similarity + %(weight)s * coalesce(keyword / nullif(question.idf * %(scale)s, 0), 0) AS score
    FROM measured, question ORDER BY score DESC, chunk_id LIMIT %(candidates)s
)
SELECT path, language, kind, symbol, start_line, end_line, text, ordinal, score, similarity, keyword,
       CASE WHEN row_number() OVER (ORDER BY score DESC, chunk_id) = 1
            THEN (SELECT json_object_agg(term, frequency) FROM word) END AS frequencies
FROM ranked,
LATERAL (SELECT file_id, symbol, start_line, end_line, text, ordinal FROM rag_chunk WHERE id = chunk_id LIMIT 1) chunk,
LATERAL (SELECT path, language, kind FROM rag_sourcefile WHERE id = file_id LIMIT 1) file
ORDER BY score DESC, chunk_id
"""  # noqa: S608 — made of numbers of this module
