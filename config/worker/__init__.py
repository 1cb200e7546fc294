"""gunicorn's threaded worker, with a thread for whoever has sent a request and not for whoever might.

gthread gives a new connection a thread for five seconds before its first byte, and for ever once half a request has
come, so that 64 idle sockets keep everybody else out. Here the loop that accepts collects what comes, and a thread
gets a request that is there: its head, and a short body such as a question. What is not there in time is closed. Where
a proxy that buffers stands in front, as on most hosts, there is nothing to collect.

At the end gthread waits in that same loop, up to two seconds, for the other side to close: a few slow readers stopped
everybody. Here such connections wait in the poller, too.
"""

import errno
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.worker import requests

SECONDS = 10  # for a request's head and a short body; for each part of a long body; for a reader to take something
LINGER = 2  # seconds for the other side to take what is left and to close
LONGEST_HEAD = 16 * 1024  # bytes, of which a browser with all its cookies sends a tenth
AT_ONCE = 32  # connections that are accepted before what has come on the others is looked at
LONG_AT_ONCE = 4  # threads for long bodies, as only the admin sends them: whoever trickles one keeps a thread
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_FILES = (errno.EMFILE, errno.ENFILE)


def _received(sock: socket.socket) -> bytes | None:
    """What has come; None: nothing yet; empty: nothing will, the other side is gone."""
    try:
        return sock.recv(LONGEST_HEAD)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """Leaves the end of itself to the worker, which has others to look after."""

    def __init__(self, linger: Callable[["Connection"], None], *about: Any) -> None:
        super().__init__(*about)
        self.received = bytearray()
        self.is_long = False  # it has one of the threads for long bodies
        self._linger = linger

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 — as gunicorn calls it
        self._linger(self) if graceful else super().close()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Connections wait in the poller of the main loop until `is_whole`, and there again until they are closed."""

    def __init__(self, *about: Any, **options: Any) -> None:
        super().__init__(*about, **options)
        self.lingering: deque[Connection] = deque()
        self.long = 0  # bodies that threads are reading

    def accept(self, listener: socket.socket) -> None:
        """Who has come by now, up to AT_ONCE, so that a crowd does not wait for a look at all the others each time.

        Mostly a request comes with its connection, and begins at once.
        """
        for _ in range(min(AT_ONCE, self.worker_connections - self.nr_conns)):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_FILES:
                    raise
                self.log.warning("No file is left for another connection: it waits")
                time.sleep(0.05)  # the listener stays readable
                return
            self.nr_conns += 1
            patience = struct.pack("ll", SECONDS, 0)  # the kernel's struct timeval
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # threads read and write without a limit of theirs
                sock.setsockopt(socket.SOL_SOCKET, option, patience)
            conn = Connection(self._linger, self.cfg, sock, address, listener.getsockname())
            part = _received(sock)
            self._drop(conn) if part == b"" else self._collect(conn, part or b"")

    def enqueue_req(self, conn: Connection) -> None:
        """Behind an answered request the next has begun; the socket says nothing of what came with the last one."""
        ahead = conn.parser.unreader.take_buffered()
        conn.sock.settimeout(0)
        self._collect(conn, ahead)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """The next request on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._collect(conn)

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """A part of a request. Who has gone, or has no end to its head, is dropped."""
        part = _received(client)
        if part is None:
            return
        conn.received += part
        is_ready = bool(part) and self._is_ready(conn)
        if part and not is_ready and len(conn.received) <= LONGEST_HEAD + requests.SHORT:
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self._begin(conn) if is_ready else self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops waits no longer for requests to begin than for those on kept connections."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def murder_pending(self) -> None:
        super().murder_pending()
        while self.lingering and self.lingering[0].timeout <= time.monotonic():
            self._let_go(self.lingering[0])

    def _collect(self, conn: Connection, received: bytes = b"") -> None:
        """`murder_pending` closes what is not whole in time; all wait equally long, so the first is the next."""
        conn.received[:] = received
        if self._is_ready(conn):
            self._begin(conn)
            return
        conn.timeout = time.monotonic() + (SECONDS if self.alive else LINGER)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _is_ready(self, conn: Connection) -> bool:
        """Whether a thread can begin. Who asks whether to send a short body is told here: no thread waits for it."""
        received = bytes(conn.received)
        if requests.is_whole(received):
            return True
        head = requests.head(received)
        if head and head.is_asking:
            conn.received[:] = requests.without_asking(received)
            with suppress(OSError):
                conn.sock.send(CONTINUE)
        return False

    def _begin(self, conn: Connection) -> None:
        head = requests.head(bytes(conn.received))
        conn.is_long = head is not None and head.is_long
        if conn.is_long and self.long == LONG_AT_ONCE:
            self._refuse(conn)
            return
        self.long += conn.is_long
        if conn.parser is None:
            conn.parser = http.get_parser(conn.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(bytes(conn.received))
        conn.received.clear()
        conn.data_ready = True
        super().enqueue_req(conn)

    def finish_request(self, conn: Connection, done: "Future[Any]") -> None:
        self.long -= conn.is_long
        conn.is_long = False
        super().finish_request(conn, done)

    def _refuse(self, conn: Connection) -> None:
        conn.is_long = False
        with suppress(OSError):
            conn.sock.send(BUSY)
        self.nr_conns -= 1
        self._linger(conn)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def _linger(self, conn: Connection) -> None:
        """Everything is sent. Closing at once while the other side still sends would take the end of it back."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + LINGER
        self.nr_conns += 1  # it is one of worker_connections until it is closed
        self.lingering.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn: Connection, client: socket.socket) -> None:
        if _received(client) == b"":
            self._let_go(conn)

    def _let_go(self, conn: Connection) -> None:
        self.nr_conns -= 1
        self.lingering.remove(conn)
        self.poller.unregister(conn.sock)
        conn.close()
