"""Mistakes in the settings are found before a visitor finds them."""

from decimal import Decimal

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from config import gunicorn
from rag import visitors


def found() -> set[str | None]:
    return {message.id for message in run_checks()}


def test_the_settings_of_a_computer_of_ones_own_are_fine(settings: Settings) -> None:
    settings.DEBUG = True
    assert not {found_id for found_id in found() if str(found_id).startswith("rag.")}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"DEBUG": False, "RAG_ALLOW_LOCAL_REPOSITORIES": True}, "rag.E001"),
        ({"DEBUG": False, "EMBEDDING_PROVIDER": "fake"}, "rag.E002"),
        ({"DEBUG": False, "LLM_PROVIDER": "fake"}, "rag.E002"),
        ({"DEBUG": False, "LLM_PROVIDER": "Fake"}, "rag.E002"),
        ({"EMBEDDING_PROVIDER": "opnai"}, "rag.E003"),
        ({"LLM_PROVIDER": "grok"}, "rag.E003"),
        ({"LLM_PROVIDER": "groq", "GROQ_API_KEY": ""}, "rag.E004"),
        ({"EMBEDDING_PROVIDER": "openai", "OPENAI_API_KEY": ""}, "rag.E004"),
        ({"EMBEDDING_PROVIDER": "groq"}, "rag.E003"),
        ({"LLM_PROVIDER": "azure", "AZURE_OPENAI_KEY": "key"}, "rag.E004"),
        ({"LLM_PROVIDER": "lmstudio"}, "rag.E004"),
        ({"LLM_PROVIDER": "compatible", "LLM_MODEL": "m"}, "rag.E004"),
        ({"LLM_PROVIDER": "groq", "GROQ_API_KEY": "“key”"}, "rag.E010"),
        ({"LLM_PROVIDER": "groq", "GROQ_API_KEY": '"key"'}, "rag.E010"),
        ({"LLM_PROVIDER": "lmstudio", "LMSTUDIO_MODEL": "m", "LMSTUDIO_BASE_URL": "localhost:1234"}, "rag.E010"),
        ({"EMBEDDING_PROVIDER": "local", "EMBEDDING_DIMENSIONS": 64}, "rag.E011"),
        ({"LLM_PROVIDER": "lmstudio", "LMSTUDIO_MODEL": "m", "LMSTUDIO_BASE_URL": "http://10.0.0.1/v1"}, "rag.W012"),
        ({"LLM_PROVIDER": "conditional", "LLM_PROVIDER_SIMPLE": "", "LLM_PROVIDER_COMPLEX": "extractive"}, "rag.E003"),
        (
            {"LLM_PROVIDER": "conditional", "LLM_PROVIDER_SIMPLE": "fake", "LLM_PROVIDER_COMPLEX": "conditional"},
            "rag.E003",
        ),
        ({"LLM_PROVIDER": "conditional", "LLM_PROVIDER_SIMPLE": "fake", "LLM_PROVIDER_COMPLEX": "openai"}, "rag.E004"),
        ({"LLM_FALLBACKS": ["auto"]}, "rag.E003"),
        ({"LLM_FALLBACKS": ["openai", "extractive"]}, "rag.E004"),
        ({"LLM_FALLBACKS": ["fake"], "LLM_PROVIDER": "extractive", "DEBUG": False}, "rag.E002"),
        ({"LLM_FALLBACKS": ["extractive", "fake"]}, "rag.W019"),
        ({"LLM_ROLLOUT": ["azure=10"]}, "rag.E004"),
        ({"LLM_ROLLOUT": ["azur=10"]}, "rag.E003"),
        ({"LLM_ROLLOUT": ["azure"]}, "rag.E017"),
        ({"LLM_ROLLOUT": ["fake=60", "extractive=41"]}, "rag.E017"),
        ({"LLM_TOKENS_PER_MINUTE": ["groq"]}, "rag.E017"),
        ({"LLM_TOKENS_PER_MINUTE": ["grok=8000"]}, "rag.E003"),
        ({"LLM_PROVIDER": "groq", "GROQ_API_KEY": "key", "RAG_ANSWER_TOKENS": 8_000}, "rag.W020"),
        (
            {
                "LLM_PROVIDER": "extractive",
                "LLM_FALLBACKS": ["lmstudio"],
                "LMSTUDIO_MODEL": "m",
                "LLM_CONTEXT_TOKENS": 1_024,
            },
            "rag.W020",
        ),
        ({"COMPLEXITY_THRESHOLD": 70.0}, "rag.E018"),
        ({"RAG_GIT_TOKENS": ["ghp_token"]}, "rag.E005"),
        ({"RAG_CHUNK_SIZE": 300, "RAG_CHUNK_OVERLAP": 200}, "rag.E006"),
        ({"RAG_MAX_STREAMS": gunicorn.threads}, "rag.E007"),
        ({"NUM_PROXIES": 0, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, "rag.W009"),
        ({"RAG_PRICES": ["gpt-4o=1:2"]}, "rag.E013"),
        ({"RAG_ASSUMED_PRICE": "a lot"}, "rag.E014"),
    ],
)
def test_a_mistake_is_found(settings: Settings, changes: dict[str, object], expected: str) -> None:
    settings.DEBUG = True
    for name, value in changes.items():
        setattr(settings, name, value)

    assert expected in found()


