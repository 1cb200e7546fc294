"""An application for the worker's tests, and gunicorn's settings for it: little of everything, patience included."""

from collections.abc import Callable, Iterable
from typing import Any

from config import worker

worker.SECONDS = 2
worker.LONG_AT_ONCE = 1
workers = 1
worker_class = "config.worker.Worker"
threads = 2
worker_connections = 120
keepalive = 5
control_socket_disable = True


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", str(len(environ["PATH_INFO"]) + len(body)))])
    return [environ["PATH_INFO"].encode("latin-1"), body]
