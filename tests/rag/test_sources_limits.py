"""What a hostile repository or a full machine can cost."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from portfolio import holders
from rag import files, sources
from rag.sources import address, attributes, errors
from rag.sources import git as running
from tests.git_fixtures import HttpsHost, Repository

pytestmark = pytest.mark.usefixtures("own_temporary_folder", "local_repositories")


def failure(url: str) -> sources.SourceError:
    """What fetching and listing fails with."""
    with pytest.raises(sources.SourceError) as caught, sources.fetch(url) as clone:
        clone.entries()
    return caught.value


def nested(repository: Repository, leaf: str, *, depth: int, width: int) -> str:
    """A tree that names `leaf` width ** depth times."""
    for _ in range(depth):
        leaf = repository.tree([("40000", b"%03d" % n, leaf) for n in range(width)])
    return leaf


# Time


def test_listing_empty_folders_without_end_is_given_up(repository: Repository, settings: Settings) -> None:
    settings.RAG_CLONE_TIMEOUT = 1
    repository.commit_tree(nested(repository, repository.tree([]), depth=10, width=20))
    started = time.monotonic()
    error = failure(str(repository.path))
    assert (error.code, error.permanent) == ("timeout", False)
    assert time.monotonic() - started < 4


def test_reading_slowly_is_not_the_fault_of_git(repository: Repository, settings: Settings) -> None:
    repository.commit({f"{n}": os.urandom(20_000) for n in range(20)})
    with sources.fetch(str(repository.path)) as clone:
        shas = [entry.blob_sha for entry in clone.entries()]
        settings.RAG_CLONE_TIMEOUT = 0.4
        contents = []
        for _sha, content in clone.read(shas):
            time.sleep(0.03)
            contents.append(content)
    assert len([content for content in contents if content]) == 20


def git(tmp_path: Path) -> running.Git:
    return running.Git(home=tmp_path, address=sources.Address(host="", path="/x"), seconds_left=1)


def test_a_stream_that_stalls_is_given_up(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RAG_CLONE_TIMEOUT = 0.3
    stand_in(tmp_path, "echo one; exec sleep 60", monkeypatch)
    with pytest.raises(sources.SourceError) as caught, git(tmp_path).streamed("x") as output:
        assert output.readline() == b"one\n"
        output.readline()
    assert caught.value.code == "timeout"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits another process")
def test_a_git_that_nobody_looks_after_ends_some_day(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RAG_CLONE_TIMEOUT = 30
    stand_in(tmp_path, "sleep 0.2; ulimit -t", monkeypatch)
    with git(tmp_path).streamed("x") as output:
        assert output.read() == b"121\n"


def test_part_of_a_stream_does_not_pass_for_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "echo one; echo fatal: bad object >&2; exit 128", monkeypatch)
    with pytest.raises(sources.SourceError, match="bad object"), git(tmp_path).streamed("x") as output:
        assert output.read() == b"one\n"


def test_a_listing_of_contents_that_ends_early_is_said(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a": "1"})
    with sources.fetch(str(repository.path)) as clone:
        shas = [entry.blob_sha for entry in clone.entries()]
        sizes = dict.fromkeys(shas, 1)
        monkeypatch.setattr(type(clone), "sizes", lambda self, wanted: sizes)
        stand_in(tmp_path, f"cat >/dev/null; echo {shas[0]} missing", monkeypatch)
        with pytest.raises(sources.SourceError, match="cat-file ended early"):
            list(clone.read(shas))


@pytest.mark.parametrize("raised", [ProcessLookupError, PermissionError])
def test_a_process_that_cannot_be_limited_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[OSError]
) -> None:
    def refuse(*_: object) -> None:
        raise raised

    monkeypatch.setattr(resource, "prlimit", refuse)
    stand_in(tmp_path, "echo one", monkeypatch)
    with git(tmp_path).streamed("x") as output:
        assert output.read() == b"one\n"


def test_a_system_that_limits_no_other_process_runs_it_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(resource, "prlimit")
    stand_in(tmp_path, "echo one", monkeypatch)
    with git(tmp_path).streamed("x") as output:
        assert output.read() == b"one\n"


def test_files_that_go_while_they_are_counted_count_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stays").write_bytes(b"1234")
    monkeypatch.setattr(os, "walk", lambda folder: [(str(folder), [], ["stays", "gone"])])
    assert running.folder_bytes(tmp_path) == 4


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called git."""
    program = folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


