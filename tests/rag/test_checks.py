"""Mistakes in the settings are found before a visitor finds them."""

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
        ({"LLM_PROVIDER": "lmstudio", "LMSTUDIO_MODEL": "m", "LMSTUDIO_BASE_URL": "localhost:1234"}, "rag.E010"),
        ({"EMBEDDING_PROVIDER": "local", "EMBEDDING_DIMENSIONS": 64}, "rag.E011"),
        ({"LLM_PROVIDER": "lmstudio", "LMSTUDIO_MODEL": "m", "LMSTUDIO_BASE_URL": "http://10.0.0.1/v1"}, "rag.W012"),
        ({"RAG_GIT_TOKENS": ["ghp_token"]}, "rag.E005"),
        ({"RAG_CHUNK_SIZE": 300, "RAG_CHUNK_OVERLAP": 200}, "rag.E006"),
        ({"RAG_MAX_STREAMS": gunicorn.threads}, "rag.E007"),
        ({"NUM_PROXIES": 0, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, "rag.W009"),
    ],
)
def test_a_mistake_is_found(settings: Settings, changes: dict[str, object], expected: str) -> None:
    settings.DEBUG = True
    for name, value in changes.items():
        setattr(settings, name, value)

    assert expected in found()


@pytest.mark.parametrize("rate", ["20", "x/min", "20/", "20/parsec", ""])
def test_a_rate_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    monkeypatch.setattr(visitors.QuestionThrottle, "THROTTLE_RATES", {"ask": rate})

    assert "rag.E008" in found()
