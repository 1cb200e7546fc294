"""One tiny call to each model in use: whether it can be reached, takes the key, exists, and what it gives and costs."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portfolio.models import ProjectRAG
from rag import answers, embeddings, llm, models, prompts, providers
from rag.llm import errors, families, pump
from rag.providers import choices
from rag.spending import budgets, calls, prices

QUESTION = "Reply with OK."
TOKENS = 16


@dataclass(kw_only=True)
class Probe:
    """What was found out of one model. `problem`: a sentence with the remedy, "" when all is well. Prices are USD for
    a million tokens, None where they are not known."""

    purpose: str
    provider: str
    model: str = ""
    problem: str = ""
    code: str = ""
    seconds: float = 0.0
    dimensions: int | None = None
    price_in: Decimal | None = None
    price_out: Decimal | None = None


def all_in_use() -> Iterator[Probe]:
    """Of the chosen models, and of those that made live indexes, which their questions need."""
    yield from _who_answer()
    chosen = Probe(purpose="embeddings", provider=providers.chosen_embedding())
    yield _made(partial(_embed, embeddings.configured), chosen)
    for model, provider, dimensions in _makers():
        if model != chosen.model or dimensions != (chosen.dimensions or dimensions):
            find = partial(_embed, partial(embeddings.for_model, model, provider, dimensions))
            yield _made(find, Probe(purpose="questions to a live index", provider=provider, model=model))


def _who_answer() -> Iterator[Probe]:
    try:
        uses = list(choices.in_use())
    except ValueError as error:
        yield Probe(purpose="answers", provider="", problem=str(error), code="settings")
        return
    for use in uses:
        if use.name != choices.LAST_RESORT or not use.role:  # which would say nothing as a fallback
            yield _made(_ask, Probe(purpose=f"answers ({use.role})" if use.role else "answers", provider=use.name))


def _makers() -> list[tuple[str, str, int]]:
    live = ProjectRAG.objects.exclude(live_revision=None).values_list(
        "live_revision__embedding_model", "live_revision__embedding_provider", "live_revision__dimensions"
    )
    return sorted(set(live))


def _made(find: Callable[[Probe], None], probe: Probe) -> Probe:
    try:
        find(probe)
    except (errors.ChatError, embeddings.EmbeddingError) as error:
        probe.problem, probe.code = str(error), error.code
    except budgets.Refused as error:
        probe.problem, probe.code = str(error), error.code
    except ImproperlyConfigured as error:
        probe.problem, probe.code = str(error), "settings"
    return probe


def _ask(probe: Probe) -> None:
    model = llm.named(probe.provider)
    probe.model, price = model.model, prices.known(model.provider, model.model)
    if price:
        probe.price_in, probe.price_out = price.tokens_in, price.tokens_out
    message = prompts.ChatMessage(role="user", content=QUESTION)
    stream = model.stream(prompts.Prompt(question=QUESTION, messages=(message,), passages=()), max_tokens=TOKENS)
    # It may write more than that, which is well.
    most_out = TOKENS + families.REASONING_TOKENS
    # With the patience that a visitor has: what trickles would never be silent, and never end.
    pieces = pump.pump(stream, beat=answers.BEAT, first=settings.RAG_TIMEOUT, limit=answers.LIMIT)
    with contextlib.closing(pieces), contextlib.suppress(errors.ChatTooLong), _paid(model, most_out), _timed(probe):
        for _piece in pieces:
            pass


def _embed(get: Callable[[], embeddings.Embedder], probe: Probe) -> None:
    embedder = get()
    price = prices.known(embedder.provider, embedder.model)
    probe.model, probe.price_in = embedder.model, price.tokens_in if price else None
    with _paid(embedder), _timed(probe):
        probe.dimensions = len(embedder.embed_query(QUESTION))


@contextlib.contextmanager
def _paid(model: llm.ChatModel | embeddings.Embedder, most_out: int = 0) -> Iterator[None]:
    """Raises budgets.Refused. What it used is not told for all of them, and is charged at its most."""
    about = calls.About(purpose=models.Call.Purpose.CHECK, provider=model.provider, model=model.model)
    used: calls.Used | None = calls.Used(tokens_in=calls.most_tokens([QUESTION]), tokens_out=most_out)
    call, code = calls.begin(about, tokens_in=calls.most_tokens([QUESTION]), tokens_out=most_out), ""
    try:
        yield
    except (errors.ChatError, embeddings.EmbeddingError) as error:
        used, code = None if error.permanent else used, error.code
        raise
    finally:
        calls.end(call, used, error_code=code)


@contextlib.contextmanager
def _timed(probe: Probe) -> Iterator[None]:
    """The call alone: the first one in a process also loads the SDK, which takes seconds."""
    started = time.monotonic()
    try:
        yield
    finally:
        probe.seconds = round(time.monotonic() - started, 3)
