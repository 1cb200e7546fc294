"""The deployment guide's snippets, run as they are written there."""

import shlex

import pytest
from django.core.management import call_command

from portfolio.models import Project, ProjectRAG
from tests.git_fixtures import Repository
from tests.rag import guide

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("line", [*guide.COMMANDS, "process_rag_async --delay=auto"])
def test_every_command_processes_the_project(
    repository: Repository, local_repositories: None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"a.py": "def a():\n    return 1\n"})
    Project.objects.filter(pk=1).delete()
    project = Project.objects.create(pk=1, title="Thing", repository_url=str(repository.path))
    call_command(*shlex.split(line))

    assert ProjectRAG.objects.get(project=project).processing_status == "ready"
    assert "Thing: Ready" in capsys.readouterr().out


def test_the_status_snippet_prints_a_line_a_project(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("shell", command=guide.STATUS, verbosity=0)

    assert capsys.readouterr().out.strip() == "Thing: pending (0%)"


def test_the_failed_snippet_counts_failures(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ProjectRAG.objects.filter(project=project).update(
        processing_status="failed", processing_error="It broke.", error_code="network"
    )
    call_command("shell", command=guide.FAILED, verbosity=0)

    assert capsys.readouterr().out.strip() == "1"


def test_running_the_command_retries_what_failed(project: Project) -> None:
    ProjectRAG.objects.filter(project=project).update(
        processing_status="failed", processing_error="It broke.", error_code="network"
    )
    call_command("process_rag_async")

    assert ProjectRAG.objects.get(project=project).processing_status == "ready"
