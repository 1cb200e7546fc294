"""A prompt → pieces of an answer, by a model that is chosen in the settings.

Every adapter offers the same `stream`; callers see pieces, usage and `errors.ChatError`, never a provider's own types.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from rag import prompts

PROVIDERS = ("groq", "openai", "extractive", "fake")
BUILT_FROM = (
    "GROQ_API_KEY",
    "GROQ_BASE_URL",
    "GROQ_MODEL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "RAG_TIMEOUT",
    "RAG_MAX_STREAMS",
    "LLM_FAKE_DELAY",
)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that the provider counted, for one answer."""

    tokens_in: int
    tokens_out: int


class Stream(Iterator[str | Usage], Protocol):
    """Pieces of the answer in order, and the usage when it is known. Raises `errors.ChatError`, also after pieces."""

    def close(self) -> None:
        """Ends it, from any thread, also while another one waits for the next piece. May be called again."""


class ChatModel(Protocol):
    """A model, or what answers in the place of one."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> Stream:
        """Start answering; nothing is sent before the first piece is asked for."""


def provider_name() -> str:
    """The provider that the settings choose: the one that is named, else the first whose key is set, else none."""
    name: str = settings.LLM_PROVIDER.lower()
    if name != "auto":
        return name
    if settings.GROQ_API_KEY:
        return "groq"
    return "openai" if settings.OPENAI_API_KEY else "extractive"


def configured() -> ChatModel:
    """The model that the settings choose, one a process. Clients open no connection before they are used."""
    name = provider_name()
    if name not in PROVIDERS:
        raise ImproperlyConfigured(f"LLM_PROVIDER={name!r} is none of: auto, {', '.join(PROVIDERS)}.")
    # By everything that a model is built from, so that a changed setting is never answered by an old client.
    return _built(name, *(getattr(settings, setting) for setting in BUILT_FROM))


@cache
def _built(name: str, *_: object) -> ChatModel:
    # Imported late: the two SDKs cost 51 MB and a second or two, and one of them at most is needed.
    model: ChatModel = importlib.import_module(f"rag.llm.{name}").build()
    return model
