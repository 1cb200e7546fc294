"""A site set up for one provider, and what is seen when its models are asked."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.conf import settings
from django.test import override_settings

from rag import embeddings, llm, prompts
from rag.llm import completion, errors, pump
from tests.providers import server

TEXTS = ["first", "the second", "a third one"]
PROMPT = prompts.Prompt(question="?", messages=(prompts.ChatMessage(role="user", content="How?"),), passages=())
# Seconds of silence, and of a whole answer: long enough for a busy machine, and short where silence is what is tried.
PATIENT, PATIENT_LIMIT = 20.0, 60.0
TIMEOUT, LIMIT = 0.4, 1.5
ALWAYS = {"OPENAI_API_KEY": "", "GROQ_API_KEY": "", "EMBEDDING_DIMENSIONS": 0}
GENERAL = re.compile(r"RAG_[A-Z_]+|LLM_PROVIDER|LLM_CONTEXT_TOKENS|LLM_TOKENS_PER_MINUTE|EMBEDDING_PROVIDER")


@dataclass
class Seen:
    """How it ended: `code` is "" when all was well, else the error's."""

    code: str = ""
    sentence: str = ""
    retry_after: float | None = None
    text: str = ""
    usage: llm.Usage | None = None
    vectors: list[embeddings.Vector] = field(default_factory=list)
    tokens: int = 0
    requests: int = 0
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def named(self) -> set[str]:
        """The settings that the sentence names, but those of every provider."""
        return {name for name in re.findall(r"[A-Z]+_[A-Z_]+", self.sentence) if not GENERAL.fullmatch(name)}


@dataclass
class Scene:
    """`provider` is the server; `waits` are the seconds that were waited between two tries, but in truth were not."""

    provider: server.Provider
    waits: list[float] = field(default_factory=list)

    def chat(self) -> Seen:
        """Ask the chosen chat model, as answers do: with a limit for the whole answer."""
        seen = Seen()
        limit = LIMIT if settings.RAG_TIMEOUT == TIMEOUT else PATIENT_LIMIT
        stream = llm.configured().stream(PROMPT, max_tokens=100)
        return self._told(seen, lambda: self._read(pump.pump(stream, beat=0.05, limit=limit), seen))

    def embed(self) -> Seen:
        """Embed some texts, as a run does: every failure comes out."""
        seen = Seen()

        def documents() -> None:
            model = embeddings.configured()
            seen.vectors = model.embed_documents(TEXTS)
            seen.tokens = model.told.tokens

        return self._told(seen, documents)

    def _read(self, pieces: Any, seen: Seen) -> None:
        for piece in pieces:
            if isinstance(piece, str):
                seen.text += piece
            elif isinstance(piece, llm.Usage):
                seen.usage = piece

    def _told(self, seen: Seen, act: Any) -> Seen:
        started, before = time.monotonic(), len(self.provider.requests)
        self.waits.clear()
        try:
            act()
        except (errors.ChatError, embeddings.EmbeddingError) as error:
            seen.code, seen.sentence, seen.retry_after = error.code, str(error), error.retry_after
        seen.seconds = time.monotonic() - started
        seen.requests = len(self.provider.requests) - before
        seen.waits = list(self.waits)
        return seen


@contextmanager
def scene(provider: server.Provider, **changes: Any) -> Iterator[Scene]:
    """`changes` are settings, over those that lead to the provider's server. HOST in them is the server's."""
    provider.forget()
    set_up, name = Scene(provider), provider.dialect.name
    chosen = {"LLM_PROVIDER": name, "RAG_TIMEOUT": PATIENT}
    chosen |= {"EMBEDDING_PROVIDER": name} if provider.dialect.embeds else {}
    host = provider.url.removeprefix("http://")
    changed = {n: value.replace("HOST", host) if isinstance(value, str) else value for n, value in changes.items()}
    with (
        override_settings(**(ALWAYS | provider.settings | chosen | changed)),
        _without_waiting(set_up.waits),
        _without_names(),
    ):
        yield set_up


@contextmanager
def _without_names() -> Iterator[None]:
    """No host of that ending has an address, also where nobody can be asked."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


@contextmanager
def _without_waiting(waits: list[float]) -> Iterator[None]:
    decide = completion.wait_before_retry

    def decided(error: errors.ChatError, attempt: int, jitter: float) -> float | None:
        wait = decide(error, attempt, jitter)
        if wait is not None:
            waits.append(wait)
        return None if wait is None else 0.0

    with mock.patch.object(completion, "wait_before_retry", decided):
        yield
