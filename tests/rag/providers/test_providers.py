"""The rows of the providers, and what the settings make of them."""

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from config import env
from rag import providers
from tests.providers import dialects

NETWORKED = [provider for provider in providers.PROVIDERS if provider.protocol != "here"]
KEY = "a-key"


@pytest.mark.parametrize("provider", NETWORKED, ids=lambda provider: provider.name)
def test_every_setting_of_a_row_is_one_that_is_read(provider: providers.Provider) -> None:
    reaches = [reach for reach in (provider.chat, provider.embedding) if reach]
    named = {name for reach in reaches for name in (reach.key, reach.address, reach.model, reach.really) if name}

    assert named <= set(env.variables)
    assert all(hasattr(configured, name) for name in named)


def test_every_provider_behind_a_network_has_a_dialect_to_be_tried_with() -> None:
    assert {dialect.name for dialect in dialects.ALL} == {provider.name for provider in NETWORKED}


def test_the_guides_names_are_those_of_the_rows(settings: Settings) -> None:
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_KEY = "https://me.openai.azure.com/", KEY
    settings.AZURE_OPENAI_DEPLOYMENT, settings.AZURE_OPENAI_API_VERSION = "gpt-4", "2024-02-15-preview"

    access = providers.chat("azure")

    assert (access.problem(), access.model, access.version) == (None, "gpt-4", "2024-02-15-preview")


def test_auto_means_the_first_key(settings: Settings) -> None:
    settings.LLM_PROVIDER = settings.EMBEDDING_PROVIDER = "auto"
    settings.GROQ_API_KEY = settings.OPENAI_API_KEY = ""
    assert (providers.chosen_chat(), providers.chosen_embedding()) == ("extractive", "local")
    settings.OPENAI_API_KEY = KEY
    assert (providers.chosen_chat(), providers.chosen_embedding()) == ("openai", "openai")
    settings.GROQ_API_KEY = KEY
    assert (providers.chosen_chat(), providers.chosen_embedding()) == ("groq", "openai")


def test_a_key_is_not_shown(settings: Settings) -> None:
    settings.GROQ_API_KEY = "gsk-canary"
    assert "canary" not in repr(providers.chat("groq"))


@pytest.mark.parametrize("name", ["groq", "extractive"])
def test_a_provider_without_embeddings_has_none(name: str) -> None:
    with pytest.raises(KeyError):
        providers.embedding(name)


@pytest.mark.parametrize(
    ("name", "changes", "what"),
    [
        ("groq", {}, "GROQ_API_KEY is not set, and LLM_PROVIDER=groq needs it"),
        ("azure", {"AZURE_OPENAI_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT": "x"}, "AZURE_OPENAI_ENDPOINT is not set"),
        ("azure", {"AZURE_OPENAI_KEY": KEY, "AZURE_OPENAI_ENDPOINT": "https://x"}, "AZURE_OPENAI_DEPLOYMENT is not"),
        ("lmstudio", {}, "LMSTUDIO_MODEL is not set"),
        ("compatible", {"LLM_MODEL": "x"}, "LLM_BASE_URL is not set"),
        ("groq", {"GROQ_API_KEY": f"“{KEY}”"}, "GROQ_API_KEY holds characters"),
        ("groq", {"GROQ_API_KEY": f"{KEY} {KEY}"}, "GROQ_API_KEY holds characters"),
        ("groq", {"GROQ_API_KEY": KEY, "GROQ_BASE_URL": "api.groq.com"}, "GROQ_BASE_URL is not an address"),
        ("lmstudio", {"LMSTUDIO_MODEL": "m" * 100}, "LMSTUDIO_MODEL is too long"),
    ],
)
def test_a_problem_names_the_setting(settings: Settings, name: str, changes: dict[str, str], what: str) -> None:
    settings.GROQ_API_KEY = ""
    for setting, value in changes.items():
        setattr(settings, setting, value)

    problem = providers.chat(name).problem()

    assert problem is not None
    assert what in problem.what
    assert KEY not in str(problem)


@pytest.mark.parametrize(("name", "changes"), [("lmstudio", {"LMSTUDIO_MODEL": "x"}), ("extractive", {}), ("fake", {})])
def test_who_needs_no_key_has_no_problem_without(settings: Settings, name: str, changes: dict[str, str]) -> None:
    for setting, value in changes.items():
        setattr(settings, setting, value)

    assert providers.chat(name).problem() is None


@pytest.mark.parametrize(
    "pasted",
    [
        "https://me.openai.azure.com",
        "https://me.openai.azure.com/",
        "https://me.openai.azure.com/openai",
        "https://me.openai.azure.com/openai/deployments/x/chat/completions?api-version=1",
    ],
)
def test_an_endpoint_is_taken_as_the_portal_shows_it(settings: Settings, pasted: str) -> None:
    settings.AZURE_OPENAI_ENDPOINT = pasted
    assert providers.chat("azure").address == "https://me.openai.azure.com"


def test_a_host_that_begins_like_the_path_is_left_alone(settings: Settings) -> None:
    settings.AZURE_OPENAI_ENDPOINT = "https://openai.me.example/azure"
    assert providers.chat("azure").address == "https://openai.me.example/azure"


@pytest.mark.parametrize(
    ("address", "is_in_clear"),
    [("http://localhost:1234/v1", False), ("http://192.168.1.5/v1", True), ("https://me.example/v1", False)],
)
def test_what_can_be_read_on_its_way(settings: Settings, address: str, is_in_clear: bool) -> None:
    settings.LMSTUDIO_BASE_URL = address
    assert providers.chat("lmstudio").is_in_clear is is_in_clear
