"""Suggested questions, answered before anybody asks: the first visitor who takes one up does not wait for it.

It costs what answers cost, within the same budgets, so it is done only where RAG_ANSWER_AHEAD says so.
"""

import logging
from collections.abc import Callable

from django.conf import settings

from portfolio.models import Project
from rag import answers, models, suggestions
from rag.answers import remembered
from rag.spending import budgets

logger = logging.getLogger(__name__)


def answer(project: Project, goes_on: Callable[[], bool] = lambda: True) -> int:
    """How many were answered now. What goes wrong is logged; nothing is raised, and the rest waits for the next run.

    `goes_on`: asked before each of them.
    """
    done = 0
    try:
        for question in _unanswered(project):
            if not goes_on():
                break
            done += _answered(project, question)
    except budgets.Refused as refused:
        logger.warning("No questions about %s are answered ahead: %s", project.slug, refused)
    except Exception:
        logger.exception("No questions about %s are answered ahead", project.slug)
    return done


def _unanswered(project: Project) -> list[str]:
    """Suggested questions whose answer is not known. Raises budgets.Refused when none could be paid."""
    revision = project.rag.live_revision
    if revision is None or not settings.RAG_ANSWER_CACHE:
        return []
    budgets.check(models.Call.Purpose.AHEAD, project.pk)
    models.Conversation.objects.filter(project=project, ahead=True).exclude(messages__revision=revision).delete()
    return [text for text in suggestions.for_project(project) if not remembered.is_known(text, revision)]


def _answered(project: Project, question: str) -> bool:
    """Whether there is an answer to be given again; else nothing is left of it."""
    conversation = models.Conversation.objects.create(project=project, ahead=True)
    message = answers.complete(models.Message.objects.create(conversation=conversation, question=question))
    kept = models.RememberedAnswer.objects.filter(message=message.pk, answered_at__isnull=False).exists()
    if not kept:
        conversation.delete()
    return kept
