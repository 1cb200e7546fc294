"""A backup is taken in whole or not at all, and never over what somebody else is at."""

import base64
import io
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import backups, models, retrieval, revisions
from rag.backups import making, packed, records, restoring
from rag.embeddings import fake
from tests import factories
from tests.git_fixtures import Repository
from tests.rag.backups.test_packed import FILE

FILES = {
    "README.md": "# Thing\n\nIt greets.\n",
    "thing/greet.py": 'def greet(name):\n    """Say hello."""\n    return f"Hello {name}"\n',
    "thing/part.py": 'def part(name):\n    """Say goodbye."""\n    return f"Goodbye {name}"\n',
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def thing() -> Project:
    """Ready, with three files."""
    project = factories.make_project("Thing", tags="one, two", position=3)
    factories.make_live_revision(project, FILES)
    models.SourceFile.objects.update(chunk_count=1)
    return project


def made(*slugs: str) -> io.BytesIO:
    out = io.BytesIO()
    backups.make(out, slugs)
    return out


def restored(source: io.BytesIO, **options: Any) -> list[backups.Outcome]:
    return list(backups.Restore(source=source, **options).run())


def digest(slug: str = "thing") -> str:
    live = Project.objects.with_assistants().get(slug=slug).rag.live_revision
    return revisions.digest(live) if live else ""


def rows() -> list[int]:
    tables = (Project, ProjectRAG, models.Revision, models.SourceFile, models.RevisionFile, models.Chunk)
    return [table.objects.count() for table in tables]


def test_what_was_deleted_comes_back_as_it_was(thing: Project) -> None:
    before = digest(), rows(), thing.created_at, [passage.text for passage in found(thing)]
    source = made()
    thing.delete()

    [outcome] = restored(source)

    there = Project.objects.with_assistants().get(slug="thing")
    assert outcome.done
    assert (digest(), rows(), there.created_at, [passage.text for passage in found(there)]) == before
    assert (there.tags, there.position, there.is_published) == ("one, two", 3, True)
    assert (there.rag.processing_status, there.rag.progress_percentage) == ("ready", 100)


def found(project: Project) -> list[retrieval.Passage]:
    live = models.Revision.objects.get(rag__project=project)
    return retrieval.search(live, "Who says goodbye?").passages


def test_running_it_again_changes_nothing(thing: Project) -> None:
    live = thing.rag.live_revision_id

    [outcome] = restored(made())

    assert (outcome.done, outcome.sentence) == (True, "It is here already, with the same index.")
    assert ProjectRAG.objects.get().live_revision_id == live


def test_another_index_is_replaced_only_when_that_is_asked_for(thing: Project) -> None:
    source, before = made(), digest()
    factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    Project.objects.update(title="My words")

    with pytest.raises(backups.Unsuitable, match="thing: it has an index already"):
        restored(source)
    assert digest() != before

    assert restored(source, replace=True)[0].done
    assert (digest(), Project.objects.get().title) == (before, "My words")
    assert models.Revision.objects.count() == 1


def test_files_that_are_there_already_are_no_hindrance(thing: Project) -> None:
    source, before = made(), digest()
    models.Chunk.objects.filter(file__path="README.md").delete()

    assert restored(source, replace=True)[0].done
    assert digest() == before


def test_a_project_without_an_index_takes_it(thing: Project) -> None:
    source, before = made(), digest()
    revisions.clear(thing.rag)

    assert restored(source)[0].done
    assert digest() == before


def test_the_name_of_another_repository_is_left_alone(thing: Project) -> None:
    source = made()
    Project.objects.update(repository_url="https://github.com/owner/other")

    with pytest.raises(backups.Unsuitable, match="reads another repository"):
        restored(source, replace=True)


def test_a_project_without_an_index_is_added_without_one() -> None:
    factories.make_project("Plan")
    stopped = factories.make_project("Stopped")
    ProjectRAG.objects.request(stopped.rag.pk)
    ProjectRAG.objects.cancel(stopped.rag.pk)
    source = made()
    Project.objects.all().delete()

    assert [outcome.sentence for outcome in restored(source)] == ["Added. It has no index yet."] * 2
    assert [rag.cancelled_at is None for rag in ProjectRAG.objects.order_by("pk")] == [True, False]


def test_only_those_named_are_written_and_taken_in(thing: Project) -> None:
    factories.make_project("Plan")
    everything, one = made(), made("thing")
    Project.objects.all().delete()

    assert [entry.project.slug for entry in backups.Restore(source=one).contents()] == ["thing"]
    assert [outcome.slug for outcome in restored(everything, slugs=["thing"])] == ["thing"]
    with pytest.raises(backups.Unsuitable, match="no project plan"):
        restored(one, slugs=["plan"])


def test_a_project_that_a_worker_is_at_is_left_to_it(thing: Project) -> None:
    source, before = made(), rows()
    factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    lease = ProjectRAG.objects.claim(thing.rag.pk)
    assert lease

    [outcome] = restored(source, replace=True)

    assert (outcome.done, outcome.sentence.startswith("A worker is at it")) == (False, True)
    ProjectRAG.objects.renew(lease)  # it still holds it
    assert rows() != before


def spoiled(source: io.BytesIO, **values: Any) -> io.BytesIO:
    """The backup with other values in each of its chunks, and its checksums made to fit."""
    source.seek(0)
    reader, out = packed.Reader(source), io.BytesIO()
    writer = packed.Writer(out)
    writer.write(reader.header)
    for project in reader.projects():
        writer.write(project)
        for file in reader.files():
            writer.write(file)
        for chunk in reader.chunks():
            writer.write(records.of(records.Chunk, records.as_json(chunk) | values))
        writer.end_project(reader.end_project().index_digest)
    writer.close()
    return out


def vector(packed: bytes, count: int = fake.DIMENSIONS) -> str:
    return base64.b64encode(packed * count).decode()


SPOILED = [
    ({"vector": ""}, f"has not {fake.DIMENSIONS} dimensions"),
    ({"vector": vector(b"\x3c\0", fake.DIMENSIONS + 1)}, f"has not {fake.DIMENSIONS} dimensions"),
    ({"vector": vector(b"\x7e\0")}, "PostgreSQL refuses a row"),  # not a number
    ({"vector": vector(b"\0\0")}, "0 have a usable vector"),
    ({"file": 0, "ordinal": 0}, "PostgreSQL refuses a row"),  # the same place thrice
    ({"sha256": "0" * 64}, "has not the digest"),
]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(("values", "reason"), SPOILED)
def test_what_can_be_no_index_leaves_everything_as_it_was(
    thing: Project, there: bool, values: dict[str, Any], reason: str
) -> None:
    source = spoiled(made(), **values)
    if there:
        factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    else:
        thing.delete()
    before = rows(), digest() if there else ""

    [outcome] = restored(source, replace=True)

    assert (outcome.done, reason in outcome.sentence) == (False, True)
    assert (rows(), digest() if there else "") == before
    assert [rag.error_code for rag in ProjectRAG.objects.all()] == ["restore"] * there


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("reason", [psycopg.errors.DiskFull, psycopg.OperationalError])
def test_a_database_that_cannot_go_on_leaves_everything_as_it_was(
    thing: Project, there: bool, reason: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made()
    if there:
        factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    else:
        thing.delete()
    before = rows()
    error = OperationalError("connection to server at secret")
    error.__cause__ = reason("connection to server at secret")
    monkeypatch.setattr(revisions, "validate", mock.Mock(side_effect=error))

    [outcome] = restored(source, replace=True)

    assert (outcome.done, rows()) == (False, before)
    assert outcome.sentence == (
        f"It is as it was before: PostgreSQL could not finish ({reason.__name__}). Restore it again."
    )


def test_a_damaged_file_is_refused_before_anything_is_written(thing: Project) -> None:
    content = made().getvalue()
    thing.delete()

    with pytest.raises(backups.Damaged):
        restored(io.BytesIO(content[:-9]))
    assert rows() == [0] * 6


@pytest.mark.parametrize(("limit", "most"), [("RAG_MAX_CHUNKS", 2), ("RAG_MAX_FILES", 0), ("RAG_MAX_TEXT_BYTES", 60)])
def test_a_larger_index_than_is_allowed_is_refused(thing: Project, settings: Settings, limit: str, most: int) -> None:
    source = made()
    thing.delete()
    setattr(settings, limit, most)

    with pytest.raises(backups.Unsuitable, match=f"Raise {limit}"):
        restored(source)


def test_long_texts_are_not_in_memory_together() -> None:
    thing = factories.make_project("Thing")
    factories.make_live_revision(thing, {f"{number}.py": f"x = {number}\n" for number in range(40)})
    source = spoiled(made(), text="x" * 500_000)
    thing.delete()
    tracemalloc.start()
    try:
        restored(source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 15_000_000


def test_fewer_files_are_written_together_where_there_is_much_to_say_of_them() -> None:
    files = [replace(FILE, path=str(number), note="x" * 600_000) for number in range(5)]

    assert [len(some) for some in restoring._batches(iter(files))] == [2, 2, 1]


def test_a_model_that_cannot_be_had_here_is_told(thing: Project, settings: Settings) -> None:
    source = made()
    thing.delete()
    settings.EMBEDDING_PROVIDER = "local"

    [outcome] = restored(source)

    assert outcome.done
    assert "This index was made with the fake model" in outcome.sentence


def test_readers_have_the_old_index_until_the_new_one_is_whole(thing: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    source = made()
    factories.make_live_revision(thing, {"other.py": "x = 1\n"})
    old, seen, original = digest(), [], revisions.validate

    def validate(*arguments: Any, **options: Any) -> None:
        seen.append(elsewhere(digest))
        original(*arguments, **options)

    monkeypatch.setattr(revisions, "validate", validate)
    restored(source, replace=True)

    assert seen == [old]
    assert digest() != old


def elsewhere(ask: Callable[[], str]) -> str:
    """What another connection sees."""
    answers: list[str] = []

    def run() -> None:
        answers.append(ask())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


def test_a_backup_is_of_one_moment_while_processing_goes_on(thing: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before, original = digest(), making._write

    def meanwhile(*arguments: Any) -> records.ProjectEnd:
        elsewhere(lambda: str(factories.make_live_revision(thing, {"other.py": "x = 1\n"})))
        elsewhere(lambda: str(models.Chunk.objects.filter(file__path__startswith="thing/").delete()))
        return original(*arguments)

    monkeypatch.setattr(making, "_write", meanwhile)
    [entry] = backups.Restore(source=made()).contents()

    assert (entry.end.index_digest, entry.end.chunks) == (before, 3)
    assert digest() != before


def test_the_next_run_finds_nothing_to_do(
    project: Project, repository: Repository, run: Callable[..., Any], calls: list[list[str]]
) -> None:
    run(project)
    source = made()
    project.delete()
    calls.clear()

    assert restored(source)[0].done
    again = run(Project.objects.get())

    assert (again.result.value, calls) == ("unchanged", [])
