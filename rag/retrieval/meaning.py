"""A question → its vector, by the model that made the index: remembered, or paid for and made.

A model that is known to be down is not asked, as with answers: each question would wait until it gives up.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from rag import embeddings, models, providers, tokens
from rag.providers import clients
from rag.providers.breaker import ANSWERED, Breakers, Verdict
from rag.spending import calls, prices

TRIES = 2  # of an adapter, for a question

breakers = Breakers()


def vector(embedder: embeddings.Embedder, question: str, revision: models.Revision, purpose: str) -> embeddings.Vector:
    """`purpose`: of the call. Raises EmbeddingError, and budgets.Refused when nothing may be paid, or sent, for it."""
    remembered = embedder.remembered(question)
    if remembered is not None:
        return remembered
    with _let_through(embedder):
        is_here = providers.BY_NAME[embedder.provider].protocol == "here"
        if is_here and prices.of(embedder.provider, embedder.model).is_free:  # nothing is paid, and nothing leaves
            return embedder.embed_query(question)
        return _paid(embedder, question, revision, purpose)


@contextmanager
def _let_through(embedder: embeddings.Embedder) -> Iterator[None]:
    """The breaker learns what comes of it; a probe is short of patience, since there is a substitute."""
    breaker = breakers.of(embedder)
    ticket, verdict = breaker.enter(), None
    if ticket is None:
        raise embeddings.ProviderUnavailable("(It has failed lately, and is passed over for some seconds.)")
    try:
        with clients.deadline(ticket.patience(settings.RAG_TIMEOUT)):
            yield
        verdict = ANSWERED
    except embeddings.EmbeddingError as error:
        if not isinstance(error, embeddings.InputRefused):  # which says nothing of other questions
            verdict = Verdict(failed=True, lasting=error.permanent, retry_after=error.retry_after)
        raise
    finally:
        breaker.leave(ticket, verdict)


def _paid(embedder: embeddings.Embedder, question: str, revision: models.Revision, purpose: str) -> embeddings.Vector:
    about = calls.About(
        purpose=purpose, provider=embedder.provider, model=embedder.model, project_id=revision.rag.project_id
    )
    call = calls.begin(about, tokens_in=calls.most_tokens([question] * TRIES))
    used = calls.Used(tokens_in=tokens.count(question))
    try:
        made = embedder.embed_query(question)
    except embeddings.EmbeddingError as error:
        calls.end(call, used if calls.may_be_billed(error) else None, error_code=error.code)
        raise
    calls.end(call, used)
    return made
