"""`--delay=auto`: whole runs through the real SDK and real threads, against a provider on this computer."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import embeddings, ingest, models, revisions, throttle
from rag.ingest import index
from rag.interruption import Interruption
from rag.worker import Outcome, Result, Worker
from tests.git_fixtures import Repository
from tests.providers import FAST, Half, Hang, Provider, Refusal, dialects, serving
from tests.rag.conftest import Notes

pytestmark = pytest.mark.django_db(transaction=True)

CHUNKS = 60


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.OPENAI) as running:
        running.lead(settings)
        settings.EMBEDDING_PROVIDER, settings.RAG_DELAY = "openai", "auto"
        running.headers = lambda body: FAST
        running.pause = 0.1
        yield running


@pytest.fixture
def many(repository: Repository, local_repositories: None) -> Project:
    repository.commit({f"part{n}.py": f"def part_{n}(value):\n    return value + {n}\n" for n in range(CHUNKS)})
    return Project.objects.create(title="Many", repository_url=str(repository.path), is_published=True)


def process(project: Project, stopping: Interruption | None = None, **options: Any) -> tuple[Outcome, Notes]:
    notes = Notes()
    worker = Worker(
        options=ingest.Options(**({"batch_size": 3} | options)), interruption=stopping or Interruption(), report=notes
    )
    outcome = worker.process(project.rag.pk)
    project.rag = ProjectRAG.objects.select_related("live_revision").get(project=project)
    return outcome, notes


def sent(provider: Provider) -> list[str]:
    return [text for request in provider.requests for text in request.body["input"]]


def test_several_requests_are_in_flight_and_each_text_is_sent_once(many: Project, provider: Provider) -> None:
    outcome, notes = process(many)

    assert outcome.result is Result.READY, outcome.sentence
    assert 3 <= provider.most_at_once <= 8
    assert len(sent(provider)) == len(set(sent(provider))) == CHUNKS
    steps = [done for stage, done, _ in notes.steps if stage == "embedding"]
    assert steps == sorted(steps)


def test_so_many_at_once_as_are_allowed(many: Project, provider: Provider, settings: Settings) -> None:
    settings.RAG_EMBED_CONCURRENCY = 2
    process(many)

    assert provider.most_at_once == 2


def test_the_index_is_the_one_that_the_fixed_delay_makes(many: Project, provider: Provider) -> None:
    process(many)
    assert many.rag.live_revision is not None
    in_flight = revisions.digest(many.rag.live_revision)
    models.SourceFile.objects.all().delete()
    ProjectRAG.objects.reset(many.rag.pk)
    process(many, delay=0.0, batch_size=25)

    assert revisions.digest(many.rag.live_revision) == in_flight


def test_the_batch_size_is_a_maximum_only_when_it_is_given(
    many: Project, provider: Provider, settings: Settings
) -> None:
    settings.RAG_BATCH_SIZE = 2
    process(many, batch_size=None)
    free = max(len(request.body["input"]) for request in provider.requests)
    provider.forget()
    models.SourceFile.objects.all().delete()
    ProjectRAG.objects.reset(many.rag.pk)
    process(many, batch_size=3)

    assert free > 3
    assert all(len(request.body["input"]) <= 3 for request in provider.requests)


def test_every_answer_is_stored_as_it_comes_and_by_the_runs_own_thread(
    many: Project, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, threads = index.store, list[str]()

    def noted(*arguments: Any) -> None:
        threads.append(threading.current_thread().name)
        store(*arguments)

    monkeypatch.setattr(index, "store", noted)
    process(many)

    assert len(threads) == len(provider.requests)
    assert set(threads) == {threading.current_thread().name}


def test_retry_after_holds_all_that_have_not_left(many: Project, provider: Provider) -> None:
    provider.plan(*[Refusal(429, "slow down", "rate_limit_exceeded", {"Retry-After": "1"})] * 2)
    outcome, notes = process(many)

    assert outcome.result is Result.READY
    first, second = provider.requests[0], provider.requests[1]
    assert second.at - first.at >= 1
    assert any("Trying again in 1 s" in sentence for sentence in notes.sentences)


def test_what_the_headers_of_a_refusal_tell_is_heeded(many: Project, provider: Provider) -> None:
    used_up = FAST | {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "700ms"}
    provider.plan(Refusal(429, "slow down", "rate_limit_exceeded", used_up))
    process(many)

    assert provider.requests[1].at - provider.requests[0].at >= 0.1


def test_a_spent_quota_stops_all_at_once_and_keeps_what_was_answered(many: Project, provider: Provider) -> None:
    spent = provider.dialect.no_credit()
    provider.headers = lambda body: _spend(provider, spent)
    outcome, _notes = process(many)

    assert outcome.result is Result.FAILED
    assert many.rag.error_code == "embedding_quota"
    asked = len(provider.requests)
    assert models.Chunk.objects.exists()
    time.sleep(0.3)
    assert len(provider.requests) == asked


def _spend(provider: Provider, spent: Refusal) -> dict[str, str]:
    if len(provider.requests) >= 6:
        provider.plan(*[spent] * 20)
    return FAST


def test_passing_failures_cost_only_their_own_batch_again(many: Project, provider: Provider) -> None:
    provider.plan(Half(), Refusal(500))
    outcome, _notes = process(many)

    assert outcome.result is Result.READY
    assert models.Chunk.objects.count() == CHUNKS


def test_an_interruption_ends_what_hangs_and_the_next_run_goes_on(many: Project, provider: Provider) -> None:
    hangs: list[float] = []
    provider.headers = lambda body: _hang(provider, hangs)
    # Its second begins when there is something that hangs, however busy the machine is before.
    outcome, _notes = process(many, Interruption(1.0, lambda: time.monotonic() - hangs[0] if hangs else 0.0))

    assert outcome.result is Result.STOPPED
    assert time.monotonic() - hangs[0] < 3
    assert provider.left.wait(2)  # nothing hangs on
    stored = models.Chunk.objects.count()
    provider.forget()
    provider.headers = lambda body: FAST
    assert process(many)[0].result is Result.READY
    assert len(sent(provider)) == CHUNKS - stored


def _hang(provider: Provider, hangs: list[float]) -> dict[str, str]:
    if len(provider.requests) >= 6:
        provider.plan(*[Hang(30)] * 20)
        hangs.append(time.monotonic())
    return FAST


def test_a_cancelled_project_ends_what_hangs(
    many: Project, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.ingest.flights.LONGEST_LOOK", 0.2)
    provider.plan(*[Hang(30)] * 20)
    timer = threading.Timer(0.5, cancel, [many])
    timer.start()
    started = time.monotonic()
    outcome, _notes = process(many)
    timer.join()

    assert outcome.result is Result.BUSY
    assert time.monotonic() - started < 5


def test_a_worker_that_lost_its_lease_stores_nothing_more(
    many: Project, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.headers = lambda body: _lose(many, provider)
    outcome, _notes = process(many)

    assert outcome.result is Result.BUSY
    assert models.Chunk.objects.count() < CHUNKS / 2


def _lose(project: Project, provider: Provider) -> dict[str, str]:
    if len(provider.requests) in (5, 6, 7):
        cancel(project)
    return FAST


def cancel(project: Project) -> None:
    """From a thread of its own, as another process would."""
    ProjectRAG.objects.cancel(project.rag.pk)
    connection.close()


def test_without_any_headers_it_works_too(many: Project, provider: Provider) -> None:
    provider.headers = lambda body: {}

    assert process(many)[0].result is Result.READY


def test_the_local_model_is_asked_one_by_one(many: Project, settings: Settings) -> None:
    settings.RAG_DELAY = "auto"  # the fake model's embeddings need no waiting, as the local one's

    assert process(many)[0].result is Result.READY


def test_the_embedder_tells_what_each_threads_last_call_brought(provider: Provider) -> None:
    embedder = embeddings.configured()
    embedder.embed_documents(["one"])
    elsewhere = list[throttle.Answer]()
    thread = threading.Thread(target=lambda: elsewhere.append(embedder.told))
    thread.start()
    thread.join()

    assert embedder.told.tokens == 1
    assert embedder.told.quota is not None
    assert embedder.told.quota.tokens.limit == 600_000
    assert elsewhere == [throttle.Answer()]


def test_a_refusal_carries_the_quota(provider: Provider) -> None:
    provider.plan(Refusal(429, "slow down", "rate_limit_exceeded", FAST))

    with pytest.raises(embeddings.RateLimited) as caught:
        embeddings.configured().embed_documents(["one"])
    assert caught.value.quota is not None
