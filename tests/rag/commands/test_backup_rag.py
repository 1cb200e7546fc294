"""backup_rag and restore_rag as an owner types them."""

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from portfolio.models import Project
from rag import backups, models
from tests import factories
from tests.providers import Provider
from tests.rag.commands.conftest import Start, environment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def thing() -> Project:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, {"thing/greet.py": "def greet():\n    return 1\n"})
    project.rag.files.update(chunk_count=1)
    return project


def told(command: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_it_writes_a_file_for_its_owners_eyes_that_comes_back(thing: Project, tmp_path: Path) -> None:
    file = tmp_path / "all.backup"

    assert told("backup_rag", file).startswith("1 projects, 1 of them with an index: 1 chunks")
    assert [each.name for each in tmp_path.iterdir()] == ["all.backup"]
    assert file.stat().st_mode & 0o777 == 0o600

    thing.delete()
    assert told("restore_rag", file) == "thing: Ready at 0123456789: 1 files, 1 chunks.\n"


def test_a_check_tells_what_is_in_it_and_changes_nothing(thing: Project, tmp_path: Path) -> None:
    told("backup_rag", tmp_path / "b")
    thing.delete()

    said = told("restore_rag", tmp_path / "b", "--check")

    assert "thing: 0123456789, 1 files, 1 chunks, fake by fake, 64 dimensions" in said
    assert "complete and undamaged" in said
    assert not Project.objects.exists()


def test_a_backup_that_cannot_be_made_leaves_the_last_one(
    thing: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b"
    file.write_text("the last one")
    monkeypatch.setattr(backups, "make", cut_off)

    with pytest.raises(CommandError, match="was not written: It is cut off"):
        told("backup_rag", file)

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("b", "the last one")]


def cut_off(out: io.BytesIO, slugs: set[str]) -> None:
    out.write(b"\x1f\x8b")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["backup_rag", "{}/b", "--project", "nobody"], "no project nobody"),
        (["backup_rag", "{}/no/b"], "cannot be written"),
        (["restore_rag", "{}/none"], "cannot be read"),
        (["backup_rag", "{}"], "no file that could be replaced"),
        (["backup_rag", "/dev/null"], "no file that could be replaced"),
    ],
)
def test_wrong_use_is_told(thing: Project, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as raised:
        told(*(argument.format(tmp_path) for argument in arguments))

    assert raised.value.returncode == 2


def test_a_damaged_file_says_so_and_that_nothing_happened(thing: Project, tmp_path: Path) -> None:
    file = tmp_path / "b"
    told("backup_rag", file)
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(CommandError, match=r"Nothing was restored\.\nIt is cut off") as raised:
        told("restore_rag", file)
    assert raised.value.returncode == 1


@pytest.mark.parametrize("there", [False, True])
def test_a_restore_that_is_killed_leaves_what_was_and_can_be_run_again(
    thing: Project, tmp_path: Path, start: Start, there: bool
) -> None:
    file = tmp_path / "b"
    told("backup_rag", file)
    if there:
        factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    else:
        thing.delete()
    before = paths()

    killed = start("restore_rag", "--replace", str(file), FAULT="mid-cleanup:1:KILL", FAULT_TESTING="yes")
    killed.communicate(timeout=60)

    assert (killed.returncode, paths()) == (-signal.SIGKILL, before)
    assert told("restore_rag", file, "--replace").startswith("thing: Ready at 0123456789")
    assert paths() == ["thing/greet.py"]


def paths() -> list[str]:
    """Of all files that there are."""
    return sorted(models.SourceFile.objects.values_list("path", flat=True))


def test_whoever_reads_no_further_is_no_traceback(thing: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb", buffering=0) as gone:
        monkeypatch.setattr(sys, "stdout", mock.Mock(buffer=gone, isatty=lambda: False))
        with pytest.raises(CommandError, match="not written to its end: Broken pipe"):
            told("backup_rag", "-")


def test_a_pipe_that_cannot_be_put_aside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    full = mock.Mock(read=mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    monkeypatch.setattr(sys, "stdin", mock.Mock(buffer=full))

    with pytest.raises(CommandError, match="could not be put aside: No space left"):
        told("restore_rag", "-")


def test_they_take_a_pipe(thing: Project, provider: Provider) -> None:
    line = '"$0" manage.py backup_rag - | "$0" manage.py restore_rag --check -'

    done = subprocess.run(
        ["sh", "-c", line, sys.executable],
        cwd=settings.BASE_DIR, env=environment(provider), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "1 chunks" in done.stderr
    assert "thing: 0123456789, 1 files, 1 chunks" in done.stdout
