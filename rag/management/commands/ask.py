"""Ask a project a question on the terminal: the same line that answers visitors."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portfolio.models import Project
from rag import answers, embeddings, models, retrieval
from rag.management import projects


class Command(BaseCommand):
    """`ask PROJECT QUESTION`; with --passages it stops after retrieval."""

    help = "Answers a question about a project from its indexed code. Exit 0: answered; 1: it could not; 2: wrong use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug or id")
        parser.add_argument("question")
        parser.add_argument("--json", action="store_true", help="one JSON object; with --passages one a line")
        parser.add_argument(
            "--passages", action="store_true", help="stop after retrieval and print the passages, best first"
        )
        parser.add_argument("--limit", type=int, default=8, help="passages, with --passages (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        question = options["question"].strip()
        if not question or options["limit"] < 1:
            raise CommandError("Give a question, and a limit from 1 up.", returncode=2)
        try:
            if options["passages"]:
                self._passages(project, question, options)
            else:
                self._answer(project, question, as_json=options["json"])
        except (retrieval.NotIndexed, embeddings.EmbeddingError) as error:
            raise CommandError(str(error) or retrieval.NotIndexed.__doc__) from error

    def _passages(self, project: Project, question: str, options: dict[str, Any]) -> None:
        found = retrieval.search(projects.live(project), question, limit=options["limit"])
        for passage in found.passages:
            self.stdout.write(_as_json(passage) if options["json"] else _as_line(passage))

    def _answer(self, project: Project, question: str, *, as_json: bool) -> None:
        projects.live(project)
        conversation = models.Conversation.objects.create(project=project)
        message = models.Message.objects.create(conversation=conversation, question=question)
        for event in answers.answer(message):
            if isinstance(event, answers.Text) and not as_json:
                self.stdout.write(event.piece, ending="")
                self.stdout.flush()
        message.refresh_from_db()
        self._sources(message, as_json=as_json)
        if answers.sentence(message):
            raise CommandError(f"{answers.sentence(message)} ({message.error_code})")

    def _sources(self, message: models.Message, *, as_json: bool) -> None:
        sources = list(message.sources.all())
        if as_json:
            fields = ("number", "path", "start_line", "end_line", "symbol", "commit_sha", "url", "cited")
            rows = [{field: getattr(source, field) for field in fields} for source in sources]
            names = ("question", "answer", "status", "found", "confidence", "provider", "model")
            before = message.first_answered_at
            about = {name: getattr(message, name) for name in names}
            about["first_answered_at"] = before.isoformat() if before else None
            self.stdout.write(json.dumps({**about, "sources": rows}, ensure_ascii=False))
            return
        self.stdout.write("\n")
        if message.first_answered_at:
            self.stdout.write(f"Answered before, on {message.first_answered_at:%Y-%m-%d}, from the same commit.")
        for source in sources:
            self.stdout.write(f"{'*' if source.cited else ' '} {source} {source.url}".rstrip())


def _as_json(passage: retrieval.Passage) -> str:
    fields = ("path", "start_line", "end_line", "symbol", "score", "commit")
    return json.dumps({field: asdict(passage)[field] for field in fields}, ensure_ascii=False)


def _as_line(passage: retrieval.Passage) -> str:
    lines = f"{passage.path}:{passage.start_line}-{passage.end_line}"
    return f"{passage.score:.3f}  {lines}  {passage.symbol}".rstrip()
