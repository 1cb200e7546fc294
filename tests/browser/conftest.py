"""What the browser tests share: a site with one project, and an ear for everything the browser complains about."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portfolio.models import Project
from rag import admission
from tests.factories import make_live_revision, make_project

FILES = {
    "README.md": "# Queue\n\n## Getting started\n\nRun the worker.\n",
    "queue.py": 'def claim_job(queue):\n    """Take the oldest job."""\n    return queue.pop()\n',
    "worker.py": "def run_worker(queue):\n    while True:\n        claim_job(queue)()\n",
}
QUESTION = "How is a job claimed in queue.py?"


@pytest.fixture(autouse=True)
def quick_stream(settings: Settings) -> Iterator[None]:
    """An answer that takes long enough to be seen."""
    settings.LLM_FAKE_DELAY = 0.03
    admission.places.cache_clear()
    cache.clear()  # which also counts who asked how often
    yield
    admission.places.cache_clear()


@pytest.fixture
def pending(transactional_db: None) -> Project:
    return make_project("Queue", slug="queue", tags="Python, Jobs", description="## Why\n\n```python\nx = 1\n```")


@pytest.fixture
def project(pending: Project) -> Project:
    """It can answer."""
    make_live_revision(pending, FILES, skipped=1)
    return pending


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Errors and warnings of the console, scripts that failed, and requests to anywhere else."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url) if "//localhost" not in request.url else None)
    return heard


@pytest.fixture
def site(live_server: LiveServer, complaints: list[str]) -> Iterator[str]:
    """The address of the site. Whatever uses it must leave nothing to complain about."""
    yield live_server.url
    assert complaints == []
