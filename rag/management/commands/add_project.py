"""Adds a project from the command line."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portfolio.models import Project
from rag import sources


class Command(BaseCommand):
    help = "Add a project by the address of its repository; prints its id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="https://host/owner/name, or a path where RAG_ALLOW_LOCAL_REPOSITORIES is on")
        parser.add_argument("--title", default="", help="the repository's name when left out")
        parser.add_argument("--summary", default="", help="one or two sentences for its card")
        parser.add_argument("--ref", default="", help="branch or tag; the default branch when left out")
        parser.add_argument("--slug", default="", help="its address on the site; made from the title when left out")
        parser.add_argument("--publish", action="store_true", help="show it to visitors")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            address = sources.parse(options["url"])
            project = Project(
                title=options["title"] or address.path.rpartition("/")[2], summary=options["summary"],
                repository_url=address.web_url or address.path, ref=options["ref"], slug=options["slug"],
                is_published=options["publish"],
            )  # fmt: skip
            project.full_clean()
        except sources.SourceError as error:
            raise CommandError(str(error), returncode=2) from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages), returncode=2) from error
        project.save()
        self.stdout.write(str(project.pk))
