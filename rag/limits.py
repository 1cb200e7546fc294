"""How many questions: of one visitor a day, in one conversation, and at once in all processes together.

Decided in PostgreSQL by conditional statements, so that of any number at once exactly the allowed ones are taken.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Value
from django.db.models.functions import Now

from config import database
from rag import models
from rag.spending import budgets

logger = logging.getLogger(__name__)

LONGEST = timedelta(minutes=4)  # longer than any answer: the process that wrote it has died
PLACES_LOCK = 7_340_215  # any number that is no other lock's


class LimitReached(Exception):
    """This question cannot be taken. `str` is a sentence for the visitor; `retry_after` seconds, 0 for never."""

    def __init__(self, sentence: str, *, code: str, retry_after: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after


class NoPlace(Exception):
    """As many questions as may be are being answered."""


@contextmanager
def counted(visitor: str) -> Iterator[None]:
    """One more question of `visitor` today, unless it is not taken for another reason. Raises LimitReached."""
    count_visitor(visitor)
    try:
        yield
    except LimitReached:
        with connection.cursor() as cursor:
            cursor.execute(_UNCOUNT, {"scope": f"visitor:{visitor}"})
        raise


def count_visitor(visitor: str) -> None:
    """One more question of `visitor` today. Raises LimitReached when it would be one too many."""
    most = settings.RAG_VISITOR_DAILY_QUESTIONS
    if not most:
        return
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"scope": f"visitor:{visitor}", "most": most})
        if cursor.rowcount:
            return
    sentence = f"You have asked the {most} questions that one visitor may ask a day. Please come back tomorrow."
    raise LimitReached(sentence, code="visitor_limit", retry_after=budgets.seconds_left())


def check_conversation(conversation: models.Conversation) -> None:
    """That it may have one more question. In the transaction that stores it: others wait. Raises LimitReached."""
    most = settings.RAG_CONVERSATION_QUESTIONS
    if not most:
        return
    models.Conversation.objects.select_for_update(no_key=True).filter(pk=conversation.pk).first()
    if conversation.messages.count() >= most:
        sentence = f"A conversation has {most} questions at most. Clear this one to begin another."
        raise LimitReached(sentence, code="conversation_limit")


@contextmanager
def place() -> Iterator[None]:
    """One of RAG_CONCURRENT_QUESTIONS, for as long as the block takes. Raises NoPlace at once when there is none."""
    if not settings.RAG_CONCURRENT_QUESTIONS:
        yield
        return
    taken = _take_place()
    if taken is None:
        raise NoPlace
    try:
        yield
    finally:
        _free(taken)


def _take_place() -> UUID | None:
    pk = uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACES_LOCK])
        models.Place.objects.filter(expires_at__lt=Now()).delete()
        if models.Place.objects.count() >= settings.RAG_CONCURRENT_QUESTIONS:
            return None
        models.Place.objects.create(pk=pk, expires_at=Now() + Value(LONGEST))
    database.release()
    return pk


def _free(pk: UUID) -> None:
    try:
        models.Place.objects.filter(pk=pk).delete()
    except DatabaseError as error:
        logger.warning("A place is free later, by itself: %s", error)
    finally:
        database.release()


_COUNT = """
    INSERT INTO rag_allowance AS used (day, scope, spent_usd, held_usd, questions)
    VALUES ((now() AT TIME ZONE 'UTC')::date, %(scope)s, 0, 0, 1)
    ON CONFLICT (day, scope) DO UPDATE SET questions = used.questions + 1 WHERE used.questions < %(most)s"""
_UNCOUNT = """
    UPDATE rag_allowance SET questions = questions - 1
    WHERE day = (now() AT TIME ZONE 'UTC')::date AND scope = %(scope)s AND questions > 0"""
