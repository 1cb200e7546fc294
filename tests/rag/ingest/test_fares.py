"""What a run has put aside is settled however each of its calls ends, one after the other or several at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import embeddings, ingest, models
from rag.ingest import index
from rag.interruption import Interruption
from rag.spending import calls
from rag.worker import Outcome, Result, Worker
from tests.git_fixtures import Repository
from tests.providers import FAST, Half, Hang, Provider, Refusal, dialects, serving
from tests.rag.conftest import Notes

pytestmark = pytest.mark.django_db(transaction=True)

CHUNKS = 40
Process = Callable[..., Outcome]


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """A thousandth of a dollar a token."""
    with serving(dialects.OPENAI) as running:
        running.lead(settings)
        settings.EMBEDDING_PROVIDER = "openai"
        settings.RAG_PRICES = [f"openai/{running.settings['OPENAI_EMBEDDING_MODEL']}=1000"]
        settings.RAG_DAILY_BUDGET_USD = Decimal(1_000)
        running.headers = lambda body: FAST
        running.pause = 0.05
        yield running


@pytest.fixture
def many(repository: Repository, local_repositories: None) -> Project:
    words = "It says in words of several letters how the numbers are added. " * 6
    repository.commit({
        f"part{n}.py": f'def part_{n}(value):\n    """{words}"""\n    return value + {n}\n' for n in range(CHUNKS)
    })  # fmt: skip
    return Project.objects.create(title="Many", repository_url=str(repository.path), is_published=True)


@pytest.fixture(params=["auto", 0.0])
def process(request: pytest.FixtureRequest, provider: Provider) -> Process:
    def run(project: Project, stopping: Interruption | None = None) -> Outcome:
        stopping = stopping or Interruption()
        options = ingest.Options(batch_size=3, delay=request.param)
        worker = Worker(options=options, interruption=stopping, report=Notes())
        with stopping.on_signals():
            outcome = worker.process(project.rag.pk)
        project.rag = ProjectRAG.objects.select_related("live_revision").get(project=project)
        return outcome

    return run


def assert_settled(project: Project) -> list[str]:
    """Nothing is held, and what was spent is the sum of the calls; the codes of those that brought nothing."""
    assert not models.Hold.objects.exists()
    paid = models.Call.objects.aggregate(paid=Sum("cost_usd"))["paid"]
    for scope in ("all", f"project:{project.pk}"):
        allowance = models.Allowance.objects.get(scope=scope)
        assert allowance.held_usd == 0
        assert allowance.spent_usd == paid
    stored = models.Call.objects.filter(error_code="").aggregate(cost=Sum("cost_usd"), tokens=Sum("tokens_in"))
    revision = models.Revision.objects.get()
    assert (revision.cost_usd, revision.tokens) == (stored["cost"] or 0, stored["tokens"] or 0)
    return sorted(models.Call.objects.exclude(error_code="").values_list("error_code", flat=True))


def sent(provider: Provider) -> list[str]:
    return [text for request in provider.requests for text in request.body["input"]]


def test_a_run_is_charged_what_its_answers_tell(many: Project, provider: Provider, process: Process) -> None:
    assert process(many).result is Result.READY

    assert assert_settled(many) == []
    assert models.Call.objects.count() == len(provider.requests)


def test_each_failed_try_is_a_call_and_only_silence_is_charged(
    many: Project, provider: Provider, process: Process
) -> None:
    refused = Refusal(429, "slow down", "rate_limit_exceeded", {"Retry-After": "0"})
    provider.plan(Half(), refused)
    assert process(many).result is Result.READY

    assert assert_settled(many) == ["embedding_rate_limited", "embedding_unavailable"]
    assert models.Call.objects.get(error_code="embedding_rate_limited").cost_usd == 0
    assert models.Call.objects.get(error_code="embedding_unavailable").cost_usd > 0
    assert models.Call.objects.count() == len(provider.requests)


def test_a_refused_batch_is_settled_and_each_half_held_anew(
    many: Project, provider: Provider, process: Process
) -> None:
    provider.plan(Refusal(400, "no"))
    assert process(many).result is Result.READY

    assert assert_settled(many) == ["embedding_input"]
    assert models.Call.objects.get(error_code="embedding_input").cost_usd == 0
    assert models.Chunk.objects.count() == CHUNKS


def test_what_cannot_pass_leaves_nothing_held(many: Project, provider: Provider, process: Process) -> None:
    provider.headers = lambda body: _then(provider, provider.dialect.no_credit())
    assert process(many).result is Result.FAILED

    codes = assert_settled(many)
    assert "embedding_quota" in codes and set(codes) <= {"embedding_quota", "stopped"}


def _then(provider: Provider, plan: Refusal | Hang, after: int = 6) -> dict[str, str]:
    if len(provider.requests) >= after:
        provider.plan(*[plan] * 20)
    return FAST


def test_what_a_signal_cuts_off_is_charged_as_it_was_sent(many: Project, provider: Provider, process: Process) -> None:
    provider.headers = lambda body: _then(provider, Hang(30))
    timer = threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGTERM])
    timer.start()
    outcome = process(many)
    timer.join()

    assert outcome.result is Result.STOPPED
    codes = assert_settled(many)
    assert codes and set(codes) == {"stopped"}
    assert all(call.cost_usd > 0 for call in models.Call.objects.all())
    assert models.Call.objects.count() == len(provider.requests)


def test_a_cancelled_project_is_charged_for_what_it_could_not_store(
    many: Project, provider: Provider, process: Process
) -> None:
    provider.headers = lambda body: _cancelled(many, provider)
    assert process(many).result is Result.BUSY

    codes = assert_settled(many)
    assert codes and set(codes) == {"stopped"}
    assert all(call.cost_usd > 0 for call in models.Call.objects.all())


def _cancelled(project: Project, provider: Provider) -> dict[str, str]:
    if len(provider.requests) in (5, 6, 7):
        ProjectRAG.objects.cancel(project.rag.pk)
        connection.close()
    return FAST


def test_what_is_in_the_air_when_the_budget_ends_is_stored(
    many: Project, provider: Provider, process: Process, settings: Settings
) -> None:
    """And it ends only when one alone has no room: what is held beside it is several times what that costs."""
    settings.RAG_DAILY_BUDGET_USD = budget = Decimal("3.50")
    assert process(many).result is Result.FAILED

    assert many.rag.error_code == "budget"
    assert assert_settled(many) == []
    assert 0 < models.Chunk.objects.count() == len(sent(provider)) < CHUNKS
    most = max(calls.most_tokens(request.body["input"]) for request in provider.requests)
    assert budget - Decimal(most) / 1000 - Decimal("0.1") < models.Allowance.objects.get(scope="all").spent_usd < budget


def test_what_is_in_the_air_when_it_is_switched_off_is_stored(
    many: Project, provider: Provider, process: Process
) -> None:
    provider.headers = lambda body: _switched_off(provider)
    assert process(many).result is Result.FAILED

    assert assert_settled(many) == []
    assert 0 < models.Chunk.objects.count() == len(sent(provider)) < CHUNKS


def _switched_off(provider: Provider) -> dict[str, str]:
    if len(provider.requests) >= 5:
        models.Switches(indexing_that_costs=False).save()
        connection.close()
    return FAST


def test_a_call_whose_storing_fails_is_settled_too(
    many: Project, provider: Provider, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, stored = index.store, list[None]()

    def failing(*arguments: object) -> None:
        if len(stored) == 3:
            raise embeddings.BadVectors
        store(*arguments)  # type: ignore[arg-type]
        stored.append(None)

    monkeypatch.setattr(index, "store", failing)
    process(many)

    codes = assert_settled(many)
    assert codes and set(codes) == {"stopped"}
    assert models.Call.objects.filter(error_code="").count() == 3
