"""No more is sent than a model takes."""

import pytest
from pytest_django import Settings

from rag import providers
from rag.llm import windows


@pytest.fixture(autouse=True)
def _roomy(settings: Settings) -> None:
    settings.RAG_PROMPT_TOKENS, settings.RAG_ANSWER_TOKENS = 20_000, 1_200


def test_where_nothing_is_known_the_setting_decides(settings: Settings) -> None:
    assert [windows.prompt_tokens(name) for name in ("openai", "extractive", "fake")] == [20_000] * 3


def test_groqs_free_tier_takes_prompt_and_answer_within_its_minute(settings: Settings) -> None:
    answer = windows.answer_tokens(providers.chat("groq"))
    assert answer == 1_200 + 512
    assert 5_000 < windows.prompt_tokens("groq") <= 8_000 - answer


def test_whoever_pays_says_how_much_it_takes(settings: Settings) -> None:
    settings.LLM_TOKENS_PER_MINUTE = ["groq=250000", "OpenAI = 10000"]
    assert windows.prompt_tokens("groq") == 20_000
    assert windows.prompt_tokens("openai") < 10_000


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("llama3-8b-8192", 8_192),
        ("google/gemma-2-9b-it", 8_192),
        ("gpt-4", 8_192),
        ("phi-2", 4_096),
        ("gpt-35-turbo", 16_385),
    ],
)
def test_a_small_window_is_known_by_its_name(settings: Settings, model: str, most: int) -> None:
    settings.TOGETHER_MODEL = model
    assert windows.window(model) == most
    assert windows.prompt_tokens("together") <= most - 1_200


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-4-turbo", "gpt-4.1", "openai/gpt-oss-120b", "llama-3.3-70b-versatile", "gpt-6-luna"]
)
def test_a_large_one_is_not_taken_for_it(model: str) -> None:
    assert windows.window(model) == 0


def test_a_window_can_be_stated(settings: Settings) -> None:
    settings.LLM_CONTEXT_TOKENS = 4_096
    assert windows.prompt_tokens("lmstudio") < 4_096 - 1_200


def test_some_of_the_code_is_always_sent(settings: Settings) -> None:
    settings.LLM_CONTEXT_TOKENS = 1_000
    assert windows.prompt_tokens("lmstudio") == windows.LEAST


@pytest.mark.parametrize("entry", ["groq", "groq=many", "8000", "groq=-5"])
def test_what_cannot_be_understood_is_told(settings: Settings, entry: str) -> None:
    settings.LLM_TOKENS_PER_MINUTE = [entry]
    with pytest.raises(ValueError, match="LLM_TOKENS_PER_MINUTE"):
        windows.stated_rates()
