"""The connection that one answer comes over, to be hung up from any thread, also before the provider has answered.

Every answer has a connection of its own, which is closed with it, so that hanging up never cuts somebody else's answer.
To keep connections open would save a handshake, and only when two questions come within five seconds.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

_opening: ContextVar["Line"] = ContextVar("_opening")


class Line:
    """One answer's. `ended`: nobody wants it any more."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._socket: socket.socket | None = None

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Requests that are sent inside, by this thread, go over this line."""
        token = _opening.set(self)
        try:
            yield
        finally:
            _opening.reset(token)

    def hang_up(self) -> None:
        """Shut the connection down: unlike closing it, that wakes the thread that is waiting for its next byte."""
        self.ended.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it ended by itself meanwhile
                # Not SSLSocket's own, after which whoever is just sending would send in clear.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """What the HTTP libraries call at every step of a request (their `trace` extension)."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self.ended.is_set():
                self.hang_up()


def follow(request: Any) -> None:
    """An event hook of the HTTP clients: the line that is being opened learns which connection it gets."""
    line = _opening.get(None)
    if line:
        request.extensions["trace"] = line.follow
