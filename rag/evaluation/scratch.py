"""An index to measure on, built by the stages of processing and searched as any other, that nobody else ever sees.

It lives in one transaction that is always rolled back: no worker takes it up, no page lists it, and a run that is
killed leaves nothing behind. What the project's own index has embedded is reused; only other texts are paid for.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction

from config import database
from portfolio.claims import Lease
from portfolio.models import Project, ProjectRAG
from rag import embeddings, files, models, search_index
from rag.ingest import index, plan, vectors
from rag.interruption import Interruption
from rag.search_index import postings
from rag.spending import calls

Version = tuple[str, str]  # path and blob sha
Tell = Callable[[int, int], None]


@dataclass(kw_only=True)
class Scratch:
    """`revision` has the versions that were shown last; all that were added are stored."""

    revision: models.Revision
    lease: Lease
    embedder: embeddings.Embedder
    _ids: dict[Version, int] = field(default_factory=dict)
    _shown: set[Version] = field(default_factory=set)

    def add(self, sources: Sequence[files.SourceFile], tell: Tell, note: Callable[[str], None]) -> None:
        """Store files and their chunks, each with a vector. Raises EmbeddingError. Once only."""
        planned = {version(source): plan.plan_file(source) for source in sources}
        listing = plan.Listing(wanted=(), skipped=(), attributes={}, rules="evaluation")
        ids = index.add_files(self.lease, self.revision, plan.Plan(listing=listing, new=list(planned.values())))
        self._ids, self._shown = ids, set(ids)
        total = sum(len(file.chunks) for file in planned.values())
        filling = vectors.Filling(
            lease=self.lease, revision=self.revision, embedder=self.embedder, interruption=Interruption(), note=note,
            progress=vectors.Progress(total=total, tell=lambda done, total, speed: tell(done, total)),
        )  # fmt: skip
        filling.fill(
            vectors.Pending.of(source, chunk, ids[version(source)])
            for source in sources
            for chunk in planned[version(source)].chunks
        )
        index.analyze()  # rows that the planner does not know of are joined one by one
        self._go_live()

    def show(self, versions: Collection[Version]) -> None:
        """From now on these are the revision's files."""
        wanted = set(versions)
        gone = [self._ids[each] for each in self._shown - wanted]
        new = [models.RevisionFile(revision=self.revision, file_id=self._ids[each]) for each in wanted - self._shown]
        models.RevisionFile.objects.filter(revision=self.revision, file__in=gone).delete()
        models.RevisionFile.objects.bulk_create(new, batch_size=1_000)
        self._shown = wanted
        self._go_live()

    def _go_live(self) -> None:
        """What is searched is what the revision has now."""
        with search_index.prepared(self.revision) as change:
            search_index.write(change)
        self.revision.refresh_from_db()
        self.revision.search_rules = postings.fingerprint()
        self.revision.chunk_count = search_index.size(self.revision.rag_id)
        self.revision.save(update_fields=["search_rules", "chunk_count"])
        ProjectRAG.objects.filter(pk=self.revision.rag_id).update(live_revision=self.revision)


@contextmanager
def opened(live: models.Revision) -> Iterator[Scratch]:
    """An empty one by the embedding model of `live`. Raises EmbedderMissing."""
    embedder = embeddings.for_model(live.embedding_model, live.embedding_provider, live.dimensions)
    with calls.aside(), transaction.atomic():
        database.may_sleep()  # a provider may have every batch wait
        try:
            yield _new(live, embedder)
        finally:
            transaction.set_rollback(True)


def version(source: files.SourceFile) -> Version:
    return source.path, source.blob_sha


def _new(live: models.Revision, embedder: embeddings.Embedder) -> Scratch:
    name = f"evaluation-{uuid.uuid4()}"
    rag = Project.objects.create(title=name, slug=name).rag
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease is not None  # noqa: S101 — nobody else can know of it
    revision = models.Revision.objects.create(
        rag=rag, commit_sha=live.commit_sha, embedding_model=live.embedding_model,
        embedding_provider=live.embedding_provider, dimensions=live.dimensions, pipeline="evaluation",
    )  # fmt: skip
    return Scratch(revision=revision, lease=lease, embedder=embedder)
