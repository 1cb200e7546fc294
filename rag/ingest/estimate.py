"""What processing a project would send, cost and take, found out without paying anything."""

import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models.functions import Now

from portfolio.models import ProjectRAG
from rag import embeddings, models, sources
from rag.ingest import index, plan, vectors
from rag.spending import prices

SECONDS_A_CALL = 1.0  # of a provider, besides the delay
RECENT = timedelta(days=90)  # calls whose speed says how fast the next are


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the next run would do, as a sentence. `possible` is False when the sentence says what hinders it."""

    possible: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Pace:
    """`batch_size` and `delay` are those of `vectors.Filling`."""

    batch_size: int | None = None
    delay: vectors.Delay | None = None


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Texts that are not embedded yet, an upper estimate of their tokens, and what they cost and take.

    `minutes` is None where nothing is known of the model's speed, and where `is_auto`: the provider's limits say it,
    and only its answers tell them.
    """

    model: str
    provider: str
    texts: int
    tokens: int
    price: prices.Price
    minutes: float | None
    is_auto: bool = False

    @property
    def cost(self) -> Decimal:
        """US dollars, at most."""
        return self.price.cost(self.tokens)

    @property
    def sentence(self) -> str:
        cost = prices.shown(self.cost, is_known=self.price.is_known)
        took = ", as fast as the provider allows" if self.is_auto else ""
        if self.minutes is not None:
            took = f", {duration(self.minutes)}"
        where = "" if self.provider in self.model else f" by {self.provider}"
        texts = f"{self.texts:,} texts to embed with {self.model}{where}"
        return f"{texts}, at most {self.tokens:,} tokens and {cost}{took}."


def of(rag: ProjectRAG, pace: Pace | None = None) -> Estimate:
    """Files, chunks, tokens, price and minutes of the next run."""
    try:
        embedder = embeddings.configured()
        made = _plan(rag, plan.pipeline(embedder))
        sentence = (
            f"{made.files_seen - made.files_skipped:,} of {made.files_seen:,} files, {made.chunk_count:,} chunks; "
            f"{bill(made, embedder, pace).sentence}"
        )
    except (sources.SourceError, embeddings.EmbeddingError) as error:
        return Estimate(possible=False, sentence=str(error))
    return Estimate(possible=True, sentence=sentence)


def bill(made: plan.Plan, embedder: embeddings.Embedder, pace: Pace | None = None) -> Bill:
    """What embedding the plan would cost."""
    unpaid, pace = _unpaid(made, embedder), pace or Pace()
    return Bill(
        model=embedder.model,
        provider=embedder.provider,
        texts=len(unpaid),
        tokens=sum(size // vectors.BYTES_PER_TOKEN + 1 for size in unpaid.values()),
        price=prices.of(embedder.provider, embedder.model),
        minutes=_minutes(len(unpaid), embedder, pace),
        is_auto=vectors.spacing(embedder, pace.delay) == vectors.AUTO,
    )


def record(rag: ProjectRAG, made: Estimate) -> None:
    """Keep it for the admin, in the place of the one before."""
    facts = {"made_at": Now(), "sentence": made.sentence, "requested_at": None}
    models.Estimate.objects.update_or_create(rag=rag, defaults=facts)


def request(rag: ProjectRAG) -> None:
    """Somebody wants to know; the next process_rag_async finds out, before it processes anything."""
    models.Estimate.objects.update_or_create(rag=rag, defaults={"requested_at": Now()})


def requested() -> list[ProjectRAG]:
    """Whose estimate is asked for."""
    waiting = ProjectRAG.objects.with_repository().filter(estimate__requested_at__isnull=False)
    return list(waiting.order_by("estimate__requested_at"))


def duration(minutes: float) -> str:
    """In the words of a person: less than a minute, about 3 minutes, about 2.5 hours."""
    if minutes < 1:
        return "less than a minute"
    return f"about {math.ceil(minutes)} minutes" if minutes < 100 else f"about {minutes / 60:.1f} hours"


def _minutes(texts: int, embedder: embeddings.Embedder, pace: Pace) -> float | None:
    count = math.ceil(texts / min(pace.batch_size or settings.RAG_BATCH_SIZE, embedder.max_batch))
    seconds, delay = _seconds_a_call(embedder), vectors.spacing(embedder, pace.delay)
    if seconds is None or delay == vectors.AUTO:
        return None if texts else 0.0
    return count * (seconds + delay) / 60


def _seconds_a_call(embedder: embeddings.Embedder) -> float | None:
    """As its last calls took; without any, a usual figure of a provider, and nothing of this computer."""
    recent = models.Call.objects.filter(
        purpose=models.Call.Purpose.INDEX, provider=embedder.provider, model=embedder.model, error_code="",
        at__gt=Now() - RECENT,
    )  # fmt: skip
    last = sorted(recent.order_by("-at").values_list("latency_ms", flat=True)[:100])
    if last:
        return last[len(last) // 2] / 1000
    return SECONDS_A_CALL if embedder.waits else None


def _plan(rag: ProjectRAG, pipeline: str) -> plan.Plan:
    with sources.fetch(rag.project.repository_url, rag.project.ref) as clone:
        listing = plan.listing(clone, pipeline, {})
        known = index.known_files(rag, listing.rules, with_notes=True)
        return plan.make(clone, listing, known, lambda done, total: None)


def _unpaid(made: plan.Plan, embedder: embeddings.Embedder) -> dict[bytes, int]:
    """The texts that have no vector yet: hash → bytes."""
    sizes = {chunk.sha256: chunk.size for file in made.new for chunk in file.chunks}
    known = index.known_texts(embedder.model, embedder.dimensions, list(sizes))
    return {sha: size for sha, size in sizes.items() if sha not in known}
