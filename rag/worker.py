"""Takes up projects, one at a time, and sees to it that each ends in a state that says what happened."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import connection
from django.utils import timezone

from portfolio.claims import MAX_ATTEMPTS, Lease, LeaseLost
from portfolio.models import ProjectRAG
from rag import embeddings, ingest, models, plan, revisions, sources
from rag.interruption import Interrupted, Interruption

logger = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
RETRY_MINUTES = (1, 5, 15)
EXPECTED_ERRORS = (sources.SourceError, embeddings.EmbeddingError, revisions.IndexRefused)


class Result(Enum):
    READY = "ready"
    UNCHANGED = "unchanged"
    BUSY = "busy"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one project's turn ended, in a sentence for whoever watches."""

    title: str
    result: Result
    sentence: str


@dataclass(kw_only=True)
class Worker:
    """Processes projects with the same options until interrupted. `by_hand`: the owner runs it and watches."""

    options: ingest.Options
    interruption: Interruption
    report: ingest.Report
    by_hand: bool = True

    def process_all(self) -> Iterator[Outcome]:
        """Everything that waits, the smallest first, then a look for new commits; one failure never stops the next."""
        ProjectRAG.objects.sweep()
        self._measure(ProjectRAG.objects.waiting().filter(source_bytes=None))
        waiting = ProjectRAG.objects.waiting().smallest_first().values_list("pk", flat=True)
        ready = ProjectRAG.objects.to_check(timedelta(0)).smallest_first().values_list("pk", flat=True)
        for pk in [*waiting, *ready]:
            if self.interruption.due:
                return
            yield self.process(pk)

    def watch(self) -> Iterator[Outcome]:
        """What becomes due, for as long as nobody interrupts."""
        refresh = timedelta(minutes=settings.RAG_REFRESH_MINUTES)
        while not self.interruption.due:
            ProjectRAG.objects.sweep()
            next_up = ProjectRAG.objects.due().smallest_first().first() or ProjectRAG.objects.to_check(refresh).first()
            if next_up is not None:
                yield self.process(next_up.pk)
                continue
            connection.close()
            try:
                self.interruption.sleep(IDLE_SECONDS)
            except Interrupted:
                return

    def process(self, pk: int) -> Outcome:
        """One project's turn, unless its newest commit is already live or somebody else is at it."""
        rag = ProjectRAG.objects.select_related("project", "live_revision").get(pk=pk)
        try:
            if not self.options.force and rag.processing_status == "ready" and self._is_current(rag):
                return self._unchanged(rag)
        except Interrupted:
            return self._end(rag, Result.STOPPED, "Stopped before it began.")
        except (sources.SourceError, embeddings.EmbeddingError) as error:
            if not error.permanent:
                return self._end(rag, Result.FAILED, f"Could not look for new commits: {error}")
        lease = ProjectRAG.objects.claim(pk, by_hand=self.by_hand and rag.processing_status == "failed")
        if lease is None:
            return self._end(rag, Result.BUSY, "Another process is working on it; nothing to do here.")
        with ProjectRAG.objects.kept_alive(lease), self.interruption.within(settings.RAG_MAX_MINUTES * 60):
            try:
                return self._attempt(rag, lease)
            finally:
                self.report.finish()

    def _attempt(self, rag: ProjectRAG, lease: Lease) -> Outcome:
        try:
            run = ingest.Run(
                rag=rag, lease=lease, embedder=embeddings.configured(), options=self.options,
                interruption=self.interruption, report=self.report,
            )  # fmt: skip
            revision = run.process()
        except Interrupted:
            ProjectRAG.objects.release(lease)
            return self._end(rag, Result.STOPPED, "Stopped; the next run goes on where this one was.")
        except LeaseLost:
            return self._end(rag, Result.BUSY, "It was cancelled, or another process has taken it over.")
        except EXPECTED_ERRORS as error:
            return self._failed(rag, lease, error)
        except Exception:
            logger.exception("Processing %s failed in an unexpected way", rag.project.slug)
            return self._failed(rag, lease, revisions.IndexRefused("unexpected", _UNEXPECTED))
        return self._end(rag, Result.READY, summary(revision))

    def _failed(self, rag: ProjectRAG, lease: Lease, error: Exception) -> Outcome:
        permanent = getattr(error, "permanent", True)
        attempts = ProjectRAG.objects.values_list("attempts", flat=True).get(pk=rag.pk)
        retry_at = None if permanent else retry_time(attempts, timezone.now())
        try:
            ProjectRAG.objects.fail(
                lease, code=getattr(error, "code", "unexpected"), sentence=str(error), retry_at=retry_at
            )
        except LeaseLost:
            return self._end(rag, Result.BUSY, "It was cancelled, or another process has taken it over.")
        return self._end(rag, Result.FAILED, str(error))

    def _is_current(self, rag: ProjectRAG) -> bool:
        if rag.live_revision is None:
            return False
        embedder = embeddings.configured()
        with self.interruption.waiting():
            commit = sources.head(rag.project.repository_url, rag.project.ref)
        return revisions.is_current(rag, commit, embedder, plan.pipeline(embedder))

    def _unchanged(self, rag: ProjectRAG) -> Outcome:
        ProjectRAG.objects.filter(pk=rag.pk).update(checked_at=timezone.now(), requested_at=None, processing_stage="")
        assert rag.live_revision is not None  # noqa: S101 — only a live revision is current
        return self._end(rag, Result.UNCHANGED, f"Unchanged at {rag.live_revision.commit_sha[:10]}; nothing to do.")

    def _measure(self, unknown: Iterable[ProjectRAG]) -> None:
        """Learn how much text new projects have, so that the smallest goes first. One alone needs no order."""
        rags = list(unknown)
        for rag in rags if len(rags) > 1 else []:
            try:
                with self.interruption.waiting(), sources.fetch(rag.project.repository_url, rag.project.ref) as clone:
                    size = plan.listing(clone, "", {}).text_bytes
            except sources.SourceError as error:
                logger.info(
                    "The size of %s is not known: %s", rag.project.slug, error
                )  # its turn will say it to the owner
            except Interrupted:
                return
            else:
                ProjectRAG.objects.filter(pk=rag.pk).update(source_bytes=size)

    def _end(self, rag: ProjectRAG, result: Result, sentence: str) -> Outcome:
        return Outcome(title=rag.project.title, result=result, sentence=sentence)


def retry_time(attempts: int, now: datetime) -> datetime | None:
    """When a watching worker tries again after so many attempts in a row; None when it gives up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + timedelta(minutes=RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1])


def summary(revision: models.Revision) -> str:
    """What a revision holds and what it took, in one line."""
    seconds = sum(revision.timings.values())
    return (
        f"Ready at {revision.commit_sha[:10]}: {revision.files_indexed:,} of {revision.files_seen:,} files, "
        f"{revision.chunk_count:,} chunks ({revision.embedded_count:,} embedded, {revision.reused_count:,} reused), "
        f"{revision.tokens:,} tokens, ${revision.cost_usd:.4f}, {seconds:.1f} s."
    )


_UNEXPECTED = "Something went wrong that has no sentence of its own yet. The log has the details; process it again."
