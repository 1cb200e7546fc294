"""The SDKs' clients, made so that a provider can cost a bounded time and memory and learns nothing it need not know.

The SDKs are handed in: only who talks to a provider imports them.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rag import interruption
from rag.providers import Access

LONGEST_CONNECT = 5.0  # seconds; also for a place among the connections
LONGEST_EVENT = 1_000_000  # bytes; an event of a stream is a line
LONGEST_REFUSAL = 100_000  # bytes of an error that are read
BOTH_WAYS = 2  # socket.SHUT_RDWR
NO_KEY = "none"  # the SDKs insist on one, and servers of one's own take any
OPENAIS_OWN = ("openai-organization", "openai-project")  # the SDK adds them from the environment


_ends: ContextVar[float] = ContextVar("_ends", default=float("inf"))


class Endless(ValueError):
    """A line of an answer has no end."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`silence` in seconds. At most so many `connections` at once; `kept` of them open between calls.

    `line`: bytes of one line of an answer, 0 for any number.
    """

    silence: float
    connections: int
    kept: int
    line: int = 0

    @property
    def connect(self) -> float:
        return min(self.silence, LONGEST_CONNECT)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """One SDK and the HTTP library below it, whose errors come through in the middle of an answer."""

    sdk: ModuleType
    http: ModuleType

    def client(self, access: Access, limits: Limits, on_request: Callable[[Any], None] | None = None) -> Any:
        """The SDK's client for `access`, which has no problem. It never tries again by itself: the callers decide."""
        options: dict[str, Any] = {
            "api_key": access.key or NO_KEY,
            "timeout": self.http.Timeout(limits.silence, connect=limits.connect, pool=limits.connect),
            "max_retries": 0,
            "default_headers": {"Accept-Encoding": "identity"},  # packed, a small answer could be a huge one
            "http_client": self._http_client(access, limits, on_request),
        }
        if access.provider.protocol == "azure":
            return self.sdk.AzureOpenAI(**options, azure_endpoint=access.address, api_version=access.version)
        make = self.sdk.Groq if access.provider.protocol == "groq" else self.sdk.OpenAI
        return make(**options, base_url=access.address or None)

    def known(self) -> tuple[type[Exception], ...]:
        """What the two libraries raise."""
        root = self.sdk.APIError.__mro__[1]  # GroqError or OpenAIError
        return (root, self.http.HTTPError, self.http.StreamError, Endless)

    def is_timeout(self, error: Exception) -> bool:
        return isinstance(error, self.sdk.APITimeoutError | self.http.TimeoutException)

    def is_lost_connection(self, error: Exception) -> bool:
        return isinstance(error, self.sdk.APIConnectionError | self.http.HTTPError | self.http.StreamError)

    def _http_client(self, access: Access, limits: Limits, on_request: Callable[[Any], None] | None) -> Any:
        def before(request: Any) -> None:
            if access.provider.name != "openai":
                for name in OPENAIS_OWN:
                    request.headers.pop(name, None)
            if on_request:
                on_request(request)

        def after(response: Any) -> None:
            response.headers.pop("content-encoding", None)  # not asked for, so not unpacked
            if response.status_code >= 400:
                pieces = self._refusal(response.stream, time.monotonic() + limits.silence)
                response.stream = self._stream(pieces, response.stream.close)
            elif limits.line:
                response.stream = self._stream(_lines(response.stream, limits.line), response.stream.close)

        return self.sdk.DefaultHttpxClient(
            limits=self.http.Limits(max_connections=limits.connections, max_keepalive_connections=limits.kept),
            event_hooks={"request": [before], "response": [after]},
            follow_redirects=False,  # the question would go to whom nobody named
        )

    def _refusal(self, stream: Any, ends: float) -> Iterator[bytes]:
        """As much of an error as tells which one it is, and as soon: its status is known, also if the rest is lost."""
        left = LONGEST_REFUSAL
        with suppress(self.http.TransportError):
            for piece in stream:
                yield piece[:left]
                left -= len(piece)
                if left <= 0 or time.monotonic() > ends:
                    return

    def _stream(self, pieces: Iterator[bytes], close: Callable[[], None]) -> Any:
        """`pieces` as the HTTP library's own kind of stream."""
        methods = {"__iter__": lambda _: pieces, "close": lambda _: close()}
        return type("Guarded", (self.http.SyncByteStream,), methods)()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Calls that are made inside, by this thread and with `hurry`, end then: their headers, too, may trickle.

    One inside another ends with it at the latest.
    """
    token = _ends.set(min(_ends.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(token)


def hurry(request: Any) -> None:
    """For `Kit.client`: each read of a connection lasts no longer than the deadline of whoever is using it."""
    request.extensions["trace"] = _hurry


def _hurry(event: str, info: Mapping[str, Any]) -> None:
    """What the HTTP libraries call at every step of a request."""
    if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        return
    stream = info["return_value"]
    read, connection = stream.read, stream.get_extra_info("socket")

    def wake() -> None:
        with suppress(OSError):
            connection.shutdown(BOTH_WAYS)  # a read that another thread is in the middle of returns then

    def hurried(most: int, timeout: float) -> Any:
        with interruption.wakeable(wake):
            return read(most, timeout=min(timeout, max(0.001, _ends.get() - time.monotonic())))

    stream.read = hurried


def _lines(stream: Any, longest: int) -> Iterator[bytes]:
    """An answer takes its time and may be long, but no line of it."""
    line = 0
    for piece in stream:
        for place, part in enumerate(piece.split(b"\n")):
            line = len(part) + (0 if place else line)
            if line > longest:
                raise Endless
        yield piece
