"""The whole write line on real repositories, with the fake embedding model."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import embeddings, files, models, revisions, search_index, sources
from rag.embeddings import fake
from rag.ingest import index
from rag.worker import Outcome, Result
from tests.git_fixtures import HttpsHost, Repository
from tests.rag.conftest import Notes

pytestmark = pytest.mark.django_db

Run = Callable[..., Outcome]
Calls = list[list[str]]


def live(project: Project) -> models.Revision:
    revision = project.rag.live_revision
    assert revision is not None
    return revision


def sent(calls: Calls) -> list[str]:
    return [text for call in calls for text in call]


def test_a_repository_becomes_a_live_revision(project: Project, run: Run, repository: Repository) -> None:
    outcome = run(project)

    assert outcome.result is Result.READY, outcome.sentence
    assert (project.rag.processing_status, project.rag.progress_percentage) == ("ready", 100)
    assert live(project).commit_sha == repository.git("rev-parse", "main")
    assert (live(project).files_seen, live(project).files_indexed) == (3, 3)
    assert live(project).finished_at is not None


def test_chunks_hold_the_exact_lines(project: Project, run: Run) -> None:
    run(project)

    chunk = models.Chunk.objects.get(file__path="thing/greet.py")
    assert (chunk.start_line, chunk.end_line, chunk.symbol) == (1, 3, "greet")
    assert chunk.text.startswith("def greet(name):")


def test_each_file_is_read_once(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    decode = files.decode

    def noted(entry: sources.TreeEntry, *rest: Any) -> files.SourceFile | files.SkippedFile:
        read.append(entry.path)
        return decode(entry, *rest)

    monkeypatch.setattr(files, "decode", noted)
    run(project)

    assert sorted(read) == ["README.md", "thing/greet.py", "thing/part.py"]


def test_batches_are_at_most_the_batch_size(project: Project, run: Run, calls: Calls) -> None:
    run(project, batch_size=2)

    assert [len(call) for call in calls] == [2, 1]


def test_an_unchanged_commit_does_nothing_and_says_so(project: Project, run: Run, calls: Calls) -> None:
    run(project)
    calls.clear()
    outcome = run(project)

    assert outcome.result is Result.UNCHANGED
    assert "Unchanged" in outcome.sentence
    assert calls == []


def test_a_change_of_one_file_embeds_that_file_only(
    project: Project, run: Run, calls: Calls, repository: Repository
) -> None:
    run(project)
    calls.clear()
    repository.commit({"thing/part.py": "def part(name):\n    return name\n"})
    run(project)

    assert len(sent(calls)) == 1
    assert live(project).embedded_count == 1
    assert live(project).files_indexed == 3


def test_a_file_that_is_gone_leaves_the_index(project: Project, run: Run, repository: Repository) -> None:
    run(project)
    repository.commit({"thing/part.py": None})
    run(project)

    assert not models.SourceFile.objects.filter(path="thing/part.py").exists()
    assert models.Chunk.objects.filter(file__rag=project.rag).count() == 2


def test_a_text_embedded_for_another_project_is_not_paid_again(
    project: Project, run: Run, calls: Calls, repository: Repository
) -> None:
    run(project)
    calls.clear()
    twin = Project.objects.create(title="Twin", repository_url=str(repository.path))
    run(twin)

    assert calls == []
    assert live(twin).reused_count == live(twin).chunk_count == 3
    assert revisions.digest(live(twin)) == revisions.digest(live(project))


def test_a_cut_off_run_is_gone_on_with(
    project: Project, run: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = index.store
    stored: list[None] = []

    def store_once(*arguments: object) -> None:
        if stored:
            raise MemoryError
        stored.append(None)
        store(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "store", store_once)
    run(project, batch_size=1)
    monkeypatch.setattr(index, "store", store)
    first = len(sent(calls))
    run(project, batch_size=1)

    assert project.rag.processing_status == "ready"
    assert (first, len(sent(calls))) == (2, 4)  # of three texts the one in flight was paid twice


def test_each_chunk_counts_as_embedded_or_as_reused(project: Project, run: Run, repository: Repository) -> None:
    repository.commit({"list.py": "x = 1\n" * 2_000})
    run(project)

    assert live(project).embedded_count < live(project).chunk_count
    assert live(project).embedded_count + live(project).reused_count == live(project).chunk_count


@pytest.mark.django_db(transaction=True)
def test_a_failure_inside_the_flip_leaves_the_old_revision_live_and_whole(
    project: Project, run: Run, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    old, before = live(project), revisions.digest(live(project))
    repository.commit({"thing/part.py": "def part():\n    return 0\n"})
    monkeypatch.setattr(revisions, "_DROP_FILES", "SELECT 1/0 WHERE %s > 0")
    run(project)

    assert (project.rag.processing_status, live(project)) == ("failed", old)
    assert revisions.digest(old) == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_stores_nothing_of_its_batch(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def steal(self: object, texts: list[str]) -> list[embeddings.Vector]:
        ProjectRAG.objects.cancel(project.rag.pk)
        return original(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(embedder, "embed_documents", steal)
    outcome = run(project)

    assert outcome.result is Result.BUSY
    assert not models.Chunk.objects.exists()


def delete(project: Project) -> None:
    with closing(connection):
        Project.objects.get(pk=project.pk).delete()


def wait_for_a_waiter() -> None:
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("module", "name"), [(index, "_advance"), (search_index, "write")])
def test_a_project_can_be_deleted_while_a_worker_writes(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    original = getattr(module, name)
    deletions: list[Future[None]] = []

    def write(*arguments: object) -> object:
        result = original(*arguments)
        if not deletions:
            deletions.append(other.submit(delete, project))
            wait_for_a_waiter()
        return result

    monkeypatch.setattr(module, name, write)
    with ThreadPoolExecutor(1) as other, suppress(ProjectRAG.DoesNotExist):
        run(project)

    assert deletions[0].exception() is None
    assert not Project.objects.exists()


def test_an_index_that_misses_a_chunk_does_not_go_live(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "analyze", lambda: models.Chunk.objects.earliest("pk").delete())
    run(project)

    assert (project.rag.error_code, project.rag.live_revision) == ("incomplete", None)
    assert project.rag.next_attempt_at is not None


@pytest.mark.parametrize("vector", [[1.0, 0.0], [0.0] * 64], ids=["wrong dimensions", "zeros"])
def test_an_index_with_a_vector_of_no_use_does_not_go_live(
    project: Project, run: Run, repository: Repository, monkeypatch: pytest.MonkeyPatch, vector: list[float]
) -> None:
    run(project)
    old = live(project)
    repository.commit({"thing/new.py": "def new():\n    return 1\n"})
    added = models.Chunk.objects.filter(file__path="thing/new.py")
    monkeypatch.setattr(index, "analyze", lambda: added.update(embedding=vector))
    run(project)

    assert (project.rag.error_code, live(project)) == ("incomplete", old)
    assert "3 have a usable vector" in project.rag.processing_error


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_stored_even_by_an_adapter_that_does_not_look(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    monkeypatch.setattr(embeddings, "check", lambda *_: None)
    bad = [[number] * fake.DIMENSIONS] * 3
    monkeypatch.setattr(fake.FakeEmbedder, "embed_documents", lambda *_: bad)
    run(project)

    assert (project.rag.processing_status, project.rag.live_revision) == ("failed", None)
    assert not models.Chunk.objects.exists()


def test_a_vector_that_vanishes_once_it_was_found_is_still_used(
    project: Project, run: Run, repository: Repository, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    calls.clear()
    twin = Project.objects.create(title="Twin", repository_url=str(repository.path))
    look = index.known_vectors

    def look_too_early(*arguments: Any) -> dict[bytes, bytes]:
        known = look(*arguments)
        models.Chunk.objects.filter(file__rag=project.rag).delete()
        return known

    monkeypatch.setattr(index, "known_vectors", look_too_early)
    run(twin)

    assert (twin.rag.processing_status, sent(calls)) == ("ready", [])


def test_the_percentage_in_the_database_follows_the_committed_batches(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def look(self: object, texts: list[str]) -> list[embeddings.Vector]:
        row = ProjectRAG.objects.get(pk=project.rag.pk)
        seen.append((models.Chunk.objects.count(), row.progress_percentage))
        return original(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(embedder, "embed_documents", look)
    run(project, batch_size=1)

    assert seen == [(0, 0), (1, 33), (2, 66)]


def test_a_file_first_left_out_by_name_is_read_when_it_moves(
    project: Project, run: Run, repository: Repository
) -> None:
    run(project)
    body = "def moved():\n    return 1\n"
    repository.commit({"vendor/moved.py": body})
    run(project)
    repository.commit({"vendor/moved.py": None, "moved.py": body})
    run(project)

    assert models.SourceFile.objects.get(path="moved.py").skip_reason == ""


def test_a_raised_limit_is_noticed(project: Project, run: Run, settings: Settings) -> None:
    settings.RAG_MAX_CHUNKS = 2
    run(project)
    settings.RAG_MAX_CHUNKS = 100
    outcome = run(project)

    assert outcome.result is Result.READY
    assert live(project).chunk_count == 3


def test_a_model_of_the_same_name_and_another_size_shares_nothing(
    project: Project, run: Run, repository: Repository, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    run(project)
    calls.clear()
    models.Chunk.objects.update(embedding=[1.0, 0.0])
    twin = Project.objects.create(title="Twin", repository_url=str(repository.path))
    run(twin)

    assert (twin.rag.processing_status, len(sent(calls))) == ("ready", 3)


def test_three_refusals_in_a_row_are_not_about_the_texts(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def refuse(self: object, texts: list[str]) -> list[embeddings.Vector]:
        asked.append(len(texts))
        raise embeddings.InputRefused

    monkeypatch.setattr(type(embeddings.configured()), "embed_documents", refuse)
    run(project)

    assert (project.rag.processing_status, project.rag.error_code) == ("failed", "embedding_input")
    assert len(asked) <= 6


def test_refused_lines_are_tried_again_when_forced(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def refusing(self: object, texts: list[str]) -> list[embeddings.Vector]:
        if any("goodbye" in text for text in texts):
            raise embeddings.InputRefused
        return original(self, texts)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed_documents", refusing)
        run(project)
    run(project, force=True)

    assert live(project).chunk_count == 3
    assert models.SourceFile.objects.get(path="thing/part.py").note == ""


def test_stages_and_percentages_only_go_forward(project: Project, run: Run) -> None:
    notes = Notes()
    run(project, report=notes, batch_size=1)

    assert notes.stages == ["fetching", "chunking", "embedding", "indexing", "validating"]
    assert [step[1:] for step in notes.steps if step[0] == "embedding"] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_vector_of_another_size_is_never_stored(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = type(embeddings.configured())
    original = embedder.embed_documents
    monkeypatch.setattr(embedder, "embed_documents", lambda self, texts: [v[:-1] for v in original(self, texts)])
    outcome = run(project)

    assert outcome.result is Result.FAILED
    assert project.rag.error_code == "embedding_vectors"
    assert not models.Chunk.objects.exists()


def test_one_refused_text_costs_only_itself(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def refusing(self: object, texts: list[str]) -> list[embeddings.Vector]:
        if any("goodbye" in text for text in texts):
            raise embeddings.InputRefused("It is too sad.")
        return original(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(embedder, "embed_documents", refusing)
    run(project)

    assert project.rag.processing_status == "ready"
    assert models.Chunk.objects.count() == 2
    assert "Lines 1–3 were refused" in models.SourceFile.objects.get(path="thing/part.py").note


def test_one_bad_file_of_a_hundred_costs_the_other_ninety_nine_nothing(
    project: Project, run: Run, repository: Repository, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({f"many/part{n}.py": f"def part{n}():\n    return {n}\n" for n in range(97)})
    embed = fake.FakeEmbedder.embed_documents

    def refusing(self: fake.FakeEmbedder, texts: list[str]) -> list[embeddings.Vector]:
        vectors = embed(self, texts)
        if any("goodbye" in text for text in texts):
            raise embeddings.InputRefused("It is too sad.")
        return vectors

    monkeypatch.setattr(fake.FakeEmbedder, "embed_documents", refusing)
    run(project)

    files = live(project).files.all()
    assert (files.count(), files.filter(chunks__isnull=False).distinct().count()) == (100, 99)
    assert files.get(chunks=None).note.endswith("It is too sad.\n")
    assert project.rag.processing_status == "ready" and len(calls) <= 4 + 2 * 5  # batches of 25, one of them halved


def test_a_passing_failure_is_tried_again(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.throttle.waits.FIRST_WAIT", 0.0)
    embedder = type(embeddings.configured())
    original, failures = embedder.embed_documents, [embeddings.ProviderUnavailable()]

    def flaky(self: object, texts: list[str]) -> list[embeddings.Vector]:
        if failures:
            raise failures.pop()
        return original(self, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(embedder, "embed_documents", flaky)
    notes = Notes()
    run(project, report=notes)

    assert project.rag.processing_status == "ready"
    assert any("Trying again" in sentence for sentence in notes.sentences)


def test_a_lasting_failure_stops_with_its_sentence(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, texts: list[str]) -> list[embeddings.Vector]:
        raise embeddings.QuotaExhausted

    monkeypatch.setattr(type(embeddings.configured()), "embed_documents", refuse)
    run(project)

    assert project.rag.processing_status == "failed"
    assert project.rag.processing_error == str(embeddings.QuotaExhausted())


def test_a_much_smaller_index_waits_for_an_admin(project: Project, run: Run, repository: Repository) -> None:
    run(project)
    old = live(project)
    repository.commit({"thing/greet.py": None, "thing/part.py": None})
    refused = run(project)

    assert refused.result is Result.FAILED
    assert (project.rag.error_code, live(project)) == ("shrunk", old)
    assert run(project, force=True).result is Result.READY
    assert live(project).chunk_count == 1


def test_a_repository_of_binaries_only_says_that_there_is_nothing_to_read(
    project: Project, run: Run, repository: Repository
) -> None:
    repository.commit({"README.md": None, "thing/greet.py": None, "thing/part.py": None, "a.png": b"\x89PNG\0\0"})
    run(project)

    assert project.rag.error_code == "nothing_to_read"
    assert models.SourceFile.objects.get().skip_reason == "binary"


def test_other_rules_in_the_repository_leave_the_live_revision_alone_until_the_flip(
    project: Project, run: Run, repository: Repository, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    before, during = revisions.digest(live(project)), []
    calls.clear()
    repository.commit({".docentignore": "thing/part.py\n"})
    monkeypatch.setattr(index, "analyze", lambda: during.append(revisions.digest(live(project))))
    run(project)

    assert during == [before]
    assert calls == []
    assert dict(live(project).files.values_list("path", "skip_reason"))["thing/part.py"] == "ignored"


def test_another_model_builds_a_new_revision_beside_the_old(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    run(project)
    calls.clear()
    monkeypatch.setattr(embeddings.configured(), "model", "fake-2")
    outcome = run(project)

    assert outcome.result is Result.READY
    assert len(sent(calls)) == 3
    assert live(project).embedding_model == "fake-2"
    assert models.Revision.objects.filter(rag=project.rag).count() == 1


def test_chunks_beyond_the_cap_are_left_out_with_the_reason(project: Project, run: Run, settings: Settings) -> None:
    settings.RAG_MAX_CHUNKS = 2
    run(project)

    assert live(project).chunk_count == 2
    assert models.SourceFile.objects.filter(skip_reason="over_limit").count() == 1


def test_a_repository_over_https(
    repository: Repository, https_repository: HttpsHost, run: Run, local_repositories: None
) -> None:
    repository.commit({"a.py": "def a():\n    return 1\n"})
    project = Project.objects.create(title="Far", repository_url=https_repository.url)
    outcome = run(project)

    assert outcome.result is Result.READY, outcome.sentence


def test_clearing_forgets_everything(project: Project, run: Run) -> None:
    run(project)
    revisions.clear(project.rag)

    rag = ProjectRAG.objects.get(pk=project.rag.pk)
    assert (rag.processing_status, rag.live_revision) == ("pending", None)
    assert not models.Chunk.objects.exists() and not models.SourceFile.objects.exists()


def test_a_retried_project_takes_the_commit_of_now(project: Project, run: Run, repository: Repository) -> None:
    ProjectRAG.objects.filter(pk=project.rag.pk).update(
        processing_status="failed", processing_error="Something.", error_code="network"
    )
    newest = repository.commit({"thing/new.py": "def new():\n    return 1\n"})
    run(project)

    assert live(project).commit_sha == newest
    assert project.rag.processing_error == ""
