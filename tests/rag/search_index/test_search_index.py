"""rag/search_index.py, and what becomes of it on the write line"""

from array import array
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portfolio.models import Project
from rag import embeddings, lexical, models, retrieval, revisions, search_index
from rag.search_index import postings
from rag.worker import Outcome, Result
from tests import factories
from tests.git_fixtures import Repository

pytestmark = pytest.mark.django_db

Run = Callable[..., Outcome]
Content = tuple[set[int], dict[str, set[tuple[int, int]]]]


def content(rag_id: int) -> Content:
    """Chunks with a signature, and term → (chunk, weight)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT chunk_id FROM rag_signature WHERE rag_id = %s", [rag_id])
        signed = {chunk for (chunk,) in cursor.fetchall()}
        cursor.execute("SELECT term, frequency, chunks, weights FROM rag_posting WHERE rag_id = %s", [rag_id])
        rows = cursor.fetchall()
    assert all(frequency == len(set(chunks)) for _, frequency, chunks, _ in rows)
    return signed, {term: set(zip(chunks, weights, strict=True)) for term, _, chunks, weights in rows}


def expected(revision: models.Revision) -> Content:
    """What it is by the rules, without any SQL of the search index."""
    chunks = models.Chunk.objects.filter(file__revisions=revision).select_related("file")
    found: dict[str, set[tuple[int, int]]] = {}
    for chunk in chunks:
        for term, weight in postings.weights(lexical.document(chunk.file.path, chunk.symbol, chunk.text)):
            found.setdefault(term, set()).add((chunk.pk, weight))
    return {chunk.pk for chunk in chunks}, found


def live(project: Project) -> models.Revision:
    project.rag.refresh_from_db()
    assert project.rag.live_revision is not None
    return project.rag.live_revision


def test_a_first_run_makes_it(project: Project, run: Run) -> None:
    run(project)
    assert content(project.rag.pk) == expected(live(project))
    assert search_index.size(project.rag.pk) == live(project).chunk_count == 3


@pytest.mark.django_db(transaction=True)
def test_what_takes_several_statements_to_read_is_read_in_a_transaction_for_poolers(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, inside = QuerySet.iterator, []

    def watched(self: Any, **options: int) -> Any:
        inside.append(connection.in_atomic_block)
        return original(self, **options)

    monkeypatch.setattr(QuerySet, "iterator", watched)
    run(project)
    assert inside and all(inside)


def test_a_run_that_fails_before_the_flip_leaves_nothing_of_it(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise revisions.IndexRefused("incomplete", "No.")

    monkeypatch.setattr(revisions, "validate", refuse)
    assert run(project).result is Result.FAILED
    assert models.Chunk.objects.exists()
    assert content(project.rag.pk) == (set(), {})


def test_a_flip_that_would_not_find_every_chunk_is_refused(
    project: Project, run: Run, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    old, before = live(project), content(project.rag.pk)
    repository.commit({"thing/new.py": "def new():\n    return 1\n"})
    monkeypatch.setattr(search_index, "size", lambda rag_id: 3)
    assert run(project).result is Result.FAILED
    assert (project.rag.error_code, live(project), content(project.rag.pk)) == ("incomplete", old, before)


def test_clearing_a_project_removes_it(project: Project, run: Run) -> None:
    run(project)
    revisions.clear(project.rag)
    assert content(project.rag.pk) == (set(), {})


def test_deleting_a_project_removes_it_without_reading_it(project: Project, run: Run) -> None:
    run(project)
    pk = project.rag.pk
    with CaptureQueriesContext(connection) as queries:
        project.delete()
    assert content(pk) == (set(), {})
    assert not any("rag_posting" in query["sql"] or "rag_signature" in query["sql"] for query in queries)


def test_cancelling_leaves_what_is_live_searchable(project: Project, run: Run) -> None:
    run(project)
    before = content(project.rag.pk)
    type(project.rag).objects.claim(project.rag.pk)
    type(project.rag).objects.cancel(project.rag.pk)
    assert content(project.rag.pk) == before
    assert retrieval.search(live(project), "Who says goodbye?").passages[0].path == "thing/part.py"


def test_other_rules_for_terms_make_the_postings_anew_though_nothing_else_changed(
    project: Project, run: Run, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    chunks, old = set(models.Chunk.objects.values_list("pk", flat=True)), live(project)
    calls.clear()
    monkeypatch.setattr(lexical, "VERSION", "next")
    monkeypatch.setattr(lexical, "document", lambda path, symbol, text: ["only"])
    assert run(project).result is Result.READY
    assert (set(content(project.rag.pk)[1]), calls) == ({"only"}, [])
    assert set(models.Chunk.objects.values_list("pk", flat=True)) == chunks
    assert live(project).commit_sha == old.commit_sha
    assert run(project).result is Result.UNCHANGED


def test_a_small_change_is_mended_and_a_large_one_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    project = factories.make_project()
    files = {f"{n}.py": f"def f{n}():\n    return {n}" for n in range(40)}
    factories.make_live_revision(project, files)
    for changed, mended in ((1, True), (10, False)):
        altered = files | {f"{n}.py": f"def g{changed}():\n    return {n}" for n in range(changed)}
        with search_index.prepared(_reopened(project, altered)) as change:
            assert (change.came is not None) is mended


def _reopened(project: Project, files: dict[str, str]) -> models.Revision:
    """A revision beside the live one that shares the files that are the same."""
    revision = live(project)
    known = {(file.path, file.blob_sha): file for file in models.SourceFile.objects.filter(rag=project.rag)}
    revision.pk, revision.finished_at = None, None
    revision.save(force_insert=True)
    for path, text in files.items():
        factories.add_file(revision, path, text, known)
    return revision


def go_live(revision: models.Revision) -> None:
    with search_index.prepared(revision) as change:
        search_index.write(change)
    revision.search_rules = postings.fingerprint()
    revision.save()
    factories.set_state(revision.rag.project, "ready", live_revision=revision)


WORDS = st.lists(
    st.sampled_from(["lease", "token", "worker", "queue", "claim", "retry", "batch"]), min_size=1, max_size=12
)
FILES = st.dictionaries(st.sampled_from([f"{n}.py" for n in range(12)]), WORDS.map(" ".join), min_size=1)


class TestIncremental(TestCase):
    @settings(max_examples=40)
    @given(st.lists(FILES, min_size=2, max_size=5), st.sampled_from([0.0, 0.05, 10.0]))
    def test_after_any_edits_it_is_what_making_it_anew_gives(self, states: list[dict[str, str]], above: float) -> None:
        project = factories.make_project()
        factories.make_live_revision(project, states[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search_index, "ANEW_ABOVE", above)
            patch.setattr(search_index, "MOST_BYTES", 2_000)
            for files in states[1:]:
                project.rag.refresh_from_db()
                revision = _reopened(project, files)
                go_live(revision)
                assert content(project.rag.pk) == expected(revision)


def test_the_terms_of_another_project_are_not_touched(project: Project, run: Run, repository: Repository) -> None:
    other = factories.make_project()
    factories.make_live_revision(other, {"greet.py": "def greet(name):\n    return name"})
    before = content(other.rag.pk)
    run(project)
    repository.commit({"thing/part.py": None})
    run(project)
    revisions.clear(project.rag)
    assert content(other.rag.pk) == before


def test_lines_refused_by_the_model_and_taken_later_are_found(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def refusing(self: Any, texts: list[str]) -> list[embeddings.Vector]:
        if any("goodbye" in text for text in texts):
            raise embeddings.InputRefused
        return original(self, texts)

    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed_documents", refusing)
        run(project)
    run(project, force=True)
    assert content(project.rag.pk) == expected(live(project))


def test_a_model_whose_vectors_are_not_of_length_one_finds_the_same(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[tuple[str, float]]:
        passages = retrieval.search(live(project), "Who says goodbye?").passages
        return [(passage.path, round(passage.similarity, 2)) for passage in passages]

    run(project)
    before = found()
    revisions.clear(project.rag)
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def longer(self: Any, texts: list[str]) -> list[embeddings.Vector]:
        vectors = zip(texts, original(self, texts), strict=True)
        return [array("f", (len(text) * value for value in vector)) for text, vector in vectors]

    monkeypatch.setattr(embedder, "embed_documents", longer)
    run(project)
    assert found() == before
