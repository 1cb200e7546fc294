"""A TCP connection that misbehaves: slow, in slices, silent, or reset."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import sleep

PIECE = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends an RST


@dataclass
class Weather:
    """What happens to the bytes of both directions, changed by the test at any time."""

    latency: float = 0.0  # seconds before each piece is passed on
    slice_bytes: int = 0  # each piece is passed on in slices of so many bytes
    is_silent: bool = False  # what comes is read and kept back
    is_closed: bool = False  # new connections are reset at once
    left: int | None = None  # bytes that pass until all open connections are reset, once


class Proxy:
    """Listens on a port of 127.0.0.1 and passes on to another one."""

    def __init__(self, target: int) -> None:
        self.weather = Weather()
        self.connections = 0
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> int:
        """Reset every open connection, on both sides; how many sockets that were."""
        with self._lock:
            gone, self._open = self._open, set()
        for one in gone:
            _reset(one)
        return len(gone)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        if self.weather.is_closed:
            _reset(near)
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            _reset(near)
            return
        with self._lock:
            self._open |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(PIECE):
                step = self.weather.slice_bytes or len(piece)
                for start in range(0, len(piece), step):
                    sleep(self.weather.latency)
                    while self.weather.is_silent:
                        sleep(0.02)
                    self._send(other, piece[start : start + step])
            if one in self._open:  # it was not reset
                other.shutdown(socket.SHUT_WR)
            return
        with self._lock:
            self._open -= {one, other}
        _reset(other)

    def _send(self, other: socket.socket, piece: bytes) -> None:
        """As much of it as may still pass."""
        with self._lock:
            left = self.weather.left
            if left is not None:
                self.weather.left = None if len(piece) >= left else left - len(piece)
        other.sendall(piece[:left])
        if left is not None and len(piece) >= left:
            self.reset()


@contextmanager
def between(target: int) -> Iterator[Proxy]:
    """A proxy in front of the port `target`."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.shutdown(socket.SHUT_RD)  # wakes who is reading from it; nothing is sent
    with suppress(OSError):
        one.close()
