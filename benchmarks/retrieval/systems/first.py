"""Docent's own first version: its chunks by plain cosine, a file where its best chunk is."""

from typing import Any

from benchmarks.retrieval.systems import DEEP, Corpus, Hit
from benchmarks.retrieval.systems import docent as today  # sets Django up
from benchmarks.retrieval.vectors import Vectors

from django.db import connection  # isort: skip

_SQL = """
SELECT file.path, chunk.start_line, chunk.end_line, chunk.text, 1 - (chunk.embedding <=> %s::halfvec) AS similarity
FROM rag_chunk chunk
JOIN rag_revisionfile member ON member.file_id = chunk.file_id AND member.revision_id = %s
JOIN rag_sourcefile file ON file.id = chunk.file_id
ORDER BY similarity DESC, chunk.id LIMIT %s
"""


class First:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        self._vectors = vectors

    def index(self, corpus: Corpus) -> int:
        """The index is today's."""
        return 0

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        revision, vector = today.live(corpus), self._vectors.question(question)
        text = "[" + ",".join(map(repr, vector)) + "]"
        with connection.cursor() as cursor:
            cursor.execute(_SQL, [text, revision.pk, limit])
            return [Hit(path=row[0], start=row[1], end=row[2], text=row[3], score=row[4]) for row in cursor.fetchall()]

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        return self.search(corpus, question, DEEP)

    def confidence(self, corpus: str, question: str) -> float:
        return self.search(corpus, question, 1)[0].score


make = First
