"""What one PostgreSQL wrote, an empty database of another one takes in: the same index, the same answers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from pytest_django import Settings

from portfolio.models import Project
from rag.worker import Outcome
from tests.git_fixtures import Repository
from tests.rag.backups import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another_postgresql() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="docent-elsewhere-"))
    place.chmod(0o711)  # as root the server has another user
    yield place
    shutil.rmtree(place)


@pytest.fixture
def docent(repository: Repository, local_repositories: None, run: Callable[..., Outcome]) -> Project:
    """Docent's own store as a project, processed twice: its rows no longer stand in the order of its files."""
    modules = ("packing", "revisions", "reporting", "worker", "lexical", "models/index", "ingest/index", "ingest/plan")
    repository.commit({f"{name}.py": (django_settings.BASE_DIR / f"rag/{name}.py").read_text() for name in modules})
    project = Project.objects.create(title="Docent", repository_url=str(repository.path))
    run(project)
    repository.commit({"packing.py": (django_settings.BASE_DIR / "rag/tokens.py").read_text(), "worker.py": None})
    run(project)
    return project


def test_another_database_answers_the_same_without_a_call_to_a_provider(
    docent: Project, another_postgresql: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.LLM_PROVIDER = "extractive"
    file = tmp_path / "docent.backup"
    call_command("backup_rag", str(file))

    restored = run_elsewhere(another_postgresql, str(file), docent.slug)

    assert restored.pop("provider_calls") == 0
    assert restored == json.loads(json.dumps(elsewhere.answers(docent.slug)))
    assert len(restored["answers"]) == 20
    assert sum(bool(places) for _, places, *_ in restored["answers"]) >= 19


def run_elsewhere(place: Path, file: str, slug: str) -> dict[str, Any]:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(Path.home()), "ENV_FILE": os.devnull, "DEBUG": "true",
        "PYTHONDONTWRITEBYTECODE": "1", "LOCAL_POSTGRES_DIR": str(place), "EMBEDDING_PROVIDER": "fake",
        "LLM_PROVIDER": "extractive", "RAG_ALLOW_LOCAL_REPOSITORIES": "true",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.rag.backups.elsewhere", file, slug]
    done = subprocess.run(
        command, env=environment, cwd=django_settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers
