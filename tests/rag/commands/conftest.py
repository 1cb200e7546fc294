"""Commands as an owner runs them: real processes against the tests' database and a provider on this computer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from portfolio.models import Project
from rag import models
from tests import providers
from tests.git_fixtures import Repository

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def provider() -> Iterator[providers.Provider]:
    with providers.serving() as serving:
        yield serving


@pytest.fixture
def start(provider: providers.Provider) -> Iterator[Start]:
    """Start a manage.py command with OpenAI's SDK pointed at `provider`: `start("process_rag_async", "--delay=0")`."""
    started: list[subprocess.Popen[str]] = []

    def process(*arguments: str, **extra: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=django_settings.BASE_DIR,
                env=environment(provider) | extra,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return started[-1]

    yield process
    for one in started:
        if one.poll() is None:
            one.send_signal(signal.SIGKILL)
        one.communicate()


@pytest.fixture
def many(repository: Repository) -> Project:
    """A project of forty files with a function each: forty chunks."""
    repository.commit({f"part{n}.py": f"def part_{n}(value):\n    return value + {n}\n" for n in range(40)})
    return Project.objects.create(title="Many", repository_url=str(repository.path), is_published=True)


def texts(provider: providers.Provider) -> list[str]:
    """Every text that was sent to be embedded, in order."""
    return [text for request in provider.requests for text in request.body["input"]]


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def chunk_count() -> int:
    return models.Chunk.objects.count()


def environment(provider: providers.Provider) -> dict[str, str]:
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return {
        "PATH": os.environ["PATH"], "HOME": str(Path.home()), "ENV_FILE": os.devnull, "DEBUG": "true",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "DATABASE_URL": f"postgresql://{address}",
        "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "EMBEDDING_PROVIDER": "openai", "OPENAI_API_KEY": "sk-test-canary",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
    }  # fmt: skip