def test_a_missing_key_is_told_with_the_setting_that_needs_it(settings: Settings) -> None:
    settings.LLM_FALLBACKS = ["together", "extractive"]
    (told,) = [message.msg for message in run_checks() if message.id == "rag.E004"]
    assert told == "TOGETHER_API_KEY is not set, and LLM_FALLBACKS=together needs it."


def test_groqs_free_tier_has_room_with_the_defaults(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY, settings.LLM_TOKENS_PER_MINUTE = "groq", "key", ["groq=6000"]
    assert not {found_id for found_id in found() if str(found_id).startswith("rag.")} - {"rag.E002"}


def test_two_providers_and_a_rollout_can_be_fine(settings: Settings) -> None:
    settings.DEBUG, settings.LLM_PROVIDER, settings.GROQ_API_KEY = True, "conditional", "key"
    settings.LLM_PROVIDER_SIMPLE, settings.LLM_PROVIDER_COMPLEX = "extractive", "groq"
    settings.LLM_ROLLOUT, settings.LLM_FALLBACKS = ["fake=10"], ["fake", "extractive"]
    assert not {found_id for found_id in found() if str(found_id).startswith("rag.")}


@pytest.mark.parametrize("rate", ["20", "x/min", "20/", "20/parsec", ""])
def test_a_rate_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    monkeypatch.setattr(visitors.QuestionThrottle, "THROTTLE_RATES", {"ask": rate})

    assert "rag.E008" in found()


def test_a_price_that_nobody_states_is_found_when_deploying(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.OPENAI_MODEL, settings.RAG_PRICES = "openai", "mystery", []
    said = [message for message in run_checks(include_deployment_checks=True) if message.id == "rag.W015"]

    assert len(said) == 1 and "openai/mystery" in said[0].msg and "rag.W015" not in found()


def test_a_price_that_is_stated_or_published_is_fine(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.RAG_PRICES = "openai", ["openai/mystery=1:2"]
    for model in ("mystery", "gpt-4o-mini"):
        settings.OPENAI_MODEL = model
        assert "rag.W015" not in {message.id for message in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(("budget", "expected"), [("0", False), ("0.50", True), ("5", False)])
def test_a_budget_that_is_less_than_one_question_is_found(settings: Settings, budget: str, expected: bool) -> None:
    settings.LLM_PROVIDER, settings.OPENAI_MODEL, settings.RAG_PRICES = "openai", "mystery", []
    settings.RAG_PROJECT_DAILY_BUDGET_USD = Decimal(budget)

    ids = {message.id for message in run_checks(include_deployment_checks=True)}
    assert ("rag.W016" in ids) is expected
