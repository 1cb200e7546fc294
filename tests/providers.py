"""A server on this computer that speaks the providers' protocols, so that the real SDKs can be tried against it.

    with providers.serving() as provider:
        provider.plan(Chat(["Hello", " [1]"]), Refusal(429, headers={"Retry-After": "1"}))
        ... GROQ_BASE_URL=provider.url, OPENAI_BASE_URL=f"{provider.url}/v1" ...
        provider.requests[0].body["messages"]

Plans are used one a request, whatever its path; without any, a chat answers "Hello [1]" and embeddings are made of the
texts.
"""

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 1_536


@dataclass(frozen=True)
class Request:
    """What was asked, when (seconds of the monotonic clock), and over which of the client's ports."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    port: int


@dataclass(frozen=True)
class Chat:
    """A streamed completion. `finish` None: no reason is given; `cut`: the connection ends without one, in mid-air;
    `hang`: seconds of silence after the pieces; `pause`: seconds before each piece."""

    pieces: list[str] = field(default_factory=lambda: ["Hello", " [1]"])
    finish: str | None = "stop"
    usage: tuple[int, int] | None = (11, 7)
    cut: bool = False
    done: bool = True
    hang: float = 0.0
    pause: float = 0.0
    reasoning: str = ""


@dataclass(frozen=True)
class Raw:
    """These bytes as the body of a stream, as they are."""

    content: bytes
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class Refusal:
    """An error by its status, with the providers' JSON around `message` and `code`."""

    status: int
    message: str = "refused"
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Embeddings:
    """Vectors as given instead of those made of the texts."""

    vectors: list[list[float]]


@dataclass(frozen=True)
class Hang:
    """Accepts and never answers."""

    seconds: float


Plan = Chat | Raw | Refusal | Embeddings | Hang


class Provider:
    """One running server. `left`: set when a client went away in the middle of a stream."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.left = threading.Event()
        self.ended = threading.Event()
        self._plans: deque[Plan] = deque()
        self.connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def plan(self, *plans: Plan) -> None:
        self._plans.extend(plans)

    def next_plan(self) -> Plan | None:
        with suppress(IndexError):
            return self._plans.popleft()
        return None

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving() -> Iterator[Provider]:
    provider = Provider()
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The vector that the server gives a text: of length 1, the same each time."""
    seed = hashlib.sha512(text.encode()).digest()
    values = [seed[place % len(seed)] - 127.5 for place in range(dimensions)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def handle(self) -> None:
        """As many requests as come over one connection, as the providers do."""
        self.provider.connections.add(self.connection)
        with suppress(ConnectionError):
            super().handle()
        self.provider.connections.discard(self.connection)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.requests.append(Request(self.path, headers, body, time.monotonic(), self.client_address[1]))
        self._follow(self.provider.next_plan(), body)

    def log_message(self, *args: Any) -> None:
        """Nothing: the requests are recorded."""

    def _follow(self, plan: Plan | None, body: dict[str, Any]) -> None:
        match plan:
            case Refusal():
                error = {"error": {"message": plan.message, "code": plan.code, "type": plan.code}}
                self._json(error, plan.status, plan.headers)
            case Raw():
                self._head(200, {"Content-Type": plan.content_type, "Content-Length": str(len(plan.content))})
                self.wfile.write(plan.content)
            case Hang():
                self._wait_until_left(plan.seconds)
                self.close_connection = True
            case Embeddings():
                self._json(_embeddings(body, plan.vectors))
            case Chat():
                self._chat(plan, body)
            case None if self.path.endswith("/embeddings"):
                vectors = [vector(text, body.get("dimensions", DIMENSIONS)) for text in body["input"]]
                self._json(_embeddings(body, vectors))
            case None:
                self._chat(Chat(), body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        about = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        self._head(status, {**about, **(headers or {})})
        self.wfile.write(content)

    def _chat(self, plan: Chat, body: dict[str, Any]) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for event in _events(plan, body):
            self.provider.ended.wait(plan.pause)
            self._chunk(f"data: {json.dumps(event)}\n\n")
        if plan.hang:
            self._wait_until_left(plan.hang)
        if plan.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self._chunk("data: [DONE]\n\n" if plan.done else ": the end\n\n")
        self._chunk("")

    def _chunk(self, text: str) -> None:
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())

    def _wait_until_left(self, seconds: float) -> None:
        """Silence; notices when the other side hangs up."""
        self.connection.settimeout(seconds)
        try:
            is_gone = self.connection.recv(1) == b""
        except TimeoutError:
            return
        except ConnectionError:
            is_gone = True
        if is_gone:
            self.provider.left.set()


def _events(plan: Chat, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    groq = "stream_options" not in body
    if plan.reasoning:
        yield _event(body, {"reasoning": plan.reasoning})
    for piece in plan.pieces:
        yield _event(body, {"role": "assistant", "content": piece})
    if plan.cut or plan.hang:
        return
    usage = None
    if plan.usage:
        tokens_in, tokens_out = plan.usage
        usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
    last = _event(body, {}, plan.finish)
    yield {**last, "x_groq": {"id": "1", "usage": usage}} if groq and usage else last
    if usage and not groq:
        yield {**last, "choices": [], "usage": usage}


def _event(body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "")}
    return {**about, "choices": [choice]}


def _embeddings(body: dict[str, Any], vectors: list[list[float]]) -> dict[str, Any]:
    encoded = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(values) if encoded else values}
        for index, values in enumerate(vectors)
    ]
    used = sum(len(str(text)) // 4 + 1 for text in body.get("input", ()))
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}


def _packed(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
