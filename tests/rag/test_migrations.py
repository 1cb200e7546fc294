"""An installed database stays usable when it is migrated."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from portfolio.models import Project
from rag import models, retrieval, search_index
from rag.embeddings import fake
from tests import factories

INSERT = """
    INSERT INTO rag_chunk (file_id, rag_id, ordinal, start_line, end_line, symbol, text, sha256, embedding, terms)
    VALUES (%s, %s, 0, 1, 1, '', %s, %s, %s::halfvec, to_tsvector('simple', %s))"""
TEXTS = {"queue.py": "claim a job from the queue", "mail.py": "send mail to an address"}


@pytest.fixture
def old(transactional_db: None) -> Iterator[Any]:
    """The models before there was a search index; afterwards the database is as it was."""
    yield migrate("0002_visitor")
    migrate()


def migrate(name: str = "") -> Any:
    """To that migration, or to the newest one. The models as they were then."""
    executor = MigrationExecutor(connection)
    targets = [("rag", name)] if name else executor.loader.graph.leaf_nodes("rag")
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def test_what_was_live_is_found_after_the_migration(old: Any) -> None:
    project = factories.make_project()
    revision = _old_revision(old, project)
    migrate()
    live = models.Revision.objects.get(pk=revision)
    found = retrieval.search(live, "How is a job claimed from the queue?").passages
    assert [passage.path for passage in found] == ["queue.py", "mail.py"]
    assert found[0].score > found[0].similarity  # by its words, too
    with search_index.prepared(live) as change:
        assert change.came is None  # the next run makes it anew


def test_a_migrated_database_can_be_taken_back(old: Any) -> None:
    project = factories.make_project()
    _old_revision(old, project)
    migrate()

    back = migrate("0002_visitor").get_model("rag", "Chunk").objects.values_list("rag_id", "terms")
    assert [(rag, "'to':" in terms or "'job':" in terms) for rag, terms in back] == [(project.rag.pk, True)] * len(
        TEXTS
    )
    migrate()
    assert models.Chunk.objects.count() == len(TEXTS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("all-MiniLM-L6-v2", "local"),
        ("all-MiniLM-L6-v2-int8", "local"),
        ("fake", "fake"),
        ("nomic-embed-text", "openai"),
    ],
)
def test_an_index_from_before_knows_its_maker(model: str, provider: str) -> None:
    project = factories.make_project()
    apps = migrate("0006_search_index_goes_with_its_project")
    try:
        apps.get_model("rag", "Revision").objects.create(
            rag_id=project.rag.pk, commit_sha=factories.COMMIT, embedding_model=model, dimensions=3, pipeline="p"
        )
    finally:
        migrate()

    assert models.Revision.objects.get().embedding_provider == provider


def _old_revision(apps: Any, project: Project) -> int:
    revision = apps.get_model("rag", "Revision").objects.create(
        rag_id=project.rag.pk, commit_sha=factories.COMMIT, embedding_model="fake", dimensions=fake.DIMENSIONS,
        pipeline="old", finished_at=timezone.now(), chunk_count=len(TEXTS),
    )  # fmt: skip
    for path, text in TEXTS.items():
        file = apps.get_model("rag", "SourceFile").objects.create(
            rag_id=project.rag.pk, path=path, blob_sha="1", pipeline="old", embedding_model="fake", size=1
        )
        apps.get_model("rag", "RevisionFile").objects.create(revision=revision, file=file)
        vector = "[" + ",".join(map(str, fake.build("fake").embed_query(text))) + "]"
        with connection.cursor() as cursor:
            cursor.execute(
                INSERT,
                [file.pk, project.rag.pk, text, hashlib.sha256(text.encode()).digest(), vector, text],
            )
    factories.set_state(project, "ready", live_revision_id=revision.pk)
    return int(revision.pk)
