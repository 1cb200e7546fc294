"""Runs the stages for one project, batch by batch: fetching, chunking, embedding, indexing, validating.

A run that is cut off anywhere is gone on with by the next one, which finds what is stored and pays for the rest only.

    plan       a commit's files → which are known already, which are to be read and cut
    vectors    the texts that have none → batches;  flights sends several at once, fares pays for each
    index      files, chunks and vectors → rows of the new revision
    estimate   how much of that there is, and what it would cost
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from config import faults, logs
from portfolio.claims import Lease
from portfolio.models import Project, ProjectRAG
from rag import embeddings, models, revisions, search_index, sources
from rag.ingest import estimate, index, plan, vectors
from rag.interruption import Interruption
from rag.spending import budgets, prices

TOLD_FILES = 10  # with secrets; the admin lists them all
SPEED_SECONDS = 5.0  # between two words about it in the database


@dataclass(frozen=True, kw_only=True)
class Options:
    """`batch_size` and `delay` are those of `vectors.Filling`.

    `force` processes an unchanged commit too, and accepts an index that is much smaller than the live one.
    """

    batch_size: int | None = None
    delay: vectors.Delay | None = None
    force: bool = False

    @property
    def pace(self) -> estimate.Pace:
        return estimate.Pace(batch_size=self.batch_size, delay=self.delay)


class Report(Protocol):
    """Who is told how a run goes."""

    def stage(self, name: str) -> None: ...

    def progress(self, done: int, total: int, speed: str = "") -> None:
        """`speed`: how fast it goes and how long it still takes, where that is known."""

    def note(self, sentence: str) -> None: ...

    def finish(self) -> None: ...


@dataclass(kw_only=True)
class Run:
    """One attempt at one project, under a lease."""

    rag: ProjectRAG
    lease: Lease
    options: Options
    interruption: Interruption
    report: Report
    stored: int = field(default=0, init=False)  # chunks that this run has committed
    embedder: embeddings.Embedder = field(init=False)
    _speed_told: float = field(default=float("-inf"), init=False)
    _timings: dict[str, float] = field(default_factory=dict, init=False)

    def process(self) -> models.Revision:
        """Build the newest commit's revision and make it live.

        Raises SourceError, EmbeddingError, budgets.Refused, IndexRefused, LeaseLost or Interrupted; what is stored
        stays.
        """
        self.embedder = embeddings.configured()
        if not prices.of(self.embedder.provider, self.embedder.model).is_free:
            budgets.check(models.Call.Purpose.INDEX, self.rag.project_id)  # before anything is fetched for nothing
        with self.interruption.waiting():  # it may have to ask the model for its dimensions
            pipeline = plan.pipeline(self.embedder)
        sizes = index.known_sizes(self.rag)
        with ExitStack() as stack:
            with self._stage("fetching"), self.interruption.waiting():
                faults.point("before-clone")
                project = self.rag.project
                fetching = sources.fetch(project.repository_url, project.ref, complete=not sizes)
                clone = stack.enter_context(fetching)
            faults.point("after-clone")
            revision = revisions.resume_or_open(self.lease, self.rag, clone.commit, self.embedder, pipeline)
            logs.also(revision=revision.pk)
            spool = stack.enter_context(clone.spool())
            with self._stage("chunking"):
                planned = self._plan(clone, pipeline, sizes, spool)
            self._tell_price(planned)
            self._tell_masked(planned)
            with self._stage("embedding"):
                self._embed(spool, revision, planned)
        faults.point("clone-removed")
        self._finish(revision)
        return revision

    def _plan(self, clone: sources.Clone, pipeline: str, sizes: dict[str, int], spool: sources.Spool) -> plan.Plan:
        with self.interruption.waiting():
            listing = plan.listing(clone, pipeline, sizes)
        faults.point("after-listing")
        ProjectRAG.objects.advance(self.lease, stage="chunking", source_bytes=listing.text_bytes)
        known = index.known_files(self.rag, listing.rules, with_notes=not self.options.force)
        with self.interruption.waiting():
            return plan.make(clone, listing, known, self._step, spool)

    def _embed(self, spool: sources.Spool, revision: models.Revision, planned: plan.Plan) -> None:
        ids = index.add_files(self.lease, revision, planned)
        stored = index.stored_ordinals(ids.values())
        progress = vectors.Progress(total=planned.chunk_count, tell=self._step)
        progress.add(sum(file.chunk_count for file in planned.known) + len(stored))
        ProjectRAG.objects.advance(self.lease, stage="embedding", percentage=progress.percentage)
        filling = vectors.Filling(
            lease=self.lease, revision=revision, embedder=self.embedder, batch_size=self.options.batch_size,
            delay=self.options.delay, progress=progress, interruption=self.interruption, note=self.report.note,
        )  # fmt: skip
        before = progress.done
        faults.point("before-embedding")
        try:
            filling.fill(_pending(spool, planned, ids, stored))
        finally:
            self.stored = progress.done - before

    def _tell_price(self, planned: plan.Plan) -> None:
        live = self.rag.live_revision
        if live and live.embedding_model != self.embedder.model:
            self.report.note(f"{live.embedding_model} made the live index, which answers until this one is complete.")
        bill = estimate.bill(planned, self.embedder, self.options.pace)
        if bill.texts and not bill.price.is_free:
            self.report.note(f"To pay: {bill.sentence}")

    def _tell_masked(self, planned: plan.Plan) -> None:
        """The owner may not know that they are in there; whoever has the repository can read them."""
        if held := [file for file in planned.new if file.masked]:
            self.report.note(
                f"{len(held)} files hold what looks like a secret; it is masked. Change those that are real."
            )
            for file in held[:TOLD_FILES]:
                self.report.note(f"  {file.path}: {file.masked}")

    def _step(self, done: int, total: int, speed: str = "") -> None:
        self.report.progress(done, total, speed)
        now = time.monotonic()
        if speed and now - self._speed_told >= SPEED_SECONDS:
            self._speed_told = now
            ProjectRAG.objects.advance(self.lease, stage="embedding", processing_speed=speed)
        self.interruption.check()

    def _finish(self, revision: models.Revision) -> None:
        with ExitStack() as stack:
            with self._stage("indexing"):
                index.analyze()
                change = stack.enter_context(search_index.prepared(revision))
            faults.point("before-validating")
            with self._stage("validating"):
                revisions.validate(revision, self.rag.live_revision, accept_shrinking=self.options.force)
            faults.point("before-flip")
            self.interruption.check()
            revisions.flip(self.lease, change, self._timings)
            faults.point("after-flip")
        revision.refresh_from_db()

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.interruption.check()
        ProjectRAG.objects.advance(self.lease, stage=name, processing_speed="")
        self.report.stage(name)
        started = time.monotonic()
        yield
        self._timings[name] = round(time.monotonic() - started, 3)


def measure(project: Project) -> int:
    """Bytes of text that a run would read. Raises SourceError."""
    with sources.fetch(project.repository_url, project.ref) as clone:
        return plan.listing(clone, "", {}).text_bytes


def _pending(
    spool: sources.Spool, planned: plan.Plan, ids: dict[tuple[str, str], int], stored: set[tuple[int, int]]
) -> Iterator[vectors.Pending]:
    """The chunks that have no row yet."""
    for file in planned.new:
        pk = ids[file.path, file.blob_sha]
        missing = [chunk for chunk in file.chunks if (pk, chunk.ordinal) not in stored]
        if missing and file.place:
            source = file.source(spool.text(file.place))
            yield from (vectors.Pending.of(source, chunk, pk) for chunk in missing)
