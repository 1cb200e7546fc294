"""A question → the passages of one revision that answer it, best first, and how likely any does.

candidates   a few chunks of one project, near by meaning (planes) or by words, in one query
ranking      candidates → weighed by what they are and where they stand → passages, joined with their neighbours
confidence   how likely the best of them answer
substitute   a vector for a question that may not be embedded, made of passages that have its words
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from portfolio.models import ProjectRAG
from rag import embeddings, lexical, models, providers, tokens
from rag.retrieval import candidates, confidence, ranking, substitute
from rag.retrieval.passages import Passage
from rag.spending import budgets, calls, prices

logger = logging.getLogger(__name__)

TRIES = 2  # of an adapter, for a question

__all__ = ["Found", "NotIndexed", "Passage", "search"]


class NotIndexed(Exception):
    """The project has no index yet. Process it first: manage.py process_rag_async."""


class _Unpaid(Exception):
    """Nothing may be paid for the question's vector. `str` says who was to make it, and why not."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """`confidence`: how likely the repository answers the question, 0…1.

    `detour`: who was to embed the question and may not be paid, so that its words were searched, and why; or "".
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

    `purpose`: of the call that embeds it. Raises `embeddings.EmbeddingError` when the question cannot be embedded,
    `NotIndexed` when nothing is live.
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
    vector: Sequence[float] | None
    try:
        vector, detour = _vector(revision, question, purpose), ""
    except _Unpaid as unpaid:
        vector, detour = substitute.vector(revision, lexical.asked(question)), str(unpaid)
    if vector is None:
        return Found(revision=revision, passages=[], confidence=0.0, detour=detour)
    found = candidates.find(revision, vector, lexical.asked(question))
    passages = ranking.rank(found.passages, question, limit)
    likely = confidence.of(question, passages, found.words, revision.embedding_model)
    return Found(revision=revision, passages=passages, confidence=likely, detour=detour)


def _vector(revision: models.Revision, question: str, purpose: str) -> Sequence[float]:
    """The question's own. Raises _Unpaid."""
    made_by = revision.embedding_model, revision.embedding_provider, revision.dimensions
    embedder = embeddings.for_model(*made_by)
    is_here = providers.BY_NAME[embedder.provider].protocol == "here"
    if is_here and prices.of(embedder.provider, embedder.model).is_free:  # nothing is paid, and nothing leaves
        return embedder.embed_query(question)
    remembered = embedder.remembered(question)
    if remembered is not None:
        return remembered
    about = calls.About(
        purpose=purpose, provider=embedder.provider, model=embedder.model, project_id=revision.rag.project_id
    )  # fmt: skip
    try:
        call = calls.begin(about, tokens_in=calls.most_tokens([question] * TRIES))
    except budgets.Refused as refused:
        logger.info("A question is searched by its words only: %s", refused)
        raise _Unpaid(f"{embedder.provider} for the search: {refused.code}") from refused
    return _paid(call, embedder, question)


def _paid(call: calls.Call, embedder: embeddings.Embedder, question: str) -> embeddings.Vector:
    used = calls.Used(tokens_in=tokens.count(question))
    try:
        vector = embedder.embed_query(question)
    except embeddings.EmbeddingError as error:
        calls.end(call, used if calls.may_be_billed(error) else None, error_code=error.code)
        raise
    calls.end(call, used)
    return vector
