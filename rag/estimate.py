"""What processing a project would send and cost, found out without paying anything."""

from decimal import Decimal

from portfolio.models import ProjectRAG
from rag import embeddings, index, plan, sources, vectors


def describe(rag: ProjectRAG) -> str:
    """Files, chunks, tokens and price of the next run, in one line; what hinders it otherwise."""
    try:
        embedder = embeddings.configured()
        pipeline = plan.pipeline(embedder)
        with sources.fetch(rag.project.repository_url, rag.project.ref) as clone:
            listing = plan.listing(clone, pipeline, {})
            made = plan.make(clone, listing, index.known_files(rag, listing.rules), lambda done, total: None)
    except (sources.SourceError, embeddings.EmbeddingError) as error:
        return str(error)
    unpaid = _unpaid(made, embedder.model)
    tokens = sum(size // vectors.BYTES_PER_TOKEN + 1 for size in unpaid.values())
    price = tokens * embedder.price_per_million_tokens / Decimal(1_000_000)
    return (
        f"{made.files_seen - made.files_skipped:,} of {made.files_seen:,} files, {made.chunk_count:,} chunks; "
        f"{len(unpaid):,} texts to embed with {embedder.model}, at most {tokens:,} tokens and ${price:.4f}. "
        "Nothing was written or paid."
    )


def _unpaid(made: plan.Plan, model: str) -> dict[bytes, int]:
    """The texts that have no vector yet: hash → bytes."""
    sizes = {chunk.sha256: chunk.size for file in made.new for chunk in file.chunks}
    known = index.known_vectors(model, list(sizes))
    return {sha: size for sha, size in sizes.items() if sha not in known}
