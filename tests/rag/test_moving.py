"""Another embedding model or provider: built beside the live index, priced first, and asked where it was made."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from pytest_django import Settings

from portfolio.models import Project
from rag import models, retrieval
from rag.ingest import estimate
from rag.worker import Outcome, Result
from tests.providers import Provider, dialects, serving
from tests.rag.conftest import Notes

pytestmark = pytest.mark.django_db

Run = Callable[..., Outcome]
Servers = dict[str, Provider]


@pytest.fixture
def servers(settings: Settings) -> Iterator[Servers]:
    """OpenAI's, Azure's and Together's, all of them set up; OpenAI's is chosen."""
    settings.EMBEDDING_PROVIDER = "openai"
    with serving(dialects.OPENAI) as openai, serving(dialects.AZURE) as azure, serving(dialects.TOGETHER) as together:
        for server in (openai, azure, together):
            server.lead(settings)
        yield {"openai": openai, "azure": azure, "together": together}


def live(project: Project) -> models.Revision:
    project.rag.refresh_from_db()
    assert project.rag.live_revision is not None
    return project.rag.live_revision


def made_by(project: Project) -> tuple[str, str, int]:
    revision = live(project)
    return revision.embedding_provider, revision.embedding_model, revision.dimensions


def test_the_price_is_told_before_anything_is_paid(project: Project, run: Run, servers: Servers) -> None:
    asked_at_note: list[int] = []

    class Watching(Notes):
        def note(self, sentence: str) -> None:
            super().note(sentence)
            asked_at_note.append(len(servers["openai"].requests))

    report = Watching()
    run(project, report=report)

    assert report.sentences[-1].startswith("To pay: 3 texts to embed with text-embedding-3-small by openai, at most ")
    assert asked_at_note[-1] == 0
    assert made_by(project) == ("openai", "text-embedding-3-small", 1_536)


def test_another_provider_is_built_beside_and_the_old_answers_until_then(
    project: Project, run: Run, servers: Servers, settings: Settings
) -> None:
    run(project)
    settings.EMBEDDING_PROVIDER = "together"
    servers["together"].plan(*[servers["together"].dialect.missing_model()] * 2)

    assert run(project).result is Result.FAILED
    assert made_by(project) == ("openai", "text-embedding-3-small", 1_536)
    assert retrieval.search(live(project), "greet").passages

    report = Notes()
    assert run(project, report=report).result is Result.READY
    assert made_by(project) == ("together", dialects.EMBEDDING_MODEL, 768)
    assert any("text-embedding-3-small made the live index" in sentence for sentence in report.sentences)
    assert any("its price is not known" in sentence for sentence in report.sentences)


def test_a_question_goes_to_who_made_the_index(
    project: Project, run: Run, servers: Servers, settings: Settings
) -> None:
    run(project)
    servers["openai"].forget()
    settings.EMBEDDING_PROVIDER = "together"

    assert retrieval.search(live(project), "greet").passages
    assert [request.body["input"] for request in servers["openai"].requests] == [["greet"]]
    assert servers["together"].requests == []


def test_the_same_model_at_another_provider_costs_nothing(
    project: Project, run: Run, servers: Servers, settings: Settings
) -> None:
    run(project)
    settings.EMBEDDING_PROVIDER = "azure"

    run(project)

    assert made_by(project) == ("azure", "text-embedding-3-small", 1_536)
    assert (live(project).embedded_count, live(project).reused_count) == (0, 3)
    assert servers["azure"].requests == []


def test_a_deployment_that_does_not_say_its_model_is_paid_for(
    project: Project, run: Run, servers: Servers, settings: Settings
) -> None:
    run(project)
    settings.EMBEDDING_PROVIDER, settings.AZURE_OPENAI_EMBEDDING_MODEL = "azure", ""

    run(project)

    assert made_by(project) == ("azure", "azure:my-vectors", 1_536)
    assert live(project).embedded_count == 3


def test_shorter_vectors_are_another_index(project: Project, run: Run, servers: Servers, settings: Settings) -> None:
    run(project)
    settings.EMBEDDING_DIMENSIONS = 256

    run(project)

    assert made_by(project) == ("openai", "text-embedding-3-small", 256)
    settings.EMBEDDING_DIMENSIONS = 0
    assert retrieval.search(live(project), "greet").passages


def test_a_server_whose_model_was_swapped_under_its_name_is_noticed(
    project: Project, run: Run, servers: Servers, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDING_PROVIDER = "together"
    run(project)
    monkeypatch.setattr(dialects.Together, "dimensions", 512)
    settings.RAG_TIMEOUT = 19  # as in a process that has not asked yet

    run(project)

    assert made_by(project)[2] == 512


def test_an_estimate_says_when_a_price_is_not_known(project: Project, servers: Servers, settings: Settings) -> None:
    assert "tokens and under $0.0001" in estimate.of(project.rag).sentence
    settings.EMBEDDING_PROVIDER = "together"
    assert "its price is not known" in estimate.of(project.rag).sentence


def test_a_question_that_is_remembered_is_not_paid_again_and_needs_no_budget(
    project: Project, run: Run, servers: Servers, settings: Settings
) -> None:
    run(project)
    paid = models.Call.objects.filter(purpose=models.Call.Purpose.QUESTION)
    first = retrieval.search(live(project), "greet")
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.000001")

    assert retrieval.search(live(project), "greet") == first
    assert paid.get().tokens_in > 0
