"""How well a project's assistant finds what it is asked for."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rag import embeddings, models, reporting, retrieval, sources
from rag.evaluation import questions, selfmade, table, trials
from rag.management import projects


class Command(BaseCommand):
    help = (
        "Asks a project questions whose answers are known, and prints how often the right place was found. No model "
        "writes anything. Exit 0: measured; 1: it could not be; 2: wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug or id")
        kind = parser.add_mutually_exclusive_group(required=True)
        kind.add_argument(
            "--from-history", action="store_true", help="questions out of the repository: descriptions and commits"
        )
        kind.add_argument(
            "--questions-file",
            metavar="FILE.jsonl",
            help='a line: {"question": …, "gold": [{"path", "start", "end"}, …]}',
        )
        parser.add_argument("--questions", type=int, default=100, help="of each kind at most (%(default)s)")
        parser.add_argument("--commits", type=int, default=300, help="how far to look back (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        revision = projects.live(projects.named(options["project"]))
        if options["questions"] < 1 or options["commits"] < 1:
            raise CommandError("--questions and --commits take a number from 1 up.", returncode=2)
        try:
            if options["from_history"]:
                self._from_history(revision, options["questions"], options["commits"])
            else:
                self._from_file(revision, options["questions_file"])
        except questions.BadQuestions as error:
            raise CommandError(str(error), returncode=2) from error
        except (embeddings.EmbeddingError, sources.SourceError, retrieval.NotIndexed, trials.NotMeasured) as error:
            raise CommandError(str(error) or retrieval.NotIndexed.__doc__) from error

    def _from_history(self, revision: models.Revision, most: int, before: int) -> None:
        report = reporting.to(sys.stderr)
        report.stage("embedding")
        results = selfmade.evaluate(revision, most, before, report.progress, report.note)
        report.finish()
        self._print({"Descriptions": results.descriptions, "Commits": results.commits})
        self.stdout.write(_FROM_HISTORY.format(embedded=results.embedded, cost=results.cost_usd))

    def _from_file(self, revision: models.Revision, name: str) -> None:
        try:
            rows = Path(name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name} cannot be read: {error}", returncode=2) from error
        asked = list(trials.run(revision, questions.read(rows)))
        self._print({Path(name).name: asked})
        self.stdout.write("\n".join(table.told_apart(asked)))

    def _print(self, sets: table.Sets) -> None:
        told = table.lines(sets)
        if not told:
            raise CommandError("There is nothing to ask: no question has an answer in what is indexed.")
        self.stdout.write("\n".join(told))


_FROM_HISTORY = """
Descriptions: a function's own description was taken out of the code and asked; the function is the answer.
Commits: a commit's subject was asked of the code as it was before; the files that it changed are the answer. A commit
can also be made in other files, and its subject was not meant as a question, so expect lower figures than visitors see.
Nothing of this was kept. Texts embedded for it: {embedded:,}, for ${cost:.4f}."""
