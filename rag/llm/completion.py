"""What the providers' SDKs have in common: one generator made both, with errors and chunks of the same shape.

Reads a chat completion's stream into pieces and usage, maps every failure to `errors`, tries again while nothing was
said yet, and can be ended from another thread.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rag import llm
from rag.llm import errors
from rag.llm.line import Line, follow

# A reasoning model thinks before it writes, out of the same allowance. Groq counts the allowance towards the tokens
# a minute (8,000 on its free tier), so that it stays small.
REASONING_TOKENS = 512
# Seconds: a visitor is waiting, so that a longer Retry-After is told instead of waited for.
LONGEST_WAIT = 3.0
LONGEST_CONNECT = 5.0  # also for a place among the connections
CHARACTERS_A_TOKEN = 8  # no language has more; the limit for a model that does not keep its own


@dataclass(frozen=True, kw_only=True)
class Kit:
    """One SDK and the HTTP library below it, whose errors come through in the middle of a stream."""

    sdk: ModuleType
    http: ModuleType

    def options(self, *, api_key: str, base_url: str, timeout: float, connections: int) -> dict[str, Any]:
        """For the SDK's client. `timeout`: seconds of silence. `connections`: at most so many at once."""
        connect = min(timeout, LONGEST_CONNECT)
        http_client = self.sdk.DefaultHttpxClient(
            limits=self.http.Limits(max_connections=connections, max_keepalive_connections=0),
            event_hooks={"request": [follow]},
        )
        return {
            "api_key": api_key,
            "base_url": base_url or None,
            "timeout": self.http.Timeout(timeout, connect=connect, pool=connect),
            "max_retries": 0,  # how long a visitor waits is decided here; the SDKs would honour minutes
            "http_client": http_client,
        }

    def failures(self) -> tuple[type[Exception], ...]:
        """What reading a stream may raise; the last ones come of chunks that are not what they should be."""
        return (*self._known(), ValueError, TypeError, AttributeError, LookupError)

    def _known(self) -> tuple[type[Exception], ...]:
        root = self.sdk.APIError.__mro__[1]  # GroqError or OpenAIError
        return (root, self.http.HTTPError, self.http.StreamError)

    def translate(self, error: Exception, *, started: bool) -> errors.ChatError:
        """`started`: something was said already, so that a lost connection is a cut answer."""
        if isinstance(error, self.sdk.APITimeoutError | self.http.TimeoutException):
            return errors.ChatTimeout()
        if isinstance(error, self.sdk.APIConnectionError | self.http.HTTPError | self.http.StreamError):
            return errors.ChatCut() if started else errors.ChatUnreachable()
        if isinstance(error, self.sdk.APIStatusError):
            return errors.by_status(error.status_code, str(error.body), retry_after(error.response.headers))
        if isinstance(error, self.sdk.APIError):  # an error event inside the stream
            said = str(error.body)
            return errors.ChatQuotaExhausted() if "quota" in said else errors.ChatError()
        return errors.ChatGarbled(f"({type(error).__name__})")


def retry_after(headers: Any) -> float | None:
    """Seconds that the provider asks to wait; None when it says nothing, or nothing usable."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def wait_before_retry(error: errors.ChatError, attempt: int) -> float | None:
    """Seconds to wait before trying again after the `attempt`-th (from 1) failed; None: give up."""
    if attempt > 1 or error.permanent or error.code not in ("rate_limited", "unavailable", "unreachable"):
        return None
    wait = 0.5 if error.retry_after is None else error.retry_after
    return wait if wait <= LONGEST_WAIT else None


class CompletionStream:
    """An `llm.Stream` over a provider's chat completion, which `start` asks for."""

    def __init__(self, start: Callable[[], Any], kit: Kit, *, max_tokens: int) -> None:
        self._start = start
        self._kit = kit
        self._longest = max_tokens * CHARACTERS_A_TOKEN
        self._line = Line()
        self._reading = threading.Lock()
        self._pieces = self._read()

    def __iter__(self) -> Iterator[str | llm.Usage]:
        return self

    def __next__(self) -> str | llm.Usage:
        with self._reading:
            if self._line.ended.is_set():
                raise errors.ChatCut
            return next(self._pieces)

    def close(self) -> None:
        """The connection goes too. A thread that is reading is woken, and has to call this itself."""
        self._line.hang_up()
        if self._reading.acquire(blocking=False):
            try:
                self._pieces.close()
            finally:
                self._reading.release()

    def _read(self) -> Generator[str | llm.Usage]:
        reader = _Reader()
        try:
            with contextlib.closing(self._open()) as chunks:
                for chunk in chunks:
                    yield from reader.pieces(chunk)
                    if reader.characters > self._longest:
                        raise errors.ChatTooLong
        except self._kit.failures() as error:
            raise self._kit.translate(error, started=reader.characters > 0) from error
        yield from reader.end()

    def _open(self, attempt: int = 1) -> Any:
        """The SDK's stream, with its headers read."""
        try:
            with self._line.opening():
                return self._start()
        except self._kit.failures() as error:
            problem = self._kit.translate(error, started=False)
            wait = wait_before_retry(problem, attempt)
            if wait is None:
                raise problem from error
            if self._line.ended.wait(wait):
                raise errors.ChatCut from error
        return self._open(attempt + 1)


class _Reader:
    """What was read of one completion so far."""

    def __init__(self) -> None:
        self.characters = 0
        self._seen = False
        self._finish: str | None = None
        self._usage: llm.Usage | None = None

    def pieces(self, chunk: Any) -> Iterator[str]:
        """The visible text of a chunk. Its reasoning, where there is any, is in another field and stays unread."""
        self._seen = True
        self._usage = _usage(chunk) or self._usage
        for choice in chunk.choices[:1]:
            self._finish = choice.finish_reason or self._finish
            content = choice.delta.content
            if content:
                text = _text(content)
                self.characters += len(text)
                yield text

    def end(self) -> Iterator[llm.Usage]:
        if self._usage:
            yield self._usage
        if not self._seen:
            raise errors.ChatGarbled("(No event in the stream.)")
        if self._finish is None:
            raise errors.ChatCut
        if self._finish == "length":
            raise errors.ChatTooLong
        if self._finish == "content_filter":
            raise errors.ChatFiltered
        if not self.characters:
            raise errors.ChatGarbled("(An empty answer.)")


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise errors.ChatGarbled(f"(Text of type {type(content).__name__}.)")
    return content


def _usage(chunk: Any) -> llm.Usage | None:
    """OpenAI sends it with the last chunk; Groq in a field of its own."""
    counted = getattr(chunk, "usage", None) or getattr(getattr(chunk, "x_groq", None), "usage", None)
    if counted is None:
        return None
    return llm.Usage(tokens_in=int(counted.prompt_tokens or 0), tokens_out=int(counted.completion_tokens or 0))
