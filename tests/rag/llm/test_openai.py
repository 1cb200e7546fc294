"""What differs between the models that speak OpenAI's protocol."""

import pytest
from pytest_django import Settings

from rag.llm import openai
from tests import providers
from tests.rag.passages import prompt


def test_the_request_is_one_that_openai_documents(settings: Settings, provider: providers.Provider) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", f"{provider.url}/v1"
    list(openai.build().stream(prompt(), max_tokens=100))
    request = provider.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.body["stream_options"] == {"include_usage": True}
    assert request.body["max_completion_tokens"] == 612


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-5", "o4-mini", "openai/gpt-5-mini", "gpt-10"])
def test_models_that_think_are_told_to_be_brief(model: str) -> None:
    assert openai.allowance(model, 100) == {"max_completion_tokens": 612, "reasoning_effort": "low"}


@pytest.mark.parametrize("model", ["gpt-4o-mini", "llama3.1:8b", "mistral-7b", "phi-4", "foo1"])
def test_others_are_asked_in_the_words_that_every_server_knows(model: str) -> None:
    assert openai.allowance(model, 100) == {"max_tokens": 100}
