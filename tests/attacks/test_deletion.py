"""What is deleted is absent from a dump."""

import pytest
from django.core.files.base import ContentFile

from portfolio.models import StoredFile
from rag import answers, models
from rag.ingest import estimate
from rag.models import search_tables
from tests import dumps, factories
from tests.portfolio.test_storage import picture

CANARY = "kingfisher"
FILES = {f"{CANARY}.py": f"def {CANARY}_claims_a_job(queue):\n    return '{CANARY}'\n"}
TABLES = {
    "portfolio_project", "rag_sourcefile", "rag_chunk", "rag_posting", "rag_message", "rag_messagesource",
    "rag_estimate",
}  # fmt: skip
WITHOUT_TEXT = (search_tables.Signature, models.RememberedAnswer, StoredFile)


@pytest.mark.django_db(transaction=True)  # pg_dump sees what is committed
def test_nothing_of_a_deleted_project_is_in_a_dump() -> None:
    project = factories.make_project(f"The {CANARY}", description=f"About a {CANARY}.")
    project.image.save("x.png", ContentFile(picture()))
    factories.make_live_revision(project, FILES)
    conversation = models.Conversation.objects.create(project=project)
    asked = models.Message.objects.create(conversation=conversation, question=f"What does the {CANARY} claim?")
    answers.complete(asked)
    estimate.record(project.rag, estimate.Estimate(possible=True, sentence=f"1 file, {CANARY}.py"))
    before = dumps.tables_with(CANARY, dumps.dump())
    assert before >= TABLES and all(kept.objects.exists() for kept in WITHOUT_TEXT)

    project.delete()

    after = dumps.dump()
    assert not dumps.is_in(CANARY, after), dumps.tables_with(CANARY, after)
    assert not any(kept.objects.exists() for kept in WITHOUT_TEXT)
