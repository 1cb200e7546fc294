"""Takes up projects, one at a time, and sees to it that each ends in a state that says what happened."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from config import faults, logs
from portfolio.claims import Lease, LeaseLost
from portfolio.models import ProjectRAG
from rag import embeddings, failures, ingest, models, revisions, sources
from rag.ingest import estimate, plan
from rag.interruption import Interrupted, Interruption
from rag.spending import folding, prices

logger = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
TURN_WAIT = timedelta(minutes=1)  # after its time was over, so that the others have their turn


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
    rag_id: int | None = None


@dataclass(kw_only=True)
class Worker:
    """Processes projects with the same options until interrupted. `by_hand`: the owner runs it and watches."""

    options: ingest.Options
    interruption: Interruption
    report: ingest.Report
    by_hand: bool = True

    def process_all(self) -> Iterator[Outcome]:
        """Everything that waits, the smallest first, then a look for new commits; one failure never stops the next."""
        self._prepare()
        self._measure()
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
            next_up = self._next(refresh)
            if next_up is not None:
                yield self.process(next_up.pk)
                continue
            connection.close()
            try:
                self.interruption.sleep(IDLE_SECONDS)
            except Interrupted:
                return

    def _next(self, refresh: timedelta) -> ProjectRAG | None:
        """What to take up now. A database that is away is waited for."""
        _drop_lost_connection()
        try:
            self._prepare()
            due = ProjectRAG.objects.due().smallest_first().first()
            return due or ProjectRAG.objects.to_check(refresh).first()
        except failures.LOST as error:
            logger.warning("The database does not answer, trying again: %s", error)
            return None

    def process(self, pk: int) -> Outcome:
        """One project's turn. Whatever happens in it ends here, so that the next has its own."""
        _drop_lost_connection()
        title = f"Project {pk}"
        try:
            rag = ProjectRAG.objects.select_related("project", "live_revision").filter(pk=pk).first()
            if rag is None:
                return Outcome(title=title, result=Result.BUSY, sentence="It is there no more.")
            title = rag.project.title
            result, sentence = self._turn(rag)
        except LeaseLost:
            result, sentence = Result.BUSY, "It was cancelled, or another process has taken it over."
        except Interrupted:
            result, sentence = Result.STOPPED, "Stopped before it began."
        except Exception as error:
            logger.exception("The turn of %s ended in an unexpected way", title)
            result, sentence = Result.FAILED, failures.describe(error).sentence
        finally:
            self.report.finish()
        return Outcome(title=title, result=result, sentence=sentence, rag_id=pk)

    def _turn(self, rag: ProjectRAG) -> tuple[Result, str]:
        try:
            if not self.options.force and rag.processing_status == "ready" and self._is_current(rag):
                return self._unchanged(rag)
        except (sources.SourceError, embeddings.EmbeddingError) as error:
            if not error.permanent:  # a ready project stays ready while its host cannot be reached
                self._look_again(rag)
                return Result.FAILED, f"Could not look for new commits: {error}"
        lease = ProjectRAG.objects.claim(rag.pk, by_hand=self.by_hand and rag.processing_status == "failed")
        if lease is None:
            return Result.BUSY, "Another process is working on it; nothing to do here."
        with logs.about(project=rag.project.slug, run=lease.run), ProjectRAG.objects.kept_alive(lease):
            return self._attempt(rag, lease)

    def _attempt(self, rag: ProjectRAG, lease: Lease) -> tuple[Result, str]:
        run = ingest.Run(
            rag=rag, lease=lease, options=self.options, interruption=self.interruption, report=self.report,
        )  # fmt: skip
        try:
            faults.point("claimed")
            self.report.note(rag.project.title)
            rag.refresh_from_db()  # as it is under the claim: another worker may just have been at it
            with self.interruption.within(settings.RAG_MAX_MINUTES * 60):
                return Result.READY, summary(run.process())
        except Interrupted:
            return self._interrupted(lease, run)
        except LeaseLost:
            raise
        except Exception as error:
            failure = failures.describe(error)
            if failure.code == failures.UNEXPECTED:
                logger.exception("Processing %s failed in an unexpected way", rag.project.slug)
            return self._failed(rag, lease, failure)

    def _interrupted(self, lease: Lease, run: ingest.Run) -> tuple[Result, str]:
        if self.interruption.due:  # the whole command is to stop
            ProjectRAG.objects.release(lease)
            return Result.STOPPED, "Stopped; the next run goes on where this one was."
        if not run.stored:
            ProjectRAG.objects.fail(lease, code="too_slow", sentence=_TOO_SLOW, retry_in=None)
            return Result.FAILED, _TOO_SLOW
        ProjectRAG.objects.release(lease, wait=TURN_WAIT)
        return Result.STOPPED, "Its time was over; it is queued again with its progress."

    def _failed(self, rag: ProjectRAG, lease: Lease, failure: failures.Failure) -> tuple[Result, str]:
        _drop_lost_connection()  # another one may tell
        if failure.retry_in is None or failure.permanent:
            attempts = ProjectRAG.objects.filter(pk=rag.pk).values_list("attempts", flat=True).first() or 0
            retry_in, counted = None if failure.permanent else failures.retry_wait(attempts), True
        else:
            retry_in, counted = failure.retry_in, False
        ProjectRAG.objects.fail(lease, code=failure.code, sentence=failure.sentence, retry_in=retry_in, counted=counted)
        return Result.FAILED, failure.sentence

    def _is_current(self, rag: ProjectRAG) -> bool:
        if rag.live_revision is None:
            return False
        embedder = embeddings.configured()
        with self.interruption.waiting():
            commit = sources.head(rag.project.repository_url, rag.project.ref)
        return revisions.is_current(rag, commit, embedder, plan.pipeline(embedder))

    def _unchanged(self, rag: ProjectRAG) -> tuple[Result, str]:
        # A request that came while we looked is about a commit that we may not have seen.
        as_it_was = ProjectRAG.objects.filter(pk=rag.pk, processing_status="ready", requested_at=rag.requested_at)
        as_it_was.update(checked_at=Now(), requested_at=None, processing_stage="", next_attempt_at=None)
        assert rag.live_revision is not None  # noqa: S101 — only a live revision is current
        return Result.UNCHANGED, f"Unchanged at {rag.live_revision.commit_sha[:10]}; nothing to do."

    def _look_again(self, rag: ProjectRAG) -> None:
        later = Now() + failures.RETRY_WAITS[0]
        ProjectRAG.objects.filter(pk=rag.pk, processing_status="ready").update(checked_at=Now(), next_attempt_at=later)

    def _prepare(self) -> None:
        """Free what died, fold what is old, and say what a run would cost to those who asked: before it is paid."""
        ProjectRAG.objects.sweep()
        folding.fold_now_and_then()
        for rag in estimate.requested():
            if self.interruption.due:
                return
            estimate.record(rag, estimate.of(rag, self.options.pace))

    def _measure(self) -> None:
        """Learn how much text new projects have, so that the smallest goes first. One alone needs no order."""
        unknown = list(ProjectRAG.objects.waiting().filter(source_bytes=None))
        for rag in unknown if len(unknown) > 1 else []:
            try:
                with self.interruption.waiting():
                    size = ingest.measure(rag.project)
            except Interrupted:
                return
            except Exception as error:  # noqa: BLE001 — its own turn tells the owner
                logger.info("The size of %s is not known: %s", rag.project.slug, type(error).__name__)
            else:
                ProjectRAG.objects.filter(pk=rag.pk).update(source_bytes=size)


def _drop_lost_connection() -> None:
    """The next query takes another one. In a transaction, which tests have around everything, there is none."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def summary(revision: models.Revision) -> str:
    """What a revision holds and what it took, in one line."""
    seconds = sum(revision.timings.values())
    is_known = prices.known(revision.embedding_provider, revision.embedding_model) is not None
    return (
        f"Ready at {revision.commit_sha[:10]}: {revision.files_indexed:,} of {revision.files_seen:,} files, "
        f"{revision.chunk_count:,} chunks ({revision.embedded_count:,} embedded, {revision.reused_count:,} reused), "
        f"{revision.tokens:,} tokens, {prices.shown(revision.cost_usd, is_known=is_known)}, {seconds:.1f} s."
    )


_TOO_SLOW = (
    "Its time was over before anything could be stored. Raise RAG_MAX_MINUTES, or leave out more of the repository "
    "with a .docentignore, then process it again."
)
