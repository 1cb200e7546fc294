"""From every state that nobody leaves by himself the admin's action leads to a project that is ready."""

from collections.abc import Callable

import pytest
from django.test import Client

from portfolio.claims import MAX_ATTEMPTS
from portfolio.models import Project, ProjectRAG
from rag import embeddings
from rag.embeddings import fake
from rag.worker import Outcome, Result
from tests.git_fixtures import Repository
from tests.rag.test_admin import act

pytestmark = pytest.mark.django_db
Run = Callable[..., Outcome]
Kill = Callable[[Project], object]
CODES = {"quota": "embedding_quota", "key": "embedding_key", "crashed": "crashed", "cancelled": ""}


@pytest.fixture
def failing(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], Kill]:
    """A run that ends with what the embedding provider says."""

    def ending(error: Exception) -> Kill:
        def refuse(*_: object) -> list[embeddings.Vector]:
            raise error

        def process(project: Project) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(fake.FakeEmbedder, "embed_documents", refuse)
                run(project)

        return process

    return ending


def crash(project: Project) -> None:
    """Its worker was killed each time."""
    for _ in range(MAX_ATTEMPTS):
        assert ProjectRAG.objects.claim(project.rag.pk)
        ProjectRAG.objects.filter(project=project).update(lease_expires_at="2000-01-01T00:00Z")
        ProjectRAG.objects.sweep()


def cancel(project: Project) -> None:
    """While it is being processed."""
    assert ProjectRAG.objects.claim(project.rag.pk) and ProjectRAG.objects.cancel(project.rag.pk)


def is_due(project: Project) -> bool:
    return ProjectRAG.objects.due().filter(project=project).exists()


@pytest.mark.parametrize("state", CODES)
def test_the_action_leads_out_of_it(
    admin_client: Client, project: Project, run: Run, failing: Callable[[Exception], Kill], state: str
) -> None:
    ends: dict[str, Kill] = {"crashed": crash, "cancelled": cancel}
    ends |= {"quota": failing(embeddings.QuotaExhausted()), "key": failing(embeddings.KeyRefused())}
    ends[state](project)
    project.rag.refresh_from_db()
    assert (project.rag.error_code, project.rag.lease_token, is_due(project)) == (CODES[state], None, False)

    assert "1 queued for processing" in act(admin_client, "process_again", project.rag)

    assert is_due(project)
    assert run(project).result is Result.READY
    assert (project.rag.error_code, project.rag.processing_error, project.rag.attempts) == ("", "", 0)


def test_one_that_shrank_goes_on_answering_until_it_is_reset(
    admin_client: Client, project: Project, run: Run, repository: Repository
) -> None:
    run(project)
    repository.commit({"thing/greet.py": None, "thing/part.py": None})
    run(project)
    assert project.rag.error_code == "shrunk" and not is_due(project)

    act(admin_client, "process_again", project.rag)
    assert run(project).result is Result.FAILED and project.rag.can_answer
    assert "reset it in the admin" in project.rag.processing_error
    act(admin_client, "reset", project.rag, confirmed="yes")
    act(admin_client, "process_again", project.rag)

    assert is_due(project) and run(project).result is Result.READY
