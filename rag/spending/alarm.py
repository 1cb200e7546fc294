"""Tells the owner once a day that most of a budget is used up: in the log, in the admin, and by e-mail to ADMINS."""

import logging
import smtplib
import threading
from datetime import date
from decimal import Decimal

from django.core.mail import mail_admins
from django.db import transaction
from django.db.models.functions import Now

from portfolio.models import Project
from rag import models

logger = logging.getLogger(__name__)

SHARE = Decimal("0.8")


def raise_once(day: date, scope: str, spent: Decimal, cap: Decimal) -> None:
    """Of any number of processes one raises it, when the transaction that spent it is committed."""
    unwarned = models.Allowance.objects.filter(day=day, scope=scope, warned_at=None)
    if unwarned.update(warned_at=Now()):
        text = f"${spent:.2f} of ${cap:.2f} are used up on {day} (UTC): {name(scope)}."
        transaction.on_commit(lambda: _tell(text))


def name(scope: str) -> str:
    """What a scope is called."""
    kind, _, pk = scope.partition(":")
    if kind != "project":
        return "the budget of the site"
    project = Project.objects.filter(pk=pk).first()
    return f"the budget of {project}" if project else "the budget of a project that was removed"


def _tell(text: str) -> None:
    logger.warning("%s", text)
    # A thread, so that no visitor waits for a mail server; no daemon, so that a command that ends has sent it.
    threading.Thread(target=_send, args=(text,), name="alarm").start()


def _send(text: str) -> None:
    try:
        mail_admins("Most of a budget is used up", text)
    except (OSError, smtplib.SMTPException) as error:
        logger.error("The warning could not be sent to ADMINS: %s", type(error).__name__)
