"""Threads are for requests that are there: half a request, or none, keeps nobody out."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings

from config import worker
from config.worker import requests
from tests.config.test_gunicorn import wait_until_answered

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n%s\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", False),
        (b"POST / HTTP/1.1\r\ncontent-length:5 \r\nHost: a\r\n\r\nhello", True),
        (b"POST / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 9_000 + b"\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", True),
    ],
)
def test_a_request_is_whole_with_its_head_and_a_short_body(received: bytes, expected: bool) -> None:
    assert requests.is_whole(received) is expected


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "--config", "tests/config/patient.py", "--log-level", "critical"]
    command += ["--bind", f"127.0.0.1:{free}", "tests.config.patient"]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ}) as process:
        wait_until_answered(free)
        yield free
        process.terminate()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(sock: socket.socket) -> bytes:
    """The body of the next answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1) or pytest.fail(f"closed after {head!r}")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += sock.recv(length - len(body))
    return body


HALVES = [
    b"",
    b"GET / HT",
    b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
    b"POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
]


@pytest.mark.parametrize("sent", HALVES)
def test_half_open_connections_keep_nobody_out_and_are_closed(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(port)) for _ in range(20)]
        for sock in idle:
            sock.sendall(sent)
        started = time.monotonic()
        with connected(port) as sock:
            sock.sendall(GET % (b"page", b""))
            assert answer(sock) == b"/page"
        assert time.monotonic() - started < worker.SECONDS
        assert [sock.recv(100) for sock in idle].count(worker.CONTINUE) in (0, 20)
        assert [sock.recv(1) for sock in idle] == [b""] * 20


LONG = [b"Content-Length: 99999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"]


@pytest.mark.parametrize("rest", LONG)
def test_of_long_bodies_only_some_are_read_at_once(port: int, rest: bytes) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(port)) for _ in range(6)]
        for sock in slow:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + rest)
        with connected(port) as sock:
            sock.sendall(GET % (b"page", b""))
            assert answer(sock) == b"/page"
        told = [sock.recv(1_000) for sock in slow]
        assert told.count(worker.BUSY) == 5
    with connected(port) as sock:  # and the thread is free again
        sock.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + b"y" * 20_000)
        assert answer(sock) == b"/x" + b"y" * 20_000


def test_a_crowd_that_comes_at_once_is_answered_one_and_all(port: int) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(connected(port)) for _ in range(3 * worker.AT_ONCE)]
        for number, sock in enumerate(crowd):
            sock.sendall(GET % (b"%d" % number, b""))
        assert [answer(sock) for sock in crowd] == [b"/%d" % number for number in range(len(crowd))]


def test_whoever_waits_for_an_end_is_one_of_the_connections(port: int) -> None:
    """A thousand that are refused and do not close would use up the files, and accepting another end the worker."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(port)) for _ in range(150)]
        for sock in waiting:
            sock.sendall(b"NONSENSE\r\n\r\n")
        with connected(port) as sock:
            sock.sendall(GET % (b"page", b""))
            assert answer(sock) == b"/page"


def test_whoever_leaves_at_once_leaves_no_trace(port: int) -> None:
    for _ in range(1_100):  # gunicorn accepts nobody beyond a thousand
        connected(port).close()
    with connected(port) as sock:
        sock.sendall(GET % (b"page", b""))
        assert answer(sock) == b"/page"


def test_a_request_may_come_in_pieces(port: int) -> None:
    with connected(port) as sock:
        for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody":
            sock.sendall(bytes([byte]))
        assert answer(sock) == b"/slowbody"


def test_a_connection_is_used_again(port: int) -> None:
    with connected(port) as sock:
        for name in (b"one", b"two"):
            sock.sendall(GET % (name, b""))
            assert answer(sock) == b"/" + name


def test_two_requests_at_once_are_both_answered(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(GET % (b"one", b"") + GET % (b"two", b""))
        assert [answer(sock), answer(sock)] == [b"/one", b"/two"]


def test_half_a_request_behind_a_whole_one_keeps_nobody_out_and_is_closed(port: int) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(port)) for _ in range(20)]
        for sock in waiting:
            sock.sendall(GET % (b"one", b"") + b"GET /half")
        assert [answer(sock) for sock in waiting] == [b"/one"] * 20
        started = time.monotonic()
        with connected(port) as sock:
            sock.sendall(GET % (b"page", b""))
            assert answer(sock) == b"/page"
        assert time.monotonic() - started < 2
        assert [sock.recv(1) for sock in waiting] == [b""] * 20


def test_a_request_may_begin_behind_the_one_before_it(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(GET % (b"one", b"") + b"GET /two HTTP/1.1\r\nHo")
        assert answer(sock) == b"/one"
        time.sleep(0.1)
        sock.sendall(b"st: a\r\n\r\n" + GET % (b"three", b""))
        assert [answer(sock), answer(sock)] == [b"/two", b"/three"]


def test_a_body_may_come_in_chunks(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        time.sleep(0.1)
        sock.sendall(b"lo\r\n0\r\n\r\n" + GET % (b"next", b""))
        assert [answer(sock), answer(sock)] == [b"/inhello", b"/next"]


def test_a_long_body_is_read_as_it_comes(port: int) -> None:
    body = os.urandom(200_000)
    with connected(port) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        time.sleep(0.2)
        sock.sendall(body)
        assert answer(sock) == b"/" + body


def test_whoever_does_not_close_keeps_nobody_waiting(port: int) -> None:
    with ExitStack() as stack:
        ended = [stack.enter_context(connected(port)) for _ in range(5)]
        for sock in ended:
            sock.sendall(GET % (b"last", b"Connection: close\r\n"))
        assert [answer(sock) for sock in ended] == [b"/last"] * 5
        started = time.monotonic()
        with connected(port) as sock:
            sock.sendall(GET % (b"page", b""))
            assert answer(sock) == b"/page"
        assert time.monotonic() - started < worker.LINGER
        assert [sock.recv(1) for sock in ended] == [b""] * 5


def test_the_end_of_an_answer_arrives_while_the_other_side_still_sends(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(GET % (b"end", b"Connection: close\r\n") + b"and more" * 10_000)
        time.sleep(0.1)
        assert answer(sock) == b"/end"


def test_whoever_asks_whether_to_send_its_body_is_told(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"POST /ask HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1_000).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"body")
        assert answer(sock) == b"/askbody"


def test_a_head_without_end_is_dropped(port: int) -> None:
    with connected(port) as sock, pytest.raises(ConnectionError):
        sock.sendall(b"GET / HTTP/1.1\r\n")
        while True:
            sock.sendall(b"X: " + b"y" * 1_000 + b"\r\n")
