"""Visitors: sockets that speak HTTP as browsers behind a proxy do, a new connection for each request.

Times are measured from before the connection is made, or from when a request was due.
"""

import asyncio
import itertools
import re
import time
from dataclasses import dataclass, field

from benchmarks.load import figures, site

PROJECT = f"/projects/{site.SMALL}/"
CHAT = f"{PROJECT}chat/"
PAGES = ("/", PROJECT, CHAT, f"{PROJECT}panel/", "/api/projects/", "/robots.txt")
LIMIT = 60.0  # seconds for a request
_numbers = itertools.count(1)
# About 25 seconds of an answer that repeats the question, and no two are the same: none is given again.
QUESTION = "What happens in number {n} when a job fails " + "and is tried again after a while " * 27 + "?"
MESSAGE = re.compile(rb"/chat/([0-9a-f-]{36})/stream")
LENGTH = re.compile(rb"(?im)^content-length: (\d+)")
COOKIE = re.compile(rb"(?im)^set-cookie: ([^=]+)=([^;\r]*)")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`seconds`: until the last byte; `error`: what went wrong instead."""

    status: int = 0
    head: bytes = b""
    body: bytes = b""
    seconds: float = 0.0
    error: str = ""

    def header(self, name: str) -> str:
        found = re.search(rb"(?im)^" + name.encode() + rb": ([^\r]*)", self.head)
        return found[1].decode() if found else ""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """An answer as it came. `first_word`: seconds to it, inf for none."""

    status: int
    first_word: float
    seconds: float
    is_complete: bool


@dataclass
class Visitor:
    """One browser, at an address of its own."""

    port: int
    number: int = field(default_factory=lambda: next(_numbers))
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> Answer:
        return await self._request("GET", path)

    async def post(self, path: str, form: str, **headers: str) -> Answer:
        token = self.cookies.get("__Host-csrftoken", "")
        return await self._request("POST", path, f"csrfmiddlewaretoken={token}&{form}".encode(), **headers)

    async def asked(self, question: str = "") -> str:
        """The path of the stream that answers a new question."""
        if not self.cookies:
            await self.get(CHAT)
        text = question or QUESTION.format(n=next(_numbers))
        answer = await self.post(CHAT, f"question={text.replace(' ', '+')}", **{"HX-Request": "true"})
        found = MESSAGE.search(answer.body)
        if not found:
            raise RuntimeError(f"{answer.status} {answer.error} {answer.body[:200]!r}")
        return f"{CHAT}{found[1].decode()}/stream"

    async def stream(self, path: str, pause: float = 0.0, piece: int = 65_536) -> Stream:
        """Read a stream to its end, `pause` seconds between pieces of at most so many bytes."""
        started = time.perf_counter()
        first, tail, status = float("inf"), b"", 0
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=piece)
        try:
            writer.write(self.head("GET", path, b""))
            while part := await asyncio.wait_for(reader.read(piece), 180):
                tail = tail[-200:] + part
                status = status or int(part.split(None, 2)[1])
                if first == float("inf") and b"event: text" in tail:
                    first = time.perf_counter() - started
                if pause:
                    await asyncio.sleep(pause)
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()
        took = time.perf_counter() - started
        return Stream(status=status, first_word=first, seconds=took, is_complete=b"event: done" in tail)

    async def _request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        started = time.perf_counter()
        try:
            return await asyncio.wait_for(self._exchange(method, path, body, headers, started), LIMIT)
        except (OSError, EOFError, TimeoutError) as error:
            return Answer(error=type(error).__name__, seconds=time.perf_counter() - started)

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str], started: float) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.head(method, path, body, **headers) + body)
            head, content = await _read(reader)
        finally:
            writer.close()
        self.cookies |= {name.decode(): value.decode() for name, value in COOKIE.findall(head)}
        took = time.perf_counter() - started
        return Answer(status=int(head.split(None, 2)[1]), head=head, body=content, seconds=took)

    def head(self, method: str, path: str, body: bytes, **headers: str) -> bytes:
        """What stands before the body."""
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        lines = {
            "Host": site.HOST, "X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Connection": "close",
            "Origin": f"https://{site.HOST}", "Accept-Encoding": "identity",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        } | headers  # fmt: skip
        if body:
            lines |= {"Content-Length": str(len(body)), "Content-Type": "application/x-www-form-urlencoded"}
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return f"{method} {path} HTTP/1.1\r\n{told}\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of an answer; of a stream all that comes."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    return head, await (reader.readexactly(int(length[1])) if length else reader.read())


@dataclass
class Pages:
    """What visits of pages took, in seconds; an error is whatever is not the page."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def p(self, part: float) -> float:
        return figures.below(part, self.seconds)


async def visit(port: int, rate: float, until: float) -> Pages:
    """So many pages a second until that time of the loop, each when it is due however long others take."""
    loop, pages = asyncio.get_running_loop(), Pages()
    visiting: set[asyncio.Task[None]] = set()
    started = loop.time()
    for number in itertools.count():
        due = started + number / rate
        if due >= until:
            break
        await asyncio.sleep(max(0.0, due - loop.time()))
        task = asyncio.create_task(_visit(port, PAGES[number % len(PAGES)], due, pages))
        visiting.add(task)
        task.add_done_callback(visiting.discard)
    await asyncio.gather(*visiting)
    return pages


async def _visit(port: int, path: str, due: float, pages: Pages) -> None:
    answer = await Visitor(port).get(path)
    pages.seconds.append(asyncio.get_running_loop().time() - due)
    if answer.status != 200:
        pages.errors.append(f"{path}: {answer.status or answer.error}")
