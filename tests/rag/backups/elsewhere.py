"""What a project answers, so that two databases can be compared; run as a program, in a database of its own.

python -m tests.rag.backups.elsewhere BACKUP SLUG     restores it into the database of the environment first
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

QUESTIONS = (
    "Who claims a project?", "How are chunks packed?", "Where are checksums proven?", "What ends a lease?",
    "How is a vector stored?", "When is an index refused?", "Why does a run stop?", "What is a digest made of?",
    "How long does it wait between calls?", "Which rows does COPY take?", "How does one resume a revision?",
    "What does sweep do?", "Where is the progress shown?", "Who renews it?", "How are words of code split?",
    "What happens after three crashes?", "Which files are dropped?", "How is a bar drawn on a terminal?",
    "When does a revision go live?", "What is the weather in Lisbon?",
)  # fmt: skip


def answers(slug: str) -> dict[str, Any]:
    """Of the project: its digest, and for each question the passages with their scores and the whole answer."""
    from portfolio.models import Project  # noqa: PLC0415 — Django is set up by then
    from rag import models, retrieval, revisions  # noqa: PLC0415
    from rag.answers import complete  # noqa: PLC0415

    project = Project.objects.with_assistants().get(slug=slug)
    live = project.rag.live_revision
    assert live
    told = []
    for question in QUESTIONS:
        found = retrieval.search(live, question)
        places = [[each.path, each.start_line, each.end_line, round(each.score, 12)] for each in found.passages]
        conversation = models.Conversation.objects.create(project=project)
        message = complete(models.Message.objects.create(conversation=conversation, question=question))
        told.append([question, places, round(found.confidence, 12), message.status, message.answer])
    return {"digest": revisions.digest(live), "answers": told}


def main(file: str, slug: str) -> None:
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    from config import local_postgres  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from rag import models  # noqa: PLC0415
    from rag.embeddings import Vector  # noqa: PLC0415
    from rag.embeddings.fake import FakeEmbedder  # noqa: PLC0415

    asked: list[str] = []
    embed = FakeEmbedder.embed_documents

    def counted(self: FakeEmbedder, texts: Sequence[str]) -> list[Vector]:
        asked.extend(texts)
        return embed(self, texts)

    FakeEmbedder.embed_documents = counted  # type: ignore[method-assign]
    with local_postgres.running(settings.LOCAL_POSTGRES_DIR, fsync=False):
        call_command("migrate", verbosity=0)
        with Path(os.devnull).open("w") as quiet:
            call_command("restore_rag", file, stdout=quiet)
        calls = len(asked) + models.Call.objects.count()
        print(json.dumps(answers(slug) | {"provider_calls": calls}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
