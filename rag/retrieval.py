"""A question → the passages of one revision that answer it, best first, and how likely any does."""

from dataclasses import dataclass

from portfolio.models import ProjectRAG
from rag import candidates, confidence, embeddings, lexical, models, ranking
from rag.passages import Passage

__all__ = ["Found", "NotIndexed", "Passage", "search"]


class NotIndexed(Exception):
    """The project has no index yet. Process it first: manage.py process_rag_async."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """`confidence`: how likely the repository answers the question, 0…1."""

    revision: models.Revision
    passages: list[Passage]
    confidence: float

    @property
    def confident(self) -> bool:
        """Whether the passages are worth an answer."""
        return self.confidence >= confidence.THRESHOLD


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
    made_by = revision.embedding_model, revision.embedding_provider, revision.dimensions
    vector = embeddings.for_model(*made_by).embed_query(question)
    found = candidates.find(revision, vector, lexical.asked(question))
    passages = ranking.rank(found.passages, question, limit)
    likely = confidence.of(question, passages, found.words, revision.embedding_model)
    return Found(revision=revision, passages=passages, confidence=likely)
