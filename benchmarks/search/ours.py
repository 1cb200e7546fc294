"""Docent's table with a hundred projects in it, and searches of some of them."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from benchmarks.search import clock
from benchmarks.search.texts import Array, Text, Vectors
from portfolio.models import Project
from rag import embeddings, lexical, models, retrieval, search_index
from rag.retrieval import candidates
from rag.search_index import postings

MEASURED = ((10_000, 384), (10_000, 1_536), (100_000, 384))  # chunks, dimensions
PROJECTS = 100
TOP = 10
EXACT = """
WITH word AS MATERIALIZED (
    SELECT *, ln(1 + (%(count)s - frequency + 0.5) / (frequency + 0.5))::float8 AS idf FROM rag_posting
    WHERE rag_id = %(rag)s AND term = ANY(%(terms)s)
), question AS MATERIALIZED (
    SELECT coalesce(sum(idf), 0) + (%(asked)s - count(*)) * ln(1 + (%(count)s + 0.5) / 0.5)::float8 AS idf FROM word
), worded AS MATERIALIZED (
    SELECT chunk_id, sum(weight * idf) AS keyword
    FROM word, unnest(chunks, weights) AS posting (chunk_id, weight) WHERE frequency <= %(common)s GROUP BY chunk_id
)
SELECT file.path, chunk.ordinal
FROM rag_chunk chunk
JOIN rag_sourcefile file ON file.id = chunk.file_id AND file.rag_id = %(rag)s
LEFT JOIN worded ON worded.chunk_id = chunk.id
ORDER BY 1 - (chunk.embedding <=> %(vector)s::halfvec)
         + %(weight)s * coalesce(keyword / ((SELECT idf FROM question) * %(scale)s), 0) DESC, chunk.id
LIMIT 10"""
Place = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question about a project. `vector` and `terms` are made of it."""

    revision: models.Revision
    text: str
    vector: list[float]
    terms: list[str]


def fill(texts: Sequence[Text], vectors: Vectors) -> list[models.Revision]:
    """The projects that are measured, among others of mixed size."""
    draw = random.Random(3)
    sizes = [(int(min(5_000, max(20, draw.lognormvariate(5.8, 1.1)))), 384) for _ in range(PROJECTS - len(MEASURED))]
    made = {}
    for number, (size, dimensions) in enumerate(sorted([*sizes, *MEASURED], key=lambda _: draw.random())):
        start = draw.randrange(0, len(texts) - size + 1)
        revision = _project(f"Project {number}", texts[start : start + size], vectors.draw(size, dimensions))
        made[size, dimensions] = revision
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return [made[each] for each in MEASURED]


def ask(revision: models.Revision, vectors: Vectors, questions: Sequence[str]) -> list[Asked]:
    return [
        Asked(revision=revision, text=text, vector=vector.tolist(), terms=lexical.asked(text))
        for text, vector in zip(questions, vectors.questions(revision.dimensions), strict=True)
    ]


def times(asked: Sequence[Asked]) -> dict[str, dict[str, list[float]]]:
    """Of finding candidates, and of the whole search, which ranks and joins them."""

    def backend() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return [cursor.fetchone()[0]]

    return {"candidates": clock.measure(_find, asked, backend), "whole": clock.measure(_search, asked, backend)}


def recall(asked: Sequence[Asked]) -> float:
    """The share of the ten that comparing everything ranks first that are among our first ten."""
    shares = []
    for each in asked:
        exact = set(_exact(each))
        found = _find(each).passages[:TOP]
        shares.append(len(exact & {(passage.path, passage.chunks[0]) for passage in found}) / len(exact))
    return sum(shares) / len(shares)


def rows(revision: models.Revision) -> Iterator[tuple[str, str]]:
    """Text and vector of each of its chunks, for the peers."""
    with transaction.atomic(), connection.connection.cursor("rows") as cursor:
        cursor.execute(
            "SELECT text, embedding::text FROM rag_chunk JOIN rag_revisionfile USING (file_id) WHERE revision_id = %s",
            [revision.pk],
        )
        yield from cursor


def size() -> tuple[int, int]:
    return models.Chunk.objects.count(), Project.objects.count()


def _find(asked: Asked) -> candidates.Candidates:
    return candidates.find(asked.revision, asked.vector, asked.terms)


def _search(asked: Asked) -> retrieval.Found:
    with patch.object(embeddings, "for_model", lambda *made_by: _Known(asked.vector)):
        return retrieval.search(asked.revision, asked.text)


class _Known:
    """An embedder that has embedded the question."""

    provider, model = "local", embeddings.LOCAL_MODEL

    def __init__(self, vector: list[float]) -> None:
        self.embed_query = lambda text: vector


def _exact(asked: Asked) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(EXACT, candidates.parameters(asked.revision, asked.vector, asked.terms))
        return list(cursor.fetchall())


def _project(title: str, texts: Sequence[Text], vectors: Array) -> models.Revision:
    project = Project.objects.create(title=title)
    revision = models.Revision.objects.create(
        rag=project.rag, commit_sha="0" * 40, embedding_model=embeddings.LOCAL_MODEL, dimensions=vectors.shape[1],
        pipeline="benchmark", chunk_count=len(texts), search_rules=postings.fingerprint(),
    )  # fmt: skip
    with transaction.atomic():
        _copy(_files(revision, texts), texts, vectors)
        with search_index.prepared(revision) as change:
            search_index.write(change)
        type(project.rag).objects.filter(pk=project.rag.pk).update(live_revision=revision)
    return revision


def _files(revision: models.Revision, texts: Sequence[Text]) -> dict[str, int]:
    made = models.SourceFile.objects.bulk_create([
        models.SourceFile(
            rag_id=revision.rag_id, path=path, blob_sha="0", pipeline="benchmark", size=1, language="python",
            embedding_model=revision.embedding_model,
        )
        for path in dict.fromkeys(text.path for text in texts)
    ])  # fmt: skip
    models.RevisionFile.objects.bulk_create([models.RevisionFile(revision=revision, file=file) for file in made])
    return {file.path: file.pk for file in made}


def _copy(files: dict[str, int], texts: Sequence[Text], vectors: Array) -> None:
    statement = "COPY rag_chunk (file_id, ordinal, start_line, end_line, symbol, text, sha256, embedding) FROM STDIN"
    counts: dict[str, int] = {}
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for text, vector in zip(texts, vectors, strict=True):
            counts[text.path] = ordinal = counts.get(text.path, -1) + 1
            copy.write_row(_row(files[text.path], ordinal, text, vector))


def _row(file: int, ordinal: int, text: Text, vector: Array) -> tuple[Any, ...]:
    sha = hashlib.sha256(text.text.encode()).digest()
    packed = "[" + ",".join(map("%.5f".__mod__, vector.tolist())) + "]"
    return file, ordinal, text.start_line, text.end_line, text.symbol, text.text, sha, packed
