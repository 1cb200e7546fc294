"""How gunicorn serves the site: `gunicorn --config config/gunicorn.py config.wsgi`.

An open answer stream holds a thread, so there are many of them in one process; the streams that are admitted
(RAG_MAX_STREAMS) leave plenty for the pages. It listens on 0.0.0.0:$PORT where a host names the port, else on
127.0.0.1:8000, which is gunicorn's own default.
"""

import gc
import logging
import os
import resource
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import connections

from config import local_postgres, logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
logconfig_dict = logs.for_gunicorn(settings.LOGGING)
workers = 1
worker_class = "config.worker.Worker"  # gthread, and a thread only for whole requests
threads = 64
timeout = 60  # seconds without a sign of life from the worker itself, not from a request
graceful_timeout = 10  # seconds; open streams end within two, and keep what they have
keepalive = 5
FILES = 4_096  # that the process may have open, where the host lets it: connections, and a hundred for all else
_, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
worker_connections = 1_000 if _most == resource.RLIM_INFINITY else max(100, min(1_000, _most - 100))
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 — gunicorn's heartbeat; a disk may stall
forwarded_allow_ips = ""  # whether X-Forwarded-Proto is believed is the settings' to say: TRUST_FORWARDED_PROTO
control_socket_disable = True  # nobody steers it from outside

_held = ExitStack()


def on_starting(server: Any) -> None:
    """The embedded PostgreSQL, where there is one, runs as long as the site does."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if few < FILES:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (FILES if most == resource.RLIM_INFINITY else min(FILES, most), most)
        )
    logging.captureWarnings(True)  # noqa: FBT003 — also what Python warns of is a line of the log
    _held.enter_context(local_postgres.running(settings.LOCAL_POSTGRES_DIR))


def post_worker_init(worker: Any) -> None:
    """Load the models beside the first pages, so that the first question does not wait for them."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        _end_answers_at(number)
    threading.Thread(target=_warm, name="warm", daemon=True).start()


def _warm() -> None:
    from rag import embeddings  # noqa: PLC0415 — models want the application, which the worker has loaded by now
    from rag.llm import fallback  # noqa: PLC0415

    fallback.warm()
    embeddings.warm()
    gc.collect()
    gc.freeze()  # what is loaded stays: to look through it again took a tenth of a second, in which nothing was served


def _end_answers_at(number: signal.Signals) -> None:
    """Before gunicorn's own handling: its hooks are called when the streams have ended, or were cut."""
    from rag import answers  # noqa: PLC0415

    handle = signal.getsignal(number)

    def end(number: int, frame: FrameType | None) -> None:
        answers.stopping.set()
        if callable(handle):
            handle(number, frame)

    signal.signal(number, end)
    signal.siginterrupt(number, False)  # noqa: FBT003 — as gunicorn has it: no request is disturbed in a system call


def worker_exit(server: Any, worker: Any) -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]


def on_exit(server: Any) -> None:
    _held.close()
