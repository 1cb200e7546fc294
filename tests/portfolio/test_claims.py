"""Claims: one gets it, only the holder writes, and nothing stays stuck."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now

from portfolio.claims import MAX_ATTEMPTS, Lease, LeaseLost, ProjectRAGQuerySet
from portfolio.models import Project, ProjectRAG

pytestmark = pytest.mark.django_db


@pytest.fixture
def rag() -> ProjectRAG:
    return Project.objects.create(title="Thing", repository_url="https://github.com/a/b").rag


def expire(rag: ProjectRAG) -> None:
    ProjectRAG.objects.filter(pk=rag.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def test_every_project_has_an_assistant(rag: ProjectRAG) -> None:
    assert (rag.processing_status, rag.progress_percentage) == ("pending", 0)


@pytest.mark.django_db(transaction=True)
def test_no_project_is_seen_without_its_assistant(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(ProjectRAG.objects, "get_or_create", fail)
    with pytest.raises(OperationalError):
        Project.objects.create(title="Half")
    assert not Project.objects.exists()


def test_a_request_is_recorded_once(rag: ProjectRAG) -> None:
    answers = [ProjectRAG.objects.request(rag.pk) for _ in range(3)]

    rag.refresh_from_db()
    assert answers == [True, False, False]
    assert rag.is_queued


def test_a_claim_starts_an_attempt(rag: ProjectRAG) -> None:
    lease = ProjectRAG.objects.claim(rag.pk)

    rag.refresh_from_db()
    assert lease is not None
    assert (rag.processing_status, rag.processing_stage, rag.attempts) == ("processing", "fetching", 1)
    assert rag.lease_token == lease.token


def test_a_claimed_project_cannot_be_claimed(rag: ProjectRAG) -> None:
    ProjectRAG.objects.claim(rag.pk)

    assert ProjectRAG.objects.claim(rag.pk) is None


@pytest.mark.django_db(transaction=True)
def test_of_ten_racers_one_gets_the_claim() -> None:
    rag = Project.objects.create(title="Race", repository_url="https://github.com/a/b").rag
    start, leases = threading.Barrier(10), []

    def race() -> None:
        start.wait()
        leases.append(ProjectRAG.objects.claim(rag.pk))
        connection.close()

    racers = [threading.Thread(target=race) for _ in range(10)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len([lease for lease in leases if lease]) == 1


def test_an_expired_claim_can_be_taken_over_and_its_holder_writes_nothing(rag: ProjectRAG) -> None:
    zombie = ProjectRAG.objects.claim(rag.pk)
    expire(rag)
    heir = ProjectRAG.objects.claim(rag.pk)

    assert zombie and heir
    with pytest.raises(LeaseLost):
        ProjectRAG.objects.advance(zombie, stage="embedding", percentage=50)
    rag.refresh_from_db()
    assert (rag.lease_token, rag.progress_percentage) == (heir.token, 0)


def test_the_percentage_never_goes_back_within_an_attempt(rag: ProjectRAG) -> None:
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    ProjectRAG.objects.advance(lease, stage="embedding", percentage=60)
    ProjectRAG.objects.advance(lease, stage="embedding", percentage=40)

    rag.refresh_from_db()
    assert rag.progress_percentage == 60


@pytest.mark.parametrize(
    "write",
    [
        ProjectRAG.objects.renew,
        lambda lease: ProjectRAG.objects.advance(lease, stage="embedding", percentage=1),
        lambda lease: ProjectRAG.objects.finish(lease, live_revision=1),
        lambda lease: ProjectRAG.objects.fail(lease, code="x", sentence="X.", retry_in=None),
        ProjectRAG.objects.release,
    ],
)
def test_no_write_goes_without_the_lease(rag: ProjectRAG, write: Callable[[Lease], None]) -> None:
    ProjectRAG.objects.claim(rag.pk)
    with pytest.raises(LeaseLost):
        write(Lease(rag_id=rag.pk, token=uuid4()))


def test_a_failure_keeps_its_sentence_and_can_be_claimed_again(rag: ProjectRAG) -> None:
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    ProjectRAG.objects.fail(lease, code="not_found", sentence="It is not there.", retry_in=None)

    rag.refresh_from_db()
    assert (rag.processing_status, rag.error_code, rag.lease_token) == ("failed", "not_found", None)
    assert rag in ProjectRAG.objects.waiting()
    assert rag not in ProjectRAG.objects.due()


def test_a_released_project_is_queued_and_the_attempt_uncounted(rag: ProjectRAG) -> None:
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    ProjectRAG.objects.release(lease)

    rag.refresh_from_db()
    assert (rag.processing_status, rag.attempts, rag.is_queued) == ("pending", 0, True)


def test_what_a_dead_worker_left_is_queued_again(rag: ProjectRAG) -> None:
    ProjectRAG.objects.claim(rag.pk)
    expire(rag)

    assert ProjectRAG.objects.sweep() == 1
    rag.refresh_from_db()
    assert (rag.processing_status, rag.processing_stage) == ("pending", "queued")


def sweep() -> int:
    with closing(connection):
        return ProjectRAG.objects.sweep()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_worker_that_was_stopped_in_the_middle_of_a_write(rag: ProjectRAG) -> None:
    other = Project.objects.create(title="Other", repository_url="https://github.com/a/c").rag
    for each in (rag, other):
        ProjectRAG.objects.claim(each.pk)
        expire(each)

    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        ProjectRAG.objects.select_for_update().get(pk=rag.pk)
        assert thread.submit(sweep).result(timeout=20) == 1

    assert list(ProjectRAG.objects.filter(processing_status="processing")) == [rag]


def test_three_deaths_end_as_failed_with_a_remedy(rag: ProjectRAG) -> None:
    for _ in range(MAX_ATTEMPTS):
        ProjectRAG.objects.claim(rag.pk)
        expire(rag)
        ProjectRAG.objects.sweep()

    rag.refresh_from_db()
    assert (rag.processing_status, rag.error_code) == ("failed", "crashed")
    assert "RAG_BATCH_SIZE" in rag.processing_error


def test_a_live_worker_is_not_swept(rag: ProjectRAG) -> None:
    ProjectRAG.objects.claim(rag.pk)

    assert ProjectRAG.objects.sweep() == 0


def test_cancelling_takes_the_claim_away(rag: ProjectRAG) -> None:
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease

    assert ProjectRAG.objects.cancel(rag.pk)
    with pytest.raises(LeaseLost):
        ProjectRAG.objects.renew(lease)


def test_there_is_nothing_to_cancel_on_an_idle_project(rag: ProjectRAG) -> None:
    assert not ProjectRAG.objects.cancel(rag.pk)


def test_the_smallest_goes_first_and_the_unknown_last(rag: ProjectRAG) -> None:
    small = Project.objects.create(title="Small", repository_url="https://github.com/a/c").rag
    large = Project.objects.create(title="Large", repository_url="https://github.com/a/d").rag
    ProjectRAG.objects.filter(pk=small.pk).update(source_bytes=10)
    ProjectRAG.objects.filter(pk=large.pk).update(source_bytes=10_000)

    assert list(ProjectRAG.objects.waiting().smallest_first()) == [small, large, rag]


def test_a_project_without_a_repository_waits_for_nothing() -> None:
    rag = Project.objects.create(title="Words only").rag

    assert rag not in ProjectRAG.objects.waiting()


@pytest.mark.parametrize(
    "lie",
    [
        {"progress_percentage": 100},
        {"processing_status": "ready"},
        {"processing_status": "processing"},
        {"processing_status": "failed"},
        {"lease_token": uuid4()},
    ],
)
def test_the_database_refuses_a_state_that_cannot_be(rag: ProjectRAG, lie: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ProjectRAG.objects.filter(pk=rag.pk).update(**lie)


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_while_its_block_runs() -> None:
    rag = Project.objects.create(title="Long", repository_url="https://github.com/a/b").rag
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    expire(rag)
    renewed = threading.Event()

    with ProjectRAG.objects.kept_alive(lease, every=0.01):
        for _ in range(200):
            if ProjectRAG.objects.filter(pk=rag.pk, lease_expires_at__gt=Now()).exists():
                renewed.set()
                break
    assert renewed.is_set()


def test_a_dead_process_of_this_machine_is_not_waited_for(rag: ProjectRAG, monkeypatch: pytest.MonkeyPatch) -> None:
    ProjectRAG.objects.claim(rag.pk)
    monkeypatch.setattr("portfolio.holders.is_dead", lambda holder: True)

    assert ProjectRAG.objects.sweep() == 1
    assert ProjectRAG.objects.claim(rag.pk) is not None


@pytest.mark.django_db(transaction=True)
def test_renewing_ends_with_the_claim() -> None:
    rag = Project.objects.create(title="Taken", repository_url="https://github.com/a/b").rag
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    ProjectRAG.objects.cancel(rag.pk)

    with ProjectRAG.objects.kept_alive(lease, every=0.01):
        (thread,) = [one for one in threading.enumerate() if one.name == "lease"]
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_renewing_outlives_a_database_that_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    rag = Project.objects.create(title="Away", repository_url="https://github.com/a/b").rag
    lease = ProjectRAG.objects.claim(rag.pk)
    assert lease
    tries: list[Lease] = []
    again = threading.Event()

    def renew(_: ProjectRAGQuerySet, lease: Lease) -> None:
        tries.append(lease)
        if len(tries) == 1:
            raise OperationalError("server closed the connection")
        again.set()

    monkeypatch.setattr(ProjectRAGQuerySet, "renew", renew)
    with ProjectRAG.objects.kept_alive(lease, every=0.01):
        assert again.wait(10)
    assert tries[0] == lease
