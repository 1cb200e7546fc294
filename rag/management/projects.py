"""The project that a command is about."""

from django.core.management.base import CommandError

from portfolio.models import Project
from rag import models


def named(name: str) -> Project:
    """By its slug, else by its id. Wrong use when there is none."""
    project = Project.objects.filter(slug=name).first()
    if project is None and name.isdecimal() and len(name) < 19:
        project = Project.objects.filter(pk=int(name)).first()
    if project is None:
        raise CommandError(f"There is no project {name!r}. manage.py rag_status lists them.", returncode=2)
    return project


def live(project: Project) -> models.Revision:
    """The index that answers. Exit 1 when there is none yet."""
    revision = project.rag.live_revision
    if revision is None:
        command = f"manage.py process_rag_async --project-id {project.pk}"
        raise CommandError(f"{project} is not indexed yet. Run: {command}")
    return revision
