"""The server itself: records requests, follows the plans, and else answers as its dialect does."""

import hashlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.providers import dialects
from tests.providers.plans import (
    Altered,
    Chat,
    Drop,
    Embeddings,
    Flood,
    Half,
    Hang,
    Plan,
    Raw,
    Refusal,
    Silence,
    Trickle,
)

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """What was asked, when (seconds of the monotonic clock), and over which of the client's ports."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    port: int


class Provider:
    """One running server. `left`: set when a client went away in the middle of a stream."""

    def __init__(self, dialect: dialects.Dialect) -> None:
        self.dialect = dialect
        self.requests: list[Request] = []
        self.left = threading.Event()
        self.ended = threading.Event()
        self._plans: deque[Plan] = deque()
        self.connections: set[socket.socket] = set()
        self.pause = 0.0  # seconds before each right answer's vectors
        self.headers: Callable[[dict[str, Any]], dict[str, str]] = lambda body: {}  # of each right answer
        self.at_once, self.most_at_once = 0, 0  # requests in work
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> dict[str, Any]:
        """Those that lead a site here."""
        return self.dialect.settings(self.url)

    def lead(self, settings: Any) -> None:
        """Change a site's settings so that it comes here."""
        for name, value in self.settings.items():
            setattr(settings, name, value)

    def forget(self) -> None:
        """What was asked, and what was planned."""
        self.requests.clear()
        self._plans.clear()
        self.left.clear()

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
def serving(dialect: dialects.Dialect = dialects.LENIENT) -> Iterator[Provider]:
    provider = Provider(dialect)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


def vector(text: str, dimensions: int) -> list[float]:
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
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        if len(content) < length:  # the client was killed while it sent it
            self.close_connection = True
            return
        body = json.loads(content or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.requests.append(Request(self.path, headers, body, time.monotonic(), self.client_address[1]))
        with self._counted():
            self._follow(self.provider.next_plan(), body)

    def log_message(self, *args: Any) -> None:
        """Nothing: the requests are recorded."""

    def _follow(self, plan: Plan | None, body: dict[str, Any]) -> None:
        is_chat = not self.path.partition("?")[0].endswith("/embeddings")
        if plan is None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            plan = self.dialect.refusal(self.path, headers, body) or (
                Chat() if is_chat else Altered(lambda items: items)
            )
        match plan:
            case Refusal():
                content, content_type = self.dialect.error(plan)
                self._send(content, content_type, plan.status, plan.headers)
            case Raw():
                self._send(plan.content, plan.content_type, plan.status, plan.headers)
            case Embeddings():
                self._json(self.dialect.embeddings(body, plan.vectors))
            case Altered():
                answer = self._embedded(body)
                self.provider.ended.wait(self.provider.pause)
                self._json(answer | {"data": plan.alter(answer["data"])}, self.provider.headers(body))
            case Chat():
                self._chat(plan, body)
            case _:
                self._break(plan, is_chat, body)

    def _break(self, plan: Hang | Silence | Trickle | Drop | Half | Flood, is_chat: bool, body: dict[str, Any]) -> None:
        """Below HTTP."""
        self.close_connection = True
        content_type = "text/event-stream" if is_chat else JSON
        match plan:
            case Hang():
                self._wait_until_left(plan.seconds)
            case Silence():
                self._head(plan.status, {"Content-Type": content_type, "Content-Length": "100"})
                self._wait_until_left(plan.seconds)
            case Trickle():
                if plan.in_headers:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                else:
                    self._head(plan.status, {"Content-Type": content_type, "Content-Length": "10000"})
                self._trickle(plan.pause)
            case Drop():
                if plan.after_headers:
                    self._head(plan.status, {"Content-Type": content_type, "Content-Length": "100"})
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case Half():
                content = json.dumps(self._embedded(body) if not is_chat else {}).encode()
                self._head(200, {"Content-Type": content_type, "Content-Length": str(len(content))})
                self.wfile.write(content[: len(content) // 2])
            case Flood():
                self._head(
                    plan.status, {"Content-Type": plan.content_type, "Content-Length": str(plan.megabytes << 20)}
                )
                for _ in range(plan.megabytes):
                    self.wfile.write(b"data: " + b"x" * ((1 << 20) - 6))

    @property
    def dialect(self) -> dialects.Dialect:
        return self.provider.dialect

    def _embedded(self, body: dict[str, Any]) -> dict[str, Any]:
        dimensions = self.dialect.asked_dimensions(body)
        return self.dialect.embeddings(body, [vector(text, dimensions) for text in body["input"]])

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes, content_type: str, status: int, headers: dict[str, str]) -> None:
        self._head(status, {"Content-Type": content_type, "Content-Length": str(len(content)), **headers})
        self.wfile.write(content)

    def _json(self, data: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(data).encode(), JSON, 200, headers or {})

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self.provider.lock:
            self.provider.at_once += 1
            self.provider.most_at_once = max(self.provider.at_once, self.provider.most_at_once)
        try:
            yield
        finally:
            with self.provider.lock:
                self.provider.at_once -= 1

    def _chat(self, plan: Chat, body: dict[str, Any]) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for event in self.dialect.events(plan, body):
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

    def _trickle(self, pause: float) -> None:
        for _ in range(10_000):
            if self.provider.ended.wait(pause):
                return
            self.wfile.write(b":")

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
