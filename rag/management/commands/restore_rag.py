"""Takes in the projects and indexes of a backup."""

import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from rag import backups


class Command(BaseCommand):
    """`restore_rag FILE`. Exit 0: all is here; 1: the file or the database does not allow it; 2: wrong use."""

    help = "Take in what backup_rag wrote: projects with their indexes, without a call to a provider."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a backup; - is standard input")
        parser.add_argument("--project", action="append", default=[], metavar="SLUG", help="only this one; repeatable")
        parser.add_argument("--replace", action="store_true", help="also where a project has another index already")
        parser.add_argument("--check", action="store_true", help="prove the file and say what it holds; change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        with opened(options["file"]) as source:
            restore = backups.Restore(source=source, slugs=set(options["project"]), replace=options["replace"])
            done: list[backups.Outcome] = []
            try:
                if options["check"]:
                    self._tell(restore)
                else:
                    self._run(restore, done)
            except (backups.Damaged, backups.Unsuitable) as error:
                so_far = "Nothing else was restored." if done else "Nothing was restored."
                raise CommandError(f"{so_far}\n{error}") from error
        if failed := sum(not outcome.done for outcome in done):
            raise CommandError(f"{failed} of the projects were not restored.")

    def _tell(self, restore: backups.Restore) -> None:
        for entry in restore.contents():
            self.stdout.write(line(entry))
        self.stdout.write("The backup is complete and undamaged.")

    def _run(self, restore: backups.Restore, done: list[backups.Outcome]) -> None:
        for outcome in restore.run():
            done.append(outcome)
            self.stdout.write(f"{outcome.slug}: {outcome.sentence}")


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """The file, which is read twice; what comes through a pipe is put aside first."""
    if name == "-":
        with tempfile.TemporaryFile() as aside:
            try:
                shutil.copyfileobj(sys.stdin.buffer, aside)
                aside.flush()
            except OSError as error:
                raise CommandError(f"What came could not be put aside: {error.strerror}.", returncode=2) from error
            yield aside
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 — closed below; only the opening is to be caught
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", returncode=2) from error
    with file:
        yield file


def line(entry: backups.Entry) -> str:
    index = entry.project.index
    if index is None:
        return f"{entry.project.slug}: no index"
    facts = f"{index.commit_sha[:10]}, {entry.end.files:,} files, {entry.end.chunks:,} chunks"
    model = f"{index.embedding_model} by {index.embedding_provider}, {index.dimensions} dimensions"
    return f"{entry.project.slug}: {facts}, {model}, digest {entry.end.index_digest[:12]}"
