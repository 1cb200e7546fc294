"""Processes projects outside of any web request: by hand, by cron, or as a worker with --watch."""

import argparse
import logging
import sys
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portfolio.models import Project, ProjectRAG
from rag import ingest, reporting
from rag.answers import ahead
from rag.ingest import estimate, vectors
from rag.interruption import Interruption
from rag.worker import Outcome, Result, Worker

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Fetch, chunk and embed what is pending, requested, failed or behind its repository."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project-id", type=int, help="only this project")
        parser.add_argument(
            "--batch-size", type=at_least(1), default=None, help="chunks a provider call; with --delay=auto, the most"
        )
        parser.add_argument(
            "--delay", type=delay, default=None, help="seconds between provider calls, or auto: as fast as it allows"
        )
        parser.add_argument("--watch", action="store_true", help="keep running and take up what becomes due")
        parser.add_argument("--force", action="store_true", help="also an unchanged commit, or a much smaller index")
        parser.add_argument("--dry-run", action="store_true", help="say what it would embed and cost, and pay nothing")
        parser.add_argument(
            "--max-minutes", type=seconds, default=None, help="stop after that long and go on next time"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._check(options)
        minutes = options["max_minutes"]
        interruption = Interruption(None if minutes is None else minutes * 60)
        choices = ingest.Options(batch_size=options["batch_size"], delay=options["delay"], force=options["force"])
        worker = Worker(
            options=choices, interruption=interruption, report=reporting.to(sys.stderr), by_hand=not options["watch"]
        )
        if options["dry_run"]:
            failed = self._print_estimates(options["project_id"], choices.pace)
        else:
            with interruption.on_signals():
                failed = self._print(self._outcomes(worker, options), interruption, watching=options["watch"])
        if failed and not options["watch"]:  # a worker that is stopped has told each failure when it happened
            raise CommandError(f"{failed} of the projects failed.", returncode=1)

    def _outcomes(self, worker: Worker, options: dict[str, Any]) -> Iterable[Outcome]:
        if options["project_id"] is not None:
            pk = ProjectRAG.objects.values_list("pk", flat=True).get(project=options["project_id"])
            ProjectRAG.objects.sweep()
            return [worker.process(pk)]
        return worker.watch() if options["watch"] else worker.process_all()

    def _print(self, outcomes: Iterable[Outcome], interruption: Interruption, *, watching: bool) -> int:
        """Say how each ended; the number of those that failed."""
        turns = failed = 0
        for outcome in outcomes:
            turns += 1
            failed += outcome.result is Result.FAILED
            self.stdout.write(f"{outcome.title}: {outcome.sentence}")
            self.stdout.flush()
            if settings.LOG_FORMAT == "json":
                logger.info("%s ended as %s: %s", outcome.title, outcome.result.value, outcome.sentence)
            self._answer_ahead(outcome, interruption)
        if not turns and not watching:
            self.stdout.write("Nothing was processed: nothing is waiting, or the time was over.")
        return failed

    def _answer_ahead(self, outcome: Outcome, interruption: Interruption) -> None:
        """What visitors are suggested to ask of the new index. It fails without failing the run."""
        if not settings.RAG_ANSWER_AHEAD or outcome.result is not Result.READY:
            return
        project = Project.objects.with_assistants().get(rag=outcome.rag_id)
        if done := ahead.answer(project, lambda: not interruption.due):
            self.stdout.write(f"{outcome.title}: {done} suggested question{'s' * (done > 1)} answered ahead.")
            self.stdout.flush()

    def _print_estimates(self, project_id: int | None, pace: estimate.Pace) -> int:
        """Say what each would cost, here and in the admin; the number of those that could not be processed."""
        rags = ProjectRAG.objects.with_repository()
        failed = 0
        for rag in rags if project_id is None else rags.filter(project=project_id):
            estimated = estimate.of(rag, pace)
            estimate.record(rag, estimated)
            failed += not estimated.possible
            self.stdout.write(f"{rag.project.title}: {estimated.sentence}")
        self.stdout.write("Nothing was embedded or paid.")
        return failed

    def _check(self, options: dict[str, Any]) -> None:
        if options["watch"] and (options["project_id"] is not None or options["dry_run"]):
            raise CommandError("--watch takes up every project; leave out --project-id and --dry-run.", returncode=2)
        if options["project_id"] is None:
            return
        rag = ProjectRAG.objects.filter(project=options["project_id"]).select_related("project").first()
        if rag is None:
            raise CommandError(f"There is no project {options['project_id']}. rag_status lists them.", returncode=2)
        if not rag.project.repository_url:
            raise CommandError(f"{rag.project} has no repository. Set its address in the admin.", returncode=2)


def at_least(minimum: int) -> Any:
    def whole(raw: str) -> int:
        if (value := int(raw)) < minimum:
            raise argparse.ArgumentTypeError(f"it takes a whole number from {minimum} up")
        return value

    return whole


def delay(raw: str) -> vectors.Delay:
    return vectors.AUTO if raw == vectors.AUTO else seconds(raw)


def seconds(raw: str) -> float:
    if not 0 <= (value := float(raw)) < float("inf"):
        raise argparse.ArgumentTypeError("it takes a number from 0 up")
    return value
