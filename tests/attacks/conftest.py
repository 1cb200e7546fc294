"""Repositories, runs and providers for attacks that go through the whole line."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.git_fixtures import https_repository, own_temporary_folder, repository
from tests.providers import Provider, dialects, serving
from tests.rag.conftest import local_repositories, run

__all__ = ["https_repository", "local_repositories", "own_temporary_folder", "repository", "run"]


@pytest.fixture(autouse=True)
def _nobody_asked_before() -> None:
    """The throttle counts in the cache, which outlives a test."""
    cache.clear()


@pytest.fixture(scope="module")
def _server() -> Iterator[Provider]:
    with serving(dialects.Dialect()) as server:
        yield server


@pytest.fixture
def provider(_server: Provider, settings: Settings) -> Provider:
    """Embeds and answers through the real SDK, and has recorded each request's body."""
    _server.forget()
    chosen = {**_server.settings, "EMBEDDING_PROVIDER": "openai", "LLM_PROVIDER": "openai", "RAG_TIMEOUT": 20.0}
    for name, value in chosen.items():
        setattr(settings, name, value)
    return _server
