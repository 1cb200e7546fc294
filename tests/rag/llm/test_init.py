"""Which model the settings choose."""

import inspect

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from rag import llm, providers
from rag.llm import completion, extractive, fake


@pytest.mark.parametrize(
    ("groq_key", "openai_key", "expected"),
    [("g", "", "groq"), ("g", "o", "groq"), ("", "o", "openai"), ("", "", "extractive")],
)
def test_the_first_key_decides(settings: Settings, groq_key: str, openai_key: str, expected: str) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY, settings.OPENAI_API_KEY = "auto", groq_key, openai_key
    assert llm.configured().provider == expected


@pytest.mark.parametrize("name", providers.CHAT)
def test_a_name_decides_over_keys(settings: Settings, name: str) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY, settings.OPENAI_API_KEY = name, "g", "o"
    assert llm.configured().provider == name


def test_a_provider_can_be_had_by_its_name_beside_the_chosen_one(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.TOGETHER_MODEL = "groq", "a-model"
    beside = llm.named("together")
    assert (beside.provider, beside.model) == ("together", "a-model")
    assert llm.named("together") is beside


def test_no_key_never_means_the_fake(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY, settings.OPENAI_API_KEY = "auto", "", ""
    assert llm.configured().provider != "fake"


def test_an_unknown_name_is_refused_with_those_that_are_known(settings: Settings) -> None:
    settings.LLM_PROVIDER = "parrot"
    with pytest.raises(ImproperlyConfigured, match=r"'parrot'.*groq, openai, azure"):
        llm.configured()


def test_one_client_serves_all_threads_until_a_setting_changes(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY = "groq", "first"
    model = llm.configured()
    assert llm.configured() is model
    settings.GROQ_API_KEY = "second"
    assert llm.configured() is not model


@pytest.mark.parametrize("adapter", [completion.Completion, extractive.Extractive])
def test_the_fake_takes_what_the_real_ones_take(adapter: type[llm.ChatModel]) -> None:
    def parameters(model: type[llm.ChatModel]) -> list[tuple[str, object]]:
        return [(name, each.kind) for name, each in inspect.signature(model.stream).parameters.items()]

    assert parameters(adapter) == parameters(fake.Fake)
