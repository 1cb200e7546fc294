"""Who may be asked for answers."""

import pytest
from pytest_django import Settings

from rag.providers import choices
from rag.providers.choices import Share


def used() -> list[tuple[str, str]]:
    return [(use.name, use.role) for use in choices.in_use()]


def test_one_alone(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "groq", ["none"]
    assert used() == [("groq", "")]


def test_the_passages_answer_when_nobody_else_can(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "Groq", ["OpenAI", "extractive"]
    assert used() == [("groq", ""), ("openai", "fallback"), ("extractive", "fallback")]


def test_two_by_the_kind_of_question(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "conditional", ["openai"]
    settings.LLM_PROVIDER_SIMPLE, settings.LLM_PROVIDER_COMPLEX = "lmstudio", "openai"
    assert used() == [("lmstudio", "simple"), ("openai", "complex")]


def test_shares_of_the_conversations(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_ROLLOUT = "groq", ["azure=10", " Together = 2.5"]
    assert choices.shares() == [Share(name="azure", percent=10), Share(name="together", percent=2.5)]
    assert used() == [("groq", ""), ("azure", "10 %"), ("together", "2.5 %")]


def test_shares_may_be_all_there_is(settings: Settings) -> None:
    settings.LLM_ROLLOUT = ["azure=64.4", "groq=20.2", "openai=15.4"]
    assert len(choices.shares()) == 3


@pytest.mark.parametrize(
    "rollout", [["azure"], ["azure=ten"], ["azure=-1"], ["azure=101"], ["azure=60", "groq=60"], ["a=nan"]]
)
def test_shares_that_make_no_sense_are_told(settings: Settings, rollout: list[str]) -> None:
    settings.LLM_ROLLOUT = rollout
    with pytest.raises(ValueError, match="LLM_ROLLOUT"):
        choices.shares()
