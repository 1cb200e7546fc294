"""Tells the owner once a day that most of a budget is used up, or that what is left is too little for a call: in the
log, in the admin, and by e-mail to ADMINS.
"""

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


def raise_once(day: date, scope: str, spent: Decimal, cap: Decimal, more: str = "") -> None:
    """Of any number of processes one raises it, when the transaction that spent it is committed."""
    unwarned = models.Allowance.objects.filter(day=day, scope=scope, warned_at=None)
    if unwarned.update(warned_at=Now()):
        text = f"${spent:.2f} of ${cap:.2f} are used up on {day} (UTC): {name(scope)}.{more}"
        transaction.on_commit(lambda: _tell(text), robust=True)  # the call is paid, whatever becomes of the warning


def raise_refused(day: date, scope: str, amount: Decimal, cap: Decimal | None) -> None:
    """A call was refused that may cost so much: nothing else would tell of a budget that is never used up to SHARE.

    Not when it was for those under way, which free what they do not need.
    """
    used = models.Allowance.objects.filter(day=day, scope=scope).first()
    spent = used.spent_usd if used else Decimal(0)
    if cap is None or spent + amount <= cap or (used and used.warned_at):
        return
    if used is None:
        models.Allowance.objects.get_or_create(day=day, scope=scope)
    raise_once(day, scope, spent, cap, f" A call that may cost ${amount} was refused.")


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
