"""A question → the passages of one revision that answer it, best first, and how likely any does.

candidates   a few chunks of one project, near by meaning (planes) or by words, in one query
ranking      candidates → weighed by what they are and where they stand → passages, joined with their neighbours
confidence   how likely the best of them answer
meaning      a question → its vector, by the index's model
substitute   a vector for a question that cannot or may not be embedded, made of passages that have its words
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from portfolio.models import ProjectRAG
from rag import embeddings, lexical, models
from rag.retrieval import candidates, confidence, meaning, ranking, substitute
from rag.retrieval.passages import Passage
from rag.spending import budgets

logger = logging.getLogger(__name__)

__all__ = ["Found", "NotIndexed", "Passage", "search"]


class NotIndexed(Exception):
    """The project has no index yet. Process it first: manage.py process_rag_async."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """`confidence`: how likely the repository answers the question, 0…1.

    `detour`: who was to embed the question and could not, so that its words were searched, and why; or "".
    """

    revision: models.Revision
    passages: list[Passage]
    confidence: float
    detour: str = ""

    @property
    def confident(self) -> bool:
        """Whether the passages are worth an answer."""
        return self.confidence >= confidence.THRESHOLD


def search(
    revision: models.Revision, question: str, limit: int = 8, *, purpose: str = models.Call.Purpose.QUESTION
) -> Found:
    """The passages of `revision`, or of the live one when `revision` went while we asked.

    `purpose`: of the call that embeds it. Raises `embeddings.EmbeddingError` when the question cannot be embedded and
    its words find no answer, `NotIndexed` when nothing is live.
    """
    found = _search(revision, question, limit, purpose)
    if found.passages:
        return found
    live = models.Revision.objects.filter(
        pk__in=ProjectRAG.objects.filter(pk=revision.rag_id).values("live_revision")
    ).first()
    if live is None:
        raise NotIndexed
    return found if live == revision else _search(live, question, limit, purpose)


def _search(revision: models.Revision, question: str, limit: int, purpose: str) -> Found:
    embedder = embeddings.for_model(revision.embedding_model, revision.embedding_provider, revision.dimensions)
    try:
        vector = meaning.vector(embedder, question, revision, purpose)
    except (budgets.Refused, embeddings.EmbeddingError) as error:
        found = _by_words(revision, question, limit)
        if isinstance(error, embeddings.EmbeddingError) and not found.confident:
            raise  # it may be there all the same
        logger.warning("A question is searched by its words only: %s", error)
        return replace(found, detour=f"{embedder.provider} for the search: {error.code}")
    return _near(revision, question, vector, limit, model=revision.embedding_model)


def _by_words(revision: models.Revision, question: str, limit: int) -> Found:
    """What is near to a substitute, which not every question has."""
    vector = substitute.vector(revision, lexical.asked(question))
    if vector is None:
        return Found(revision=revision, passages=[], confidence=0.0)
    # Its similarity says nothing: it was made of passages that have the words.
    return _near(revision, question, vector, limit, model="")


def _near(revision: models.Revision, question: str, vector: Sequence[float], limit: int, *, model: str) -> Found:
    """`model`: that made the vector, "" when none did."""
    found = candidates.find(revision, vector, lexical.asked(question))
    passages = ranking.rank(found.passages, question, limit)
    likely = confidence.of(question, passages, found.words, model)
    return Found(revision=revision, passages=passages, confidence=likely)
