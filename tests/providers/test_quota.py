"""A provider whose credit is used up stops the run, and nothing else of the site."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from portfolio.models import Project
from rag import models
from tests.git_fixtures import Repository, repository
from tests.providers import Provider, dialects, serving
from tests.rag.conftest import local_repositories, project, run

__all__ = ["local_repositories", "project", "repository", "run"]
pytestmark = pytest.mark.django_db
NO_CREDIT = dialects.Dialect().no_credit()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """Embeds; answers are quoted."""
    cache.clear()
    with serving(dialects.Dialect()) as server:
        server.lead(settings)
        settings.EMBEDDING_PROVIDER, settings.LLM_PROVIDER = "openai", "extractive"
        yield server


def test_the_run_stops_at_once_and_the_site_goes_on_answering(
    project: Project, provider: Provider, run: Callable[..., Any], repository: Repository, client: Client
) -> None:
    run(project, batch_size=1)
    repository.commit({f"thing/new{n}.py": f"def new{n}():\n    return {n}\n" for n in range(9)})
    provider.forget()
    provider.plan(*[NO_CREDIT] * 20)

    run(project, batch_size=1)

    assert (project.rag.error_code, len(provider.requests)) == ("embedding_quota", 1)
    assert "OPENAI_API_KEY" in project.rag.processing_error
    pages = [f"/projects/{project.slug}/{rest}" for rest in ("", "panel/", "chat/")]
    assert [client.get(path).status_code for path in ("/", "/healthz", *pages)] == [200] * 5
    question = {"question": "How does greet say hello to somebody?"}
    answer = client.post(f"/api/projects/{project.slug}/ask/", question, "application/json").json()
    assert (answer["status"], answer["found"]) == ("complete", True)
    assert "thing/greet.py" in {source["path"] for source in answer["sources"]}
    assert models.Message.objects.get().revision == project.rag.live_revision
