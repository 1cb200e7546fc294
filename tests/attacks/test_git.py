"""Addresses and repositories that would have git do something else, through every door and through a whole run.

What `rag.sources` itself makes of them is in tests/rag/test_sources.py.
"""

import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from portfolio.models import Project
from rag import models
from tests.attacks import TALLY
from tests.git_fixtures import Repository
from tests.rag.test_sources import ABSENT, ATTACKS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_temporary_folder")]
ADDRESSES = [address for address in ATTACKS if address and "\0" not in address]
REFS = [
    "--upload-pack=touch x",
    "-x",
    "main --help",
    "$(touch x)",
    "main;touch x",
    "../../x",
    "refs/heads/*:refs/x",
    "@{-1}",
]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The programs that were started."""
    commands: list[Any] = []

    def start(command: Any, *_: Any, **__: Any) -> None:
        commands.append(command)
        pytest.fail("started")

    monkeypatch.setattr(subprocess, "Popen", start)
    return commands


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_refused_starts_nothing_through_any_door(
    address: str, client: Client, run: Callable[..., Any], started: list[Any]
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    form = client.post(
        "/admin/portfolio/project/add/", {"title": "Evil", "slug": "evil", "repository_url": address, "position": 0}
    )
    with pytest.raises(CommandError):
        call_command("add_project", "--title", "Evil", "--", address, stdout=StringIO())
    written = Project.objects.create(title="Written", slug="written", repository_url=address[:500], is_published=True)
    outcome = run(written)

    TALLY.add("Git, addresses", tried=3, active=len(started))
    assert (form.status_code, started, Project.objects.count()) == (200, [], 1)
    assert outcome.result.value == "failed" and outcome.sentence.isprintable() and "pw" not in outcome.sentence
    shown = client.get("/projects/written/").content.decode() + client.get("/api/projects/written/").content.decode()
    assert "javascript:" not in shown and 'href="http://' not in shown


@pytest.mark.parametrize("ref", REFS)
def test_a_branch_that_is_none_starts_nothing(ref: str, run: Callable[..., Any], started: list[Any]) -> None:
    project = Project.objects.create(title="Evil", repository_url="https://github.com/owner/name", ref=ref)

    outcome = run(project)

    TALLY.add("Git, branches", active=len(started))
    assert (outcome.result.value, started) == ("failed", [])


def contents(touch: str, folder: Path) -> dict[str, str]:
    """Files that git, or a program that works on a checkout, would obey."""
    hook = f"#!/bin/sh\n{touch}\n"
    return {
        ".gitmodules": f'[submodule "a"]\n\tpath = sub\n\turl = ext::sh -c "{touch}"\n\tupdate = !{touch}\n'
        f'[submodule "../../x"]\n\tpath = -u{touch}\n\turl = --upload-pack={touch}\n',
        ".gitattributes": "* filter=evil diff=evil merge=evil working-tree-encoding=UTF-16 export-subst\n*.py ident\n",
        ".lfsconfig": f'[lfs]\n\turl = ext::{touch}\n[filter "evil"]\n\tsmudge = {touch}\n\tprocess = {touch}\n',
        ".gitconfig": f'[core]\n\tsshCommand = {touch}\n\tfsmonitor = {touch}\n\tpager = {touch}\n',
        ".git/config": f'[core]\n\tfsmonitor = {touch}\n\thooksPath = .git/hooks\n',
        ".git/hooks/post-checkout": hook, ".GIT/hooks/post-checkout": hook, "git~1/config": hook, ".git /config": hook,
        "hooks/post-checkout": hook, "config": f'[core]\n\tfsmonitor = {touch}\n', "HEAD": "ref: refs/heads/evil\n",
        "objects/info/alternates": f"{folder}\n", "info/attributes": "* filter=evil\n",
        "setup.py": f"import os; os.system('{touch}')\n",
        "conftest.py": f"import os; os.system('{touch}')\n", "Makefile": f"all:\n\t{touch}\n",
        ".envrc": touch, "a.py": "x = 1\n",
        "$(touch x).py": "y = 1\n", "; touch x.py": "z = 1\n", "-rf": "x", "--upload-pack=x": "x",
    }  # fmt: skip


def test_nothing_in_a_repository_is_run_or_followed(
    repository: Repository, local_repositories: None, run: Callable[..., Any], tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "canary.py").write_text("CANARY = 1\n")
    hostile = contents(f"touch {tmp_path}/touched", private)
    for path, text in hostile.items():
        repository.add(path, text)
    links = {
        "link.py": f"{private}/canary.py",
        "up.py": "../" * 9 + str(private) + "/canary.py",
        "folder": str(private),
        "etc": "/etc/passwd",
    }
    for path, target in links.items():
        repository.add(path, target, "120000")
    repository.link("sub", ABSENT, "160000")
    repository.commit(message=f"--exec={tmp_path}/touched")

    outcome = run(Project.objects.create(title="Hostile", repository_url=str(repository.path)))

    active = int((tmp_path / "touched").exists()) + int(Path("x").exists())
    TALLY.add("Git, contents", tried=len(hostile) + len(links) + 1, active=active, leaks=stored().count("CANARY"))
    assert (outcome.result.value, active) == ("ready", 0)
    assert "CANARY = 1" not in stored() and "root:" not in stored()
    reasons = dict(models.SourceFile.objects.filter(path__in=[*links, "sub"]).values_list("path", "skip_reason"))
    assert reasons == dict.fromkeys([*links, "sub"], "not_a_file")


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(path || ' ' || note, E'\\n') FROM rag_sourcefile")
        (files,) = cursor.fetchone()
        cursor.execute("SELECT string_agg(text, E'\\n') FROM rag_chunk")
        (texts,) = cursor.fetchone()
    return f"{files}\n{texts}"
