"""Writes the projects and their indexes into a file that restore_rag takes in, here or elsewhere."""

import os
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from portfolio.models import Project
from rag import backups


class Command(BaseCommand):
    """`backup_rag FILE`. The file gets its name when it is complete and was read again."""

    help = "Write every project with its live index into a file that restore_rag takes in. docs/BACKUPS.md has more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - is standard output")
        parser.add_argument("--project", action="append", default=[], metavar="SLUG", help="only this one; repeatable")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs = set(options["project"])
        known = set(Project.objects.filter(slug__in=slugs).values_list("slug", flat=True))
        if unknown := sorted(slugs - known):
            raise CommandError(f"There is no project {', '.join(unknown)}. rag_status lists them.", returncode=2)
        if options["file"] == "-":
            if sys.stdout.isatty():
                raise CommandError("A backup is no text: send it to a file or through a pipe.", returncode=2)
            self.stderr.write(sentence(_send(slugs)))
        else:
            self.stdout.write(f"{sentence(write(Path(options['file']), slugs))} In {options['file']}.")


def _send(slugs: set[str]) -> backups.Made:
    """Into standard output."""
    try:
        made = backups.make(sys.stdout.buffer, slugs)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise CommandError(f"The backup was not written to its end: {error.strerror}.") from error
    return made


def write(file: Path, slugs: set[str]) -> backups.Made:
    """Make it beside `file`, prove it, and then give it the name; a file of that name stays until then."""
    if file.exists() and not file.is_file():
        raise CommandError(f"{file} is no file that could be replaced; - is standard output.", returncode=2)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)  # its owner's only
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.", returncode=2) from error
    try:
        with os.fdopen(handle, "w+b") as out:
            made = backups.make(out, slugs)
            _prove(out)
        Path(name).replace(file)
    except (OSError, backups.Damaged) as error:
        raise CommandError(f"{file} was not written: {error}") from error
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return made


def _prove(out: IO[bytes]) -> None:
    """A backup that cannot be read is none. Raises Damaged."""
    out.flush()
    os.fsync(out.fileno())
    out.seek(0)
    backups.Reader.contents(out)


def sentence(made: backups.Made) -> str:
    indexes = f"{made.indexes:,} of them with an index"
    return f"{made.projects:,} projects, {indexes}: {made.chunks:,} chunks, {made.bytes / 1e6:,.1f} MB unpacked."
