"""A vector for a question that may not be embedded: that of the passages which have its words.

With it the search goes on as usual, and finds what is near to them in meaning too.
"""

from collections.abc import Sequence

from django.db import connection

from rag import models

PASSAGES = 3


def vector(revision: models.Revision, terms: Sequence[str]) -> list[float] | None:
    """The mean of the vectors of the PASSAGES best passages by their words; None when no passage has any of them."""
    with connection.cursor() as cursor:
        parameters: dict[str, int | list[str]] = {
            "rag": revision.rag_id,
            "terms": list(terms),
            "count": revision.chunk_count,
            "limit": PASSAGES,
        }
        cursor.execute(_MEAN, parameters)
        mean: list[float] | None = cursor.fetchone()[0]
    return mean if mean and any(mean) else None


_MEAN = """
WITH best AS (
    SELECT chunk_id
    FROM rag_posting posting, unnest(chunks, weights) AS place (chunk_id, weight)
    WHERE rag_id = %(rag)s AND term = ANY(%(terms)s::text[])
    GROUP BY chunk_id
    ORDER BY sum(weight * ln(1 + (greatest(%(count)s, frequency) - frequency + 0.5) / (frequency + 0.5))) DESC, chunk_id
    LIMIT %(limit)s
)
SELECT avg(chunk.embedding)::real[] FROM best JOIN rag_chunk chunk ON chunk.id = best.chunk_id"""
