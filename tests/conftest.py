"""What every test stands on: an environment of its own, a PostgreSQL of its own, and no network."""

import atexit
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest

BASE_DIR = Path(__file__).resolve().parent.parent
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def set_environment() -> None:
    """Before any setting is read: nothing of the developer's, so that no key of theirs is used or shown."""
    database = os.environ.get("DATABASE_URL", "")
    for name in re.findall(r"^#? ?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE):
        os.environ.pop(name, None)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true"}
    os.environ |= {"EMBEDDING_PROVIDER": "fake", "LLM_PROVIDER": "fake", "RAG_DELAY": "0", "LLM_FALLBACKS": "none"}
    # Playwright keeps an event loop running in the thread that also uses the ORM.
    os.environ |= {"DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    os.environ["DATABASE_URL" if database else "LOCAL_POSTGRES_DIR"] = database or shared_folder()


def shared_folder() -> str:
    """Handed from the first process to xdist's workers, which share one server."""
    if "DOCENT_TEST_POSTGRES" not in os.environ:
        os.environ["DOCENT_TEST_POSTGRES"] = tempfile.mkdtemp(prefix="docent-test-")
        atexit.register(shutil.rmtree, os.environ["DOCENT_TEST_POSTGRES"], ignore_errors=True)
    return os.environ["DOCENT_TEST_POSTGRES"]


set_environment()
django.setup()

from django.conf import settings  # noqa: E402

from config import local_postgres  # noqa: E402

# The same examples in every run, and no limit on one's time: other work on the machine must not fail a test.
hypothesis.settings.register_profile("docent", deadline=None, derandomize=True)
hypothesis.settings.load_profile("docent")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The server runs from the first test that wants a database to the end of the last worker."""
    if settings.LOCAL_POSTGRES_DIR:
        settings.LOCAL_POSTGRES_DIR.chmod(0o711)  # as root the server has another user
    with local_postgres.running(settings.LOCAL_POSTGRES_DIR, fsync=False):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Whoever reaches beyond this computer fails loudly, also when it would have handled an OSError."""

    def guarded(original: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
                raise RuntimeError(f"A test reached for the network: {address}")
            return original(self, address)

        return connect

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_loopback(host):
            raise RuntimeError(f"A test asked for the address of {host}")
        return look_up(host, *arguments, **options)

    look_up = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def _is_loopback(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name is None or name in ("localhost", "::1", "", "0.0.0.0") or str(name).startswith("127.")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    installed = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
    return {**browser_type_launch_args, **installed, "args": CHROMIUM_FLAGS}
