"""Docent, from the git repository to the passages, by its own command and its own search."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from benchmarks.retrieval.systems import DEEP, Corpus, Hit  # noqa: E402
from benchmarks.retrieval.systems.storing import Piece  # noqa: E402
from benchmarks.retrieval.vectors import Vectors  # noqa: E402
from portfolio.claims import Lease  # noqa: E402
from portfolio.models import Project, ProjectRAG  # noqa: E402
from rag import embeddings, models, packing, retrieval, revisions  # noqa: E402
from rag.ingest import index, plan  # noqa: E402
from rag.retrieval import ranking  # noqa: E402


class Docent:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        share(vectors)

    def index(self, corpus: Corpus) -> int:
        project = Project.objects.create(title=corpus.name, repository_url=corpus.repository)
        call_command("process_rag_async", project_id=project.pk, stdout=io.StringIO())
        return live(corpus.name).chunk_count

    def storing(self, pieces: list[Piece]) -> Callable[[], None]:
        project = Project.objects.create(
            title=f"Stored {len(pieces[0].vector)}", repository_url="https://example.org/a"
        )
        lease = ProjectRAG.objects.claim(project.rag.pk)
        assert lease is not None
        embedder = embeddings.for_model(embeddings.LOCAL_MODEL)
        revision = revisions.resume_or_open(lease, project.rag, "0" * 40, embedder, "storing")
        return lambda: _store(lease, revision, pieces)

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        return [hit(passage) for passage in retrieval.search(live(corpus), question, limit=limit).passages]

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        with ranked() as given:
            retrieval.search(live(corpus), question, limit=1)
        return [hit(passage) for passage in given[:DEEP]]

    def confidence(self, corpus: str, question: str) -> float:
        """What decides whether it says that it found something."""
        return retrieval.search(live(corpus), question).confidence


def _store(lease: Lease, revision: models.Revision, pieces: list[Piece]) -> None:
    """File rows, then the chunks, batch by batch as they are committed while they are embedded."""
    listing = plan.Listing(wanted=(), skipped=(), attributes={}, rules="storing")
    new = [plan.PlannedFile(path=path, blob_sha="", size=0) for path in dict.fromkeys(piece.path for piece in pieces)]
    ids = index.add_files(lease, revision, plan.Plan(listing=listing, new=new))
    for start in range(0, len(pieces), settings.RAG_BATCH_SIZE):
        batch = pieces[start : start + settings.RAG_BATCH_SIZE]
        rows = [(_row(piece, ids[piece.path, ""]), packing.halves(piece.vector)) for piece in batch]
        index.store(lease, revision, rows, index.Spent(texts=len(rows)), 0)


def _row(piece: Piece, file_id: int) -> index.Row:
    return index.Row(
        file_id=file_id, ordinal=piece.number, start_line=1, end_line=1, symbol="", text=piece.text,
        sha256=hashlib.sha256(piece.text.encode()).digest(),
    )  # fmt: skip


def share(vectors: Vectors) -> None:
    """Have the local model's vectors made by the process that serves them."""
    local: Any = type(embeddings.for_model(embeddings.LOCAL_MODEL))
    local.dimensions = vectors.dimensions
    local.embed_documents = lambda self, texts: vectors.documents(list(texts))  # type: ignore[method-assign]
    local.embed_query = lambda self, text: vectors.question(text)  # type: ignore[method-assign]


_live: dict[str, models.Revision] = {}


def live(corpus: str) -> models.Revision:
    if corpus not in _live:
        revision = Project.objects.select_related("rag__live_revision").get(title=corpus).rag.live_revision
        assert revision is not None, f"{corpus} was not processed"
        _live[corpus] = revision
    return _live[corpus]


def hit(passage: retrieval.Passage) -> Hit:
    return Hit(
        path=passage.path, start=passage.start_line, end=passage.end_line, text=passage.text, score=passage.score
    )


@contextmanager
def ranked() -> Iterator[list[retrieval.Passage]]:
    """What the ranking is given, best first as the database has it."""
    given: list[retrieval.Passage] = []
    original = ranking.rank

    def noted(candidates: Any, *arguments: Any, **options: Any) -> Any:
        given[:] = candidates
        return original(candidates, *arguments, **options)

    with patch.object(ranking, "rank", noted):
        yield given
    assert given, "the search ranks its candidates in another way than this measures"


make = Docent
