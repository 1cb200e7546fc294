"""Where everything stands, on a terminal and as JSON."""

import json
from collections.abc import Callable

import pytest
from django.core.management import call_command

from portfolio.models import Project, ProjectRAG
from rag import revisions
from rag.worker import Outcome

pytestmark = pytest.mark.django_db


def test_a_pending_project_has_a_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rag_status")

    assert "Thing: pending (0 %)" in capsys.readouterr().out


def test_a_ready_project_tells_its_commit_counts_and_digest(
    project: Project, run: Callable[..., Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    run(project)
    call_command("rag_status", "--json")
    [row] = json.loads(capsys.readouterr().out)

    live = project.rag.live_revision
    assert live is not None
    assert (row["commit"], row["index_digest"]) == (live.commit_sha, revisions.digest(live))
    assert (row["status"], row["files_indexed"], row["chunk_count"]) == ("ready", 3, 3)


def test_a_failure_is_told_with_its_remedy(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ProjectRAG.objects.update(processing_status="failed", processing_error="Set a token.", error_code="auth")
    call_command("rag_status")

    assert "Set a token." in capsys.readouterr().out


def test_no_projects_is_said(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rag_status")

    assert "no projects yet" in capsys.readouterr().out


def test_what_was_cancelled_or_has_no_repository_says_so(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ProjectRAG.objects.request(project.rag.pk)
    ProjectRAG.objects.cancel(project.rag.pk)
    Project.objects.create(title="Words")
    call_command("rag_status")

    told = capsys.readouterr().out
    assert "Thing: pending (0 %), cancelled" in told
    assert "Words: pending (0 %), no repository" in told
