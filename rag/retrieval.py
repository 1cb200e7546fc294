"""A question → the passages of one revision that answer it, best first, and whether any does."""

from collections.abc import Sequence
from dataclasses import dataclass

from portfolio.models import ProjectRAG
from rag import candidates, embeddings, lexical, models, ranking
from rag.ranking import Passage

__all__ = ["Found", "NotIndexed", "Passage", "search"]

# The similarity of the first passage below which nothing was found; each model spreads its similarities differently.
# Measured by benchmarks/confidence.py on 135 questions: it refuses 7 of the 15 that the code does not answer and 4 of
# the other 120. They overlap, so it is kept low: a model that reads the passages can still say that they do not answer.
# The one for OpenAI's model is a guess on the careful side.
CONFIDENT = {"all-MiniLM-L6-v2": 0.25, "text-embedding-3-small": 0.2}


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
    found = candidates.find(revision, vector, lexical.asked(question))
    passages = ranking.rank(found.passages, question, limit)
    return Found(revision=revision, passages=passages, confident=_is_confident(revision, passages, question))


def _is_confident(revision: models.Revision, passages: Sequence[Passage], question: str) -> bool:
    if not passages:
        return False
    is_introduction = passages[0].kind == "readme" and ranking.is_overview(question)
    return is_introduction or passages[0].similarity >= CONFIDENT.get(revision.embedding_model, -1.0)
