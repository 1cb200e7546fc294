"""How each family of models is told to keep its length."""

import pytest
from pytest_django import Settings

from rag import providers
from rag.llm import families

BRIEFLY = {"max_completion_tokens": 612, "reasoning_effort": "low"}


def asked(provider: str, model: str, settings: Settings) -> dict[str, object]:
    access = providers.chat(provider)
    setattr(settings, access.reach.really or access.reach.model, model)
    return families.allowance(providers.chat(provider), 100)


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-5", "o4-mini", "openai/gpt-5-mini", "gpt-10"])
@pytest.mark.parametrize("provider", ["openai", "azure", "compatible"])
def test_openais_models_that_think_are_told_to_be_brief(settings: Settings, provider: str, model: str) -> None:
    assert asked(provider, model, settings) == BRIEFLY


@pytest.mark.parametrize("model", ["gpt-5-chat-latest", "openai/gpt-5.1-chat", "gpt-5.2-chat-latest", "gpt-5-pro"])
@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_those_that_take_no_effort_are_told_none(settings: Settings, provider: str, model: str) -> None:
    assert asked(provider, model, settings) == {"max_completion_tokens": 612}


@pytest.mark.parametrize("model", ["gpt-4o-mini", "llama3.1:8b", "mistral-7b", "phi-4", "foo1"])
@pytest.mark.parametrize("provider", ["openai", "azure", "together", "lmstudio", "compatible"])
def test_others_are_asked_in_the_words_that_every_server_knows(settings: Settings, provider: str, model: str) -> None:
    assert asked(provider, model, settings) == {"max_tokens": 100}


@pytest.mark.parametrize("model", ["openai/gpt-oss-120b", "qwen3:8b", "deepseek-ai/DeepSeek-R1", "QwQ-32B"])
@pytest.mark.parametrize("provider", ["together", "lmstudio", "compatible"])
def test_open_models_that_think_get_room_for_it(settings: Settings, provider: str, model: str) -> None:
    assert asked(provider, model, settings) == {"max_tokens": 612}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-oss-120b", {**BRIEFLY, "include_reasoning": False}),
        ("qwen/qwen3-32b", {"max_completion_tokens": 612, "reasoning_format": "hidden"}),
        ("deepseek-r1-distill-llama-70b", {"max_completion_tokens": 612, "reasoning_format": "hidden"}),
        ("llama-3.3-70b-versatile", {"max_completion_tokens": 100}),
    ],
)
def test_groq_keeps_reasoning_out_of_the_answer(settings: Settings, model: str, expected: dict[str, object]) -> None:
    assert asked("groq", model, settings) == expected


@pytest.mark.parametrize(("version", "name"), [("2024-10-21", "max_completion_tokens"), ("2024-02-01", "max_tokens")])
def test_a_deployment_of_whatever_gets_room_in_the_words_of_its_version(
    settings: Settings, version: str, name: str
) -> None:
    settings.AZURE_OPENAI_DEPLOYMENT, settings.AZURE_OPENAI_API_VERSION = "mine", version
    assert families.allowance(providers.chat("azure"), 100) == {name: 612}
