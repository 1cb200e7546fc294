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

from rag import prompts, providers


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that the provider counted, for one answer."""

    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """The model is at work, and what it made is not for reading."""


Piece = str | Usage | Thinking


class Stream(Iterator[Piece], Protocol):
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


def configured() -> ChatModel:
    """The model that the settings choose. Raises ImproperlyConfigured for a name that is none."""
    return named(providers.chosen_chat())


def named(name: str) -> ChatModel:
    """A provider's model, one a process. Clients open no connection before they are used."""
    try:
        access = providers.chat(name)
    except KeyError as error:
        known = ", ".join(providers.CHAT)
        raise ImproperlyConfigured(f"The provider {name!r} is none of: {known}.") from error
    # By everything that a model is built from, so that a changed setting is never answered by an old client.
    return _built(access, settings.RAG_TIMEOUT, settings.RAG_MAX_STREAMS + 2, settings.LLM_FAKE_DELAY)


@cache
def _built(access: providers.Access, timeout: float, connections: int, _delay: float) -> ChatModel:
    # Imported late: an adapter needs this module, and most processes need one adapter.
    if access.provider.protocol == "here":
        here: ChatModel = importlib.import_module(f"rag.llm.{access.provider.name}").build()
        return here
    completion = importlib.import_module("rag.llm.completion")
    model: ChatModel = completion.Completion(access, timeout=timeout, connections=connections)
    return model
