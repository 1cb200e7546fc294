"""What processing a project would send and cost, found out without paying anything."""

from dataclasses import dataclass
from decimal import Decimal

from portfolio.models import ProjectRAG
from rag import embeddings, index, plan, sources, vectors


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the next run would do, as a sentence. `possible` is False when the sentence says what hinders it."""

    possible: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Texts that are not embedded yet, and an upper estimate of their tokens. `price`: USD, None when not known."""

    model: str
    provider: str
    texts: int
    tokens: int
    price: Decimal | None

    @property
    def sentence(self) -> str:
        price = "a price that is not known here" if self.price is None else f"${self.price:.4f}"
        where = "" if self.provider in self.model else f" by {self.provider}"
        return f"{self.texts:,} texts to embed with {self.model}{where}, at most {self.tokens:,} tokens and {price}."


def of(rag: ProjectRAG) -> Estimate:
    """Files, chunks, tokens and price of the next run."""
    try:
        embedder = embeddings.configured()
        made = _plan(rag, plan.pipeline(embedder))
        sentence = (
            f"{made.files_seen - made.files_skipped:,} of {made.files_seen:,} files, {made.chunk_count:,} chunks; "
            f"{bill(made, embedder).sentence} Nothing was written or paid."
        )
    except (sources.SourceError, embeddings.EmbeddingError) as error:
        return Estimate(possible=False, sentence=str(error))
    return Estimate(possible=True, sentence=sentence)


def bill(made: plan.Plan, embedder: embeddings.Embedder) -> Bill:
    """What embedding the plan would cost."""
    unpaid = _unpaid(made, embedder)
    tokens = sum(size // vectors.BYTES_PER_TOKEN + 1 for size in unpaid.values())
    each = embeddings.price(embedder)
    price = None if each is None else tokens * each / Decimal(1_000_000)
    return Bill(model=embedder.model, provider=embedder.provider, texts=len(unpaid), tokens=tokens, price=price)


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
