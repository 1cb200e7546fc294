"""Every provider's own server to talk to, and its model."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from rag.llm import completion
from rag.providers import chat
from tests import providers
from tests.providers import dialects

Make = Callable[..., completion.Completion]


@pytest.fixture(params=dialects.ALL, ids=lambda dialect: dialect.name)
def provider(request: pytest.FixtureRequest, settings: Settings) -> Iterator[providers.Provider]:
    with providers.serving(request.param) as running:
        running.lead(settings)
        yield running


@pytest.fixture
def make(provider: providers.Provider) -> Make:
    """The model that `provider` serves: `make(timeout=0.3)`."""

    def model(timeout: float = 5.0) -> completion.Completion:
        return completion.Completion(chat(provider.dialect.name), timeout=timeout, connections=4)

    return model
