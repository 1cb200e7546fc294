"""Which projects are taken up, in which order, and how each turn ends."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from portfolio.claims import Lease, ProjectRAGQuerySet
from portfolio.models import Project, ProjectRAG
from rag import embeddings, ingest, models, sources
from rag.failures import describe, retry_wait
from rag.interruption import Interruption
from rag.worker import Outcome, Result, Worker
from tests.git_fixtures import Repository
from tests.rag.conftest import Notes

pytestmark = pytest.mark.django_db

Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path, local_repositories: None) -> Make:
    """A project with a repository of so many lines: `make("Small", lines=3)`."""

    def project(title: str, lines: int = 3) -> Project:
        repository = Repository(tmp_path / title)
        repository.commit({"a.py": "".join(f"def f{n}():\n    return {n}\n" for n in range(lines))})
        return Project.objects.create(title=title, repository_url=str(repository.path))

    return project


def worker(interruption: Interruption | None = None, **options: Any) -> Worker:
    return Worker(
        options=ingest.Options(**{"batch_size": 25} | options),
        interruption=interruption or Interruption(),
        report=Notes(),
    )


def titles(outcomes: Iterator[Outcome]) -> list[str]:
    return [outcome.title for outcome in outcomes]


def rag(project: Project) -> ProjectRAG:
    return ProjectRAG.objects.get(project=project)


def test_everything_that_waits_is_processed_the_smallest_first(make: Make) -> None:
    for title, lines in (("Large", 300), ("Small", 3), ("Middle", 50)):
        make(title, lines)

    assert titles(worker().process_all()) == ["Small", "Middle", "Large"]
    assert set(ProjectRAG.objects.values_list("processing_status", flat=True)) == {"ready"}


def test_one_failure_never_stops_the_next(make: Make) -> None:
    broken = Project.objects.create(title="Broken", repository_url="/nowhere/at/all")
    make("Fine")

    results = {outcome.title: outcome.result for outcome in worker().process_all()}
    assert results == {"Broken": Result.FAILED, "Fine": Result.READY}
    assert rag(broken).processing_error


def test_a_failed_project_is_retried_by_hand(make: Make) -> None:
    project = make("Again")
    ProjectRAG.objects.filter(project=project).update(processing_status="failed", processing_error="X.", error_code="x")

    assert [outcome.result for outcome in worker().process_all()] == [Result.READY]


def test_ready_projects_are_looked_at_for_new_commits(make: Make) -> None:
    make("Ready")
    list(worker().process_all())

    assert [outcome.result for outcome in worker().process_all()] == [Result.UNCHANGED]


def test_a_project_that_somebody_else_holds_is_said_to_be_busy(make: Make) -> None:
    project = make("Held")
    ProjectRAG.objects.claim(project.rag.pk)

    assert worker().process(project.rag.pk).result is Result.BUSY


def test_a_cancelled_run_ends_without_writing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Cancelled")

    def cancel(run: ingest.Run) -> None:
        ProjectRAG.objects.cancel(project.rag.pk)
        ProjectRAG.objects.advance(run.lease, stage="embedding", percentage=50)

    monkeypatch.setattr(ingest.Run, "process", cancel)
    outcome = worker().process(project.rag.pk)

    assert outcome.result is Result.BUSY
    assert (rag(project).processing_status, rag(project).progress_percentage) == ("pending", 0)
    assert not ProjectRAG.objects.waiting().exists()  # until it is requested again


def test_an_interrupted_run_is_queued_and_not_counted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project, interruption = make("Stopped"), Interruption()

    def stop(run: ingest.Run) -> None:
        interruption.requested = True
        interruption.check()

    monkeypatch.setattr(ingest.Run, "process", stop)
    outcome = worker(interruption).process(project.rag.pk)

    assert outcome.result is Result.STOPPED
    assert (rag(project).processing_status, rag(project).attempts, rag(project).is_queued) == ("pending", 0, True)


def test_an_unforeseen_error_ends_as_failed_with_a_plain_sentence(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Odd")
    monkeypatch.setattr(ingest.Run, "process", lambda run: 1 / 0)
    worker().process(project.rag.pk)

    assert rag(project).error_code == "unexpected"
    assert "division" not in rag(project).processing_error


def test_a_watching_worker_leaves_a_lasting_failure_alone() -> None:
    broken = Project.objects.create(title="Broken", repository_url="ftp://example.org/x")
    worker().process(broken.rag.pk)

    assert rag(broken).next_attempt_at is None
    assert not ProjectRAG.objects.due().exists()


def test_a_watching_worker_takes_up_a_request_and_stops_when_told(make: Make) -> None:
    make("Asked")
    interruption = Interruption(0.5)

    assert titles(worker(interruption).watch()) == ["Asked"]


def test_a_passing_failure_of_the_source_is_tried_again_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Flaky")

    def unreachable(*arguments: object, **options: object) -> None:
        raise sources.SourceError("network", "The network is down.", permanent=False)

    monkeypatch.setattr(sources, "fetch", unreachable)
    worker().process(project.rag.pk)

    later = rag(project).next_attempt_at
    assert later is not None and later > timezone.now()


@pytest.mark.parametrize(("asked", "given"), [(3_600, 3_600), (1e18, 86_400)])
def test_a_provider_that_asks_for_an_hour_is_given_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, asked: float, given: float
) -> None:
    project = make("Patient")
    error = embeddings.RateLimited(retry_after=asked)
    monkeypatch.setattr(ingest.Run, "process", lambda run: (_ for _ in ()).throw(error))
    for _ in range(4):  # and that is no attempt
        worker().process(project.rag.pk)

    later = rag(project).next_attempt_at
    assert later is not None
    assert later - timezone.now() == pytest.approx(timedelta(seconds=given), abs=timedelta(minutes=1))


def test_a_wait_that_was_short_enough_for_the_run_is_an_attempt_that_failed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make("Busy")
    error = embeddings.RateLimited(retry_after=5)
    monkeypatch.setattr(ingest.Run, "process", lambda run: (_ for _ in ()).throw(error))
    worker().process(project.rag.pk)

    assert rag(project).attempts == 1


def test_a_ready_project_stays_ready_when_its_host_cannot_be_reached(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make("Up")
    worker().process(project.rag.pk)
    error = sources.SourceError("network", "The network is down.", permanent=False)
    monkeypatch.setattr(sources, "head", lambda *arguments: (_ for _ in ()).throw(error))

    assert worker().process(project.rag.pk).result is Result.FAILED
    assert rag(project).processing_status == "ready"


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5)])
def test_tries_are_spaced_ever_wider(attempts: int, minutes: int) -> None:
    assert retry_wait(attempts) == timedelta(minutes=minutes)


def test_after_three_tries_it_waits_for_its_owner() -> None:
    assert retry_wait(3) is None


def test_a_run_whose_time_is_over_is_queued_with_its_progress_and_others_go_first(
    make: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make("Long", lines=300)
    settings.RAG_MAX_MINUTES = 3
    embedder = type(embeddings.configured())
    original, now = embedder.embed_documents, [0.0]

    def slow(self: object, texts: list[str]) -> list[embeddings.Vector]:
        now[0] += 60
        return original(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(embedder, "embed_documents", slow)
    outcome = worker(Interruption(clock=lambda: now[0]), batch_size=1).process(project.rag.pk)

    assert outcome.result is Result.STOPPED, outcome.sentence
    assert rag(project).is_queued
    assert models.Chunk.objects.count() == 3
    assert not ProjectRAG.objects.due().exists()


def test_a_run_whose_time_is_over_before_anything_is_stored_fails_with_the_remedy(
    make: Make, settings: Settings
) -> None:
    project = make("Never")
    settings.RAG_MAX_MINUTES = 1e-9
    worker().process(project.rag.pk)

    assert rag(project).error_code == "too_slow"
    assert "RAG_MAX_MINUTES" in rag(project).processing_error


def test_the_lease_is_kept_alive_for_the_whole_attempt(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project, kept = make("Kept"), []
    original = ProjectRAGQuerySet.kept_alive

    def watched(self: ProjectRAGQuerySet, lease: Lease) -> object:
        kept.append(lease.rag_id)
        return original(self, lease)

    monkeypatch.setattr(ProjectRAGQuerySet, "kept_alive", watched)
    worker().process(project.rag.pk)
    assert kept == [project.rag.pk]


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_host_is_not_asked_again_and_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Up")
    worker().process(project.rag.pk)
    ProjectRAG.objects.request(project.rag.pk)
    other = make("Other")
    looks: list[str] = []

    def unreachable(url: str, ref: str) -> str:
        looks.append(url)
        raise sources.SourceError("network", "The network is down.", permanent=False)

    monkeypatch.setattr(sources, "head", unreachable)
    list(worker(Interruption(1.5)).watch())

    assert len(looks) == 1
    assert rag(other).processing_status == "ready"


def test_a_deleted_project_does_not_stop_the_next(make: Make) -> None:
    gone, next_one = make("Gone"), make("Next")
    work = worker()
    pks = [gone.rag.pk, next_one.rag.pk]
    gone.delete()

    assert [work.process(pk).result for pk in pks] == [Result.BUSY, Result.READY]


def test_a_project_deleted_during_its_run_ends_in_peace(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Gone")
    fetch = sources.fetch

    def fetch_and_delete(*arguments: Any, **options: Any) -> Any:
        Project.objects.all().delete()
        return fetch(*arguments, **options)

    monkeypatch.setattr(sources, "fetch", fetch_and_delete)

    assert worker().process(project.rag.pk).result is Result.BUSY


def test_a_full_disk_passes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Full")
    monkeypatch.setattr(sources, "fetch", lambda *a, **o: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    worker().process(project.rag.pk)

    assert rag(project).next_attempt_at is not None
    assert "No space left" in rag(project).processing_error


def test_cancelling_a_re_index_leaves_a_ready_project_ready(make: Make) -> None:
    project = make("Kept")
    worker().process(project.rag.pk)
    ProjectRAG.objects.claim(project.rag.pk)
    ProjectRAG.objects.cancel(project.rag.pk)

    assert (rag(project).processing_status, rag(project).progress_percentage) == ("ready", 100)
    assert not ProjectRAG.objects.to_check(timedelta(0)).exists()


def test_a_request_made_during_a_run_is_for_another_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Again")
    finish = ProjectRAGQuerySet.finish

    def ask_and_finish(self: ProjectRAGQuerySet, *arguments: Any, **options: Any) -> None:
        assert ProjectRAG.objects.request(project.rag.pk)
        finish(self, *arguments, **options)

    monkeypatch.setattr(ProjectRAGQuerySet, "finish", ask_and_finish)
    worker().process(project.rag.pk)

    assert (rag(project).processing_status, rag(project).is_queued) == ("ready", True)


def test_what_a_dead_worker_left_is_swept_before_anything_else(make: Make) -> None:
    project = make("Left")
    ProjectRAG.objects.claim(project.rag.pk)
    ProjectRAG.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    assert titles(worker().process_all()) == ["Left"]


def test_a_lack_of_memory_says_what_to_do_and_may_pass() -> None:
    failure = describe(MemoryError())

    assert (failure.code, failure.permanent) == ("memory", False)
    assert "RAG_BATCH_SIZE" in failure.sentence


def test_a_database_without_room_is_told_from_one_that_is_lost() -> None:
    full, lost = OperationalError("could not extend file"), OperationalError("the connection is closed")
    full.__cause__ = psycopg.errors.DiskFull("could not extend file")

    assert [(failure.code, failure.permanent) for failure in map(describe, (full, lost))] == [
        ("database_full", False), ("database", False),
    ]  # fmt: skip
    assert "no room left on its disk" in describe(full).sentence
