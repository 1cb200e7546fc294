"""A chat model behind a provider's SDK: one adapter for all, since one generator made the SDKs, and all the servers
speak the same protocol but for what their row in rag/providers says.

Reads a chat completion's stream into pieces and usage, maps every failure to `errors`, tries again while nothing was
said yet, and can be ended from another thread.
"""

import contextlib
import importlib
import threading
from collections.abc import Callable, Generator, Iterator
from functools import cached_property
from random import random
from typing import Any

from rag import llm, prompts, providers
from rag.llm import errors, families, reader
from rag.llm.line import Line, follow
from rag.providers import clients, faults

# Seconds: a visitor is waiting, so that a longer Retry-After is told instead of waited for.
LONGEST_WAIT = 3.0
CHARACTERS_A_TOKEN = 8  # no language has more; the limit for a model that does not keep its own


class Completion:
    """See `llm.ChatModel`. `timeout`: seconds of silence. `connections`: at most so many at once."""

    def __init__(self, access: providers.Access, *, timeout: float, connections: int) -> None:
        self.provider, self.model = access.provider.name, access.shown
        self._access = access
        self._limits = clients.Limits(silence=timeout, connections=connections, kept=0, line=clients.LONGEST_EVENT)

    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> "CompletionStream":
        request: dict[str, Any] = {
            "model": self._access.model,
            "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
            "stream": True,
            **({"stream_options": {"include_usage": True}} if self._access.asks_for_usage else {}),
            **families.allowance(self._access, max_tokens),
        }
        return CompletionStream(lambda: self._start(request), self._kit, self._access, max_tokens=max_tokens)

    def _start(self, request: dict[str, Any]) -> Any:
        problem = self._access.problem()
        if problem:
            raise errors.ChatNotSetUp(str(problem))
        return self._client.chat.completions.create(**request)

    @cached_property
    def _client(self) -> Any:
        return self._kit.client(self._access, self._limits, follow)

    @cached_property
    def _kit(self) -> clients.Kit:
        return load(self._access.provider)


def load(provider: providers.Provider) -> clients.Kit:
    """Its SDK. Late: the two cost 51 MB and a second or two, and mostly one of them at most is needed."""
    sdk = "groq" if provider.protocol == "groq" else "openai"
    kit: clients.Kit = importlib.import_module(f"rag.llm.{sdk}").KIT
    return kit


class CompletionStream:
    """An `llm.Stream` over a provider's chat completion, which `start` asks for."""

    def __init__(
        self, start: Callable[[], Any], kit: clients.Kit, access: providers.Access, *, max_tokens: int
    ) -> None:
        self._start = start
        self._kit = kit
        self._names = access.names
        self._longest = max_tokens * CHARACTERS_A_TOKEN
        self._longest_heard = (max_tokens + families.REASONING_TOKENS) * CHARACTERS_A_TOKEN
        self._line = Line()
        self._reading = threading.Lock()
        self._pieces = self._read()

    def __iter__(self) -> Iterator[llm.Piece]:
        return self

    def __next__(self) -> llm.Piece:
        with self._reading:
            if self._line.ended.is_set():
                raise errors.ChatCut
            try:
                return next(self._pieces)
            except errors.ChatError as error:
                error.names = self._names
                raise

    def close(self) -> None:
        """The connection goes too. A thread that is reading is woken, and has to call this itself."""
        self._line.hang_up()
        if self._reading.acquire(blocking=False):
            try:
                self._pieces.close()
            finally:
                self._reading.release()

    def _read(self) -> Generator[llm.Piece]:
        said = reader.Reader()
        try:
            with contextlib.closing(self._open()) as chunks:
                for chunk in chunks:
                    yield from said.pieces(chunk)
                    if said.characters > self._longest or said.heard > self._longest_heard:
                        raise errors.ChatTooLong
        except _failures(self._kit) as error:
            raise translated(error, self._kit, started=said.heard > 0) from error
        yield from said.end()

    def _open(self, attempt: int = 1) -> Any:
        """The SDK's stream, with its headers read."""
        try:
            with self._line.opening():
                return self._start()
        except _failures(self._kit) as error:
            problem = translated(error, self._kit, started=False)
            wait = wait_before_retry(problem, attempt, random())  # noqa: S311 — spreads waits
            if wait is None:
                raise problem from error
            if self._line.ended.wait(wait):
                raise errors.ChatCut from error
        return self._open(attempt + 1)


def wait_before_retry(error: errors.ChatError, attempt: int, jitter: float) -> float | None:
    """Seconds to wait before trying again after the `attempt`-th (from 1) failed; None: give up.

    `jitter`: 0…1, so that those who failed at once do not come back at once.
    """
    if attempt > 1 or error.permanent or error.code not in ("rate_limited", "unavailable", "unreachable"):
        return None
    wait = (error.retry_after or 0.25) + jitter / 2
    return wait if wait <= LONGEST_WAIT else None


def translated(error: Exception, kit: clients.Kit, *, started: bool) -> errors.ChatError:
    """What the SDK raised, in our words. `started`: something was said already, so a lost connection cut it."""
    if kit.is_timeout(error):
        return errors.ChatTimeout()
    if kit.is_lost_connection(error):
        return errors.ChatCut() if started else errors.ChatUnreachable()
    if isinstance(error, kit.sdk.APIStatusError):
        fault = faults.of(error.status_code, error.body)
        said = f"(It answered {error.status_code}.)"
        return errors.BY_FAULT[fault](said, retry_after=faults.retry_after(error.response.headers))
    if isinstance(error, kit.sdk.APIError):  # an error event inside the stream
        return errors.BY_FAULT[faults.in_stream(error.body)]()
    return errors.ChatGarbled(f"({type(error).__name__})")


def _failures(kit: clients.Kit) -> tuple[type[Exception], ...]:
    """What reading a stream may raise; the last ones come of chunks that are not what they should be."""
    return (*kit.known(), ValueError, TypeError, AttributeError, LookupError, RecursionError)
