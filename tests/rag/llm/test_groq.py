"""What differs between Groq's models."""

import pytest
from pytest_django import Settings

from rag.llm import groq
from tests import providers
from tests.rag.passages import prompt


def test_the_request_is_one_that_groq_documents(settings: Settings, provider: providers.Provider) -> None:
    settings.GROQ_API_KEY, settings.GROQ_BASE_URL = "key", provider.url
    list(groq.build().stream(prompt(), max_tokens=100))
    request = provider.requests[0]
    assert request.path == "/openai/v1/chat/completions"
    assert set(request.body) == {
        "model", "messages", "stream", "max_completion_tokens", "include_reasoning", "reasoning_effort",
    }  # fmt: skip


def test_a_model_that_thinks_gets_room_for_it_and_keeps_it_to_itself() -> None:
    asked = groq.allowance("openai/gpt-oss-120b", 100)
    assert asked == {"max_completion_tokens": 612, "include_reasoning": False, "reasoning_effort": "low"}


@pytest.mark.parametrize("model", ["qwen/qwen3-32b", "deepseek-r1-distill-llama-70b"])
def test_families_that_think_in_the_text_are_told_to_hide_it(model: str) -> None:
    assert groq.allowance(model, 100) == {"max_completion_tokens": 612, "reasoning_format": "hidden"}


def test_other_models_are_asked_for_nothing_that_they_would_refuse() -> None:
    assert groq.allowance("llama-3.3-70b-versatile", 100) == {"max_completion_tokens": 100}
