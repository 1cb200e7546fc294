"""What is deleted is in no row of any table."""

import pytest
from django.db import connection

from rag import answers, models
from rag.models import search_tables
from tests import factories

CANARY = "kingfisher"
FILES = {f"{CANARY}.py": f"def {CANARY}_claims_a_job(queue):\n    return '{CANARY}'\n"}


def tables() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def found() -> dict[str, int]:
    """Table → its rows that hold the word anywhere, in any column's text."""
    counts = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text ILIKE %s', [f"%{CANARY}%"])
            counts[table] = cursor.fetchone()[0]
    return {table: count for table, count in counts.items() if count}


@pytest.mark.django_db
def test_nothing_of_a_deleted_project_is_left() -> None:
    project = factories.make_project(f"The {CANARY}", description=f"About a {CANARY}.")
    factories.make_live_revision(project, FILES)
    conversation = models.Conversation.objects.create(project=project)
    asked = models.Message.objects.create(conversation=conversation, question=f"What does the {CANARY} claim?")
    answers.complete(asked)
    before = found()

    project.delete()

    assert {"portfolio_project", "rag_sourcefile", "rag_chunk", "rag_posting", "rag_message"} <= set(before)
    assert found() == {}
    assert not search_tables.Signature.objects.exists()
