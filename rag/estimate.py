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


def of(rag: ProjectRAG) -> Estimate:
    """Files, chunks, tokens and price of the next run."""
    try:
        embedder = embeddings.configured()
        made = _plan(rag, plan.pipeline(embedder))
    except (sources.SourceError, embeddings.EmbeddingError) as error:
        return Estimate(possible=False, sentence=str(error))
    unpaid = _unpaid(made, embedder)
    tokens = sum(size // vectors.BYTES_PER_TOKEN + 1 for size in unpaid.values())
    price = tokens * embedder.price_per_million_tokens / Decimal(1_000_000)
    sentence = (
        f"{made.files_seen - made.files_skipped:,} of {made.files_seen:,} files, {made.chunk_count:,} chunks; "
        f"{len(unpaid):,} texts to embed with {embedder.model}, at most {tokens:,} tokens and ${price:.4f}. "
        "Nothing was written or paid."
    )
    return Estimate(possible=True, sentence=sentence)


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