# Memory


@pytest.fixture
def peak() -> Iterator[Callable[[], float]]:
    """`peak()` is the most memory that Python has held in the test, in megabytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()


def test_one_file_of_attributes_in_many_folders_takes_little_memory(
    repository: Repository, peak: Callable[[], float]
) -> None:
    blob = repository.blob("a linguist-vendored\n" + "# c\n" * 12_000)
    leaf = repository.tree([("100644", b".gitattributes", blob), ("100644", b"a", blob)])
    repository.commit_tree(nested(repository, leaf, depth=1, width=900))
    with sources.fetch(str(repository.path)) as clone:
        found = clone.attributes(entry.path for entry in clone.entries())
    assert found["000/a"] == {"linguist-vendored"}
    assert peak() < 15


def test_attributes_are_merged_up_to_a_limit() -> None:
    assert attributes.merged([(".gitattributes", b"*.a x\n" * 9_000)]).count(b"\n") == 5_000


def test_no_more_attributes_are_read_than_are_merged() -> None:
    read = []

    def contents() -> Iterator[tuple[str, bytes]]:
        for n in range(1_000):
            read.append(n)
            yield f"{n}/.gitattributes", b"#" * 40_000

    assert attributes.merged(contents()) == b""
    assert len(read) < 60


def test_long_paths_take_little_memory_and_are_left_out(repository: Repository, peak: Callable[[], float]) -> None:
    blob = repository.blob("x")
    leaf = repository.tree([("100644", b"%05d" % n, blob) for n in range(300)])
    repository.commit_tree(repository.tree([("40000", b"a" * 500_000, leaf), ("100644", b"b.py", blob)]))
    with sources.fetch(str(repository.path)) as clone:
        entries = clone.entries()
    wanted, skipped = files.select(entries, {}, "", files.Limits.from_settings())
    assert [entry.path for entry in wanted] == ["b.py"]
    assert {file.reason for file in skipped} == {"path"} and len({file.path for file in skipped}) == 300
    assert peak() < 10


def test_a_path_of_the_longest_kind_is_whole(repository: Repository) -> None:
    paths = ["é" * 512, "a" * 1_024, "b" * 1_025]
    repository.commit(dict.fromkeys(paths, "x"))
    with sources.fetch(str(repository.path)) as clone:
        listed = [entry.path for entry in clone.entries()]
    assert set(paths[:2]) < set(listed) and paths[2] not in listed


def test_a_path_without_end_is_refused(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.sources.pipes._MAX_RECORD", 10_000)
    sha = repository.tree([("100644", b"x", repository.blob("x"))])
    for n in range(200):
        sha = repository.tree([("40000", b"y" * 200 + b"%d" % n, sha)])
    repository.commit_tree(sha)
    error = failure(str(repository.path))
    assert (error.code, "10,000 bytes" in str(error)) == ("too_large", True)


def test_more_path_than_the_files_may_have_is_refused(repository: Repository, settings: Settings) -> None:
    settings.RAG_MAX_FILES = 2
    repository.commit({"a" * 900: "x", "b" * 900: "x"})
    with sources.fetch(str(repository.path)) as clone:
        assert len(clone.entries()) == 2
    repository.commit({"c" * 900: "x"})
    error = failure(str(repository.path))
    assert (error.code, "too long" in str(error)) == ("too_large", True)


# The machine


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EMFILE, "files open"),
        (errno.ENOMEM, "memory"),
        (errno.EAGAIN, "programs"),
        (errno.EACCES, "Permission denied"),
    ],
)
@pytest.mark.parametrize("what", ["mkdtemp", "NamedTemporaryFile", "Popen", "write_bytes"])
def test_what_the_machine_refuses_is_said_and_tried_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, what: str, number: int, words: str
) -> None:
    repository.commit({"a": "1", ".gitattributes": "a linguist-vendored\n"})
    holder = {"Popen": subprocess, "write_bytes": Path}.get(what, tempfile)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(holder, what, refuse)
    error = failure(str(repository.path))
    assert (error.code, error.permanent) == ("machine", False)
    assert words in str(error) and "again" in str(error)


def test_a_full_disk_is_known_from_what_git_writes() -> None:
    error = errors.explain("fatal: write error: No space left on device", "h/o/n", has_token=False)
    assert (error.code, error.permanent) == ("machine", False)
    assert errors.explain("remote: No space left on device\nfatal: x", "h/o/n", has_token=False).code == "git"
    said = "fatal: unknown write failure on standard output"  # which is a file on the same disk
    assert errors.explain(said, "h/o/n", has_token=False).code == "machine"


def test_git_has_room_for_its_words_while_there_is_some(repository: Repository, tmp_path: Path) -> None:
    git = running.Git(home=tmp_path, address=address.parse(str(repository.path)), seconds_left=10)
    with git._files(b"") as streams:
        assert (streams.stderr.tell(), os.fstat(streams.stderr.fileno()).st_size) == (0, 4_096)
    with pytest.raises(sources.SourceError) as caught:
        git.local("no-such-command")
    assert str(caught.value).endswith("'no-such-command' is not a git command. See 'git --help'. It is tried again.")


def test_what_the_caller_does_meanwhile_stays_its_own_failure(repository: Repository) -> None:
    repository.commit({"a": "1"})
    with pytest.raises(ConnectionResetError), sources.fetch(str(repository.path)) as clone:
        for _ in clone.read([entry.blob_sha for entry in clone.entries()]):
            raise ConnectionResetError


def test_a_folder_that_was_tidied_away_is_no_missing_git(
    https_repository: HttpsHost, repository: Repository, own_temporary_folder: Path
) -> None:
    commit = repository.commit({"a": "1"})
    with pytest.raises(sources.SourceError) as caught, sources.fetch(https_repository.url, commit=commit) as clone:
        (home,) = own_temporary_folder.iterdir()
        home.rename(own_temporary_folder.parent / "elsewhere")
        clone.entries()
    assert (caught.value.code, caught.value.permanent) == ("machine", False)


def test_a_folder_that_goes_just_before_git_starts_is_no_missing_git(
    repository: Repository, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a": "1"})
    start = subprocess.Popen

    def tidied(*arguments: Any, **options: Any) -> Any:
        shutil.rmtree(options["cwd"])
        return start(*arguments, **options)

    with pytest.raises(sources.SourceError) as caught, sources.fetch(str(repository.path)) as clone:
        monkeypatch.setattr(subprocess, "Popen", tidied)
        clone.entries()
    assert (caught.value.code, caught.value.permanent) == ("machine", False)


# What is left behind


def left_by(folder: Path, name: str, holder: str | None, *, hours: float = 0) -> Path:
    """A clone of `holder` that was last worked on `hours` ago."""
    clone = folder / f"docent-clone-{name}"
    (clone / "repository-x").mkdir(parents=True)
    if holder is not None:
        (clone / "holder").write_text(holder)
    then = time.time() - hours * 3_600
    os.utime(clone, (then, then))
    return clone


def test_what_a_killed_process_left_is_swept(repository: Repository, own_temporary_folder: Path) -> None:
    repository.commit({"a": "1"})
    ended = subprocess.Popen(["true"])
    ended.wait()
    place = holders.current().split()[0]
    dead = left_by(own_temporary_folder, "dead", f"{place} {ended.pid} 1")
    mine = left_by(own_temporary_folder, "mine", holders.current())
    sources.head(str(repository.path))
    assert (dead.exists(), mine.exists()) == (False, True)
    shutil.rmtree(mine)


def test_a_clone_of_another_machine_is_left_alone_for_as_long_as_it_can_live(
    repository: Repository, own_temporary_folder: Path
) -> None:
    repository.commit({"a": "1"})
    live = [left_by(own_temporary_folder, "a", "other/b/1 1 1", hours=20), left_by(own_temporary_folder, "b", None)]
    old = [
        left_by(own_temporary_folder, "c", "other/b/1 1 1", hours=30),
        left_by(own_temporary_folder, "d", None, hours=30),
    ]
    sources.head(str(repository.path))
    assert [folder.exists() for folder in (*live, *old)] == [True, True, False, False]
    for folder in live:
        shutil.rmtree(folder)


def test_a_clone_says_whose_it_is(repository: Repository, own_temporary_folder: Path) -> None:
    repository.commit({"a": "1"})
    with sources.fetch(str(repository.path)):
        (home,) = own_temporary_folder.iterdir()
        assert (home / "holder").read_text() == holders.current()
