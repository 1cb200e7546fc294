"""What tests of the line share: repositories of their own, and a run at hand."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import admission, embeddings, ingest
from rag.embeddings import fake
from rag.interruption import Interruption
from rag.worker import Outcome, Worker
from tests.git_fixtures import Repository, https_repository, own_temporary_folder, repository

__all__ = ["https_repository", "own_temporary_folder", "repository"]


class Notes:
    """A report that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self.sentences: list[str] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def progress(self, done: int, total: int, speed: str = "") -> None:
        self.steps.append((self.stages[-1], done, total))

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def finish(self) -> None:
        """Nothing is open."""


@pytest.fixture
def local_repositories(settings: Settings) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = True


@pytest.fixture
def project(repository: Repository, local_repositories: None) -> Project:
    """A project on `repository`, which has three small files."""
    repository.commit({
        "README.md": "# Thing\n\nIt greets.\n",
        "thing/greet.py": 'def greet(name):\n    """Say hello to somebody."""\n    return f"Hello {name}"\n',
        "thing/part.py": 'def part(name):\n    """Say goodbye."""\n    return f"Goodbye {name}"\n',
    })  # fmt: skip
    return Project.objects.create(title="Thing", repository_url=str(repository.path), is_published=True)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of every call to the embedding model, as they happen."""
    made: list[list[str]] = []
    original = type(embeddings.configured()).embed_documents

    def counted(self: fake.FakeEmbedder, texts: list[str]) -> list[embeddings.Vector]:
        made.append(list(texts))
        return original(self, texts)

    monkeypatch.setattr(type(embeddings.configured()), "embed_documents", counted)
    return made


@pytest.fixture
def run() -> Callable[..., Outcome]:
    """Process a project: `run(project, batch_size=2, force=True)`."""

    def process(project: Project, *, report: ingest.Report | None = None, **options: object) -> Outcome:
        chosen = ingest.Options(**({"batch_size": 25} | options))  # type: ignore[arg-type]
        worker = Worker(options=chosen, interruption=Interruption(), report=report or Notes())
        outcome = worker.process(project.rag.pk)
        project.rag = ProjectRAG.objects.select_related("live_revision").get(project=project)
        return outcome

    return process


@pytest.fixture
def two_places(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For answers, and nobody has been turned away lately."""
    settings.RAG_MAX_STREAMS = 2
    monkeypatch.setattr(admission, "crowd", admission.Crowd())
    admission.places.cache_clear()
    yield
    admission.places.cache_clear()
