"""What is deleted is absent from a dump."""

import pytest

from rag import answers, models
from rag.models import search_tables
from tests import dumps, factories

CANARY = "kingfisher"
FILES = {f"{CANARY}.py": f"def {CANARY}_claims_a_job(queue):\n    return '{CANARY}'\n"}
TABLES = {
    "portfolio_project", "rag_sourcefile", "rag_chunk", "rag_posting", "rag_message", "rag_messagesource",
}  # fmt: skip


@pytest.mark.django_db(transaction=True)  # pg_dump sees what is committed
def test_nothing_of_a_deleted_project_is_in_a_dump() -> None:
    project = factories.make_project(f"The {CANARY}", description=f"About a {CANARY}.")
    factories.make_live_revision(project, FILES)
    conversation = models.Conversation.objects.create(project=project)
    asked = models.Message.objects.create(conversation=conversation, question=f"What does the {CANARY} claim?")
    answers.complete(asked)
    before = dumps.tables_with(CANARY, dumps.dump())

    project.delete()

    assert before >= TABLES
    after = dumps.dump()
    assert not dumps.is_in(CANARY, after), dumps.tables_with(CANARY, after)
    assert not search_tables.Signature.objects.exists()
