"""The proxy does to a connection what it is told."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.faults.proxy import Proxy, between


@pytest.fixture
def echo() -> Iterator[Proxy]:
    """A proxy in front of a server that sends back what it gets."""

    def answer(connection: socket.socket) -> None:
        with connection, suppress(ConnectionResetError):
            while piece := connection.recv(1_000):
                connection.sendall(piece)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener, between(listener.getsockname()[1]) as proxy:
        threading.Thread(target=serve, daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)


def connect(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def test_by_itself_it_passes_everything_on(echo: Proxy) -> None:
    with connect(echo) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_it_takes_its_time(echo: Proxy) -> None:
    echo.weather.latency = 0.1
    with connect(echo) as client:
        started = time.monotonic()
        client.sendall(b"x")
        assert client.recv(100) == b"x"
        assert time.monotonic() - started >= 0.2  # there and back


def test_it_passes_on_slices(echo: Proxy) -> None:
    echo.weather.slice_bytes, echo.weather.latency = 2, 0.05
    with connect(echo) as client:
        client.sendall(b"abcd")
        assert len(client.recv(100)) <= 2


def test_it_says_nothing_until_it_may(echo: Proxy) -> None:
    echo.weather.is_silent = True
    with connect(echo) as client:
        client.settimeout(0.2)
        client.sendall(b"x")
        with pytest.raises(TimeoutError):
            client.recv(100)
        echo.weather.is_silent = False
        client.settimeout(10)
        assert client.recv(100) == b"x"


def test_it_resets_in_the_middle_of_what_is_sent_once(echo: Proxy) -> None:
    echo.weather.left = 7
    with connect(echo) as client:
        client.sendall(b"abcd")  # four there, three back
        assert client.recv(100) == b"abc"
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    with connect(echo) as client:
        client.sendall(b"abcdefgh")
        assert client.recv(100) == b"abcdefgh"


def test_it_resets_what_is_open_and_what_comes(echo: Proxy) -> None:
    with connect(echo) as client:
        client.sendall(b"x")
        client.recv(100)
        assert echo.reset() == 2
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    echo.weather.is_closed = True
    with suppress(ConnectionResetError), connect(echo) as client:
        assert client.recv(100) == b""
