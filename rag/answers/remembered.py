"""The answer that a question had before, for whoever asks the same about the same revision; and one model for many.

    for _ in remembered.recall(draft, revision, history, first):    while somebody else is at the same question
        …wait…
    if draft.text: …it has the answer now; else ask the model
    remembered.settle(message)                                       once its answer is stored

Who asks first claims the question: others wait for that answer instead of paying for their own. What a claim brings is
given again only when it is a whole, cited answer by the model that was to write it, which is the first of those who may
be asked, without any detour: a fallback answers whoever asked meanwhile, and the next one asks the first again. Only
first questions are kept: a later answer may speak of what that visitor said before.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from config import database
from portfolio.models import ProjectRAG
from rag import citations, lexical, llm, models, prompts, retrieval, routing  # fmt: skip
from rag.answers import drafts, wording  # fmt: skip
from rag.llm import windows
from rag.retrieval import candidates, confidence, passages, ranking  # fmt: skip
from rag.spending import savings  # fmt: skip

Remembered = models.RememberedAnswer
PATIENCE = 30  # seconds that others wait for an answer; then each asks the model
POLL = 0.25
NOT_WORTH_IT = frozenset({"extractive"})  # made anew as quickly, for nothing
# The code that makes an answer of a question: a change in it makes another one.
_MADE_BY = (candidates, citations, confidence, lexical, passages, prompts, ranking, retrieval, wording)


class _OutOfDate(Exception):
    """A newer revision went live meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What has to be the same for an answer to be given again."""

    revision: int
    writer: str
    rules: str
    question: bytes

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "revision_id": self.revision, "writer": self.writer, "rules": self.rules, "question_sha256": self.question,
        }  # fmt: skip


def recall(
    draft: drafts.Draft, revision: models.Revision, history: Sequence[prompts.Turn], first: str
) -> Iterator[None]:
    """Give `draft` the answer to the same question, if there is one. While somebody writes it, None now and then.

    `first`: the provider that is to be asked before any other.
    Without an answer the question may be claimed, for others to wait. Raises drafts.Removed.
    """
    if not settings.RAG_ANSWER_CACHE:
        return
    project = draft.message.conversation.project_id
    asked = asked_as(draft.message.question, revision, history, first)
    if asked:
        for late in (False, True):
            if _given(asked, draft):
                return
            if (not history and _claimed(asked, draft.message)) or late:
                break
            yield from _waiting(asked)
    savings.count(project)


def is_known(question: str, revision: models.Revision) -> bool:
    """Whether its answer is there, or needs none to be kept. For a first question, outside the shares."""
    route = routing.route(routing.Rules.from_settings(), routing.Asked(question=question))
    asked = asked_as(question, revision, [], route.names[0])
    return asked is None or Remembered.objects.filter(**asked.facts, answered_at__isnull=False).exists()


def asked_as(question: str, revision: models.Revision, history: Sequence[prompts.Turn], first: str) -> Asked | None:
    """What its answer is found by; None for one that leans on those before it, and where answers cost nothing."""
    form = wording.same(question)
    writer = llm.named(first)
    if not form or writer.provider in NOT_WORTH_IT or prompts.retrieval_query(question, history) != question:
        return None
    digest = hashlib.sha256(form.encode("utf-8", "surrogatepass")).digest()
    by_whom = _name(writer.provider, writer.model)
    return Asked(revision=revision.pk, writer=by_whom, rules=_rules(first), question=digest)


def settle(message: models.Message) -> None:
    """What the message had claimed is known, or free for others when its answer is not one to give again."""
    claims = Remembered.objects.filter(message=message.pk, answered_at=None)
    if not claims.exists():
        return
    cited = message.status == models.Message.Status.COMPLETE and message.sources.filter(cited=True).exists()
    if cited and message.found and not message.detour:
        by_whom = _name(message.provider, message.model)
        claims.filter(revision=message.revision_id, writer=by_whom).update(answered_at=Now())
    claims.all().delete()


def _given(asked: Asked, draft: drafts.Draft) -> bool:
    """Whether the answer is there, and the draft has a copy of it now."""
    kept = Remembered.objects.filter(**asked.facts, answered_at__isnull=False).select_related("message").first()
    if kept is None:
        return False
    try:
        with transaction.atomic():
            given = draft.repeat(kept.message)
            # Last, and not locked, so that nobody waits for a revision that is being made live: up to here it was not.
            if not ProjectRAG.objects.filter(live_revision=asked.revision).exists():
                raise _OutOfDate
    except _OutOfDate:
        return False
    if given:
        draft.take(kept.message, given)
        Remembered.objects.filter(pk=kept.pk).update(times=F("times") + 1)
        savings.count(draft.message.conversation.project_id, kept.message.cost_usd)
    return bool(given)


def _claimed(asked: Asked, message: models.Message) -> bool:
    """Whether the question is ours to answer: nobody is at it, or whoever was has failed, died or takes too long."""
    facts = {**asked.facts, "message": message.pk, "patience": PATIENCE}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, facts)
        return bool(cursor.rowcount)


def _waiting(asked: Asked) -> Iterator[None]:
    """Until nobody is at it any more, or it takes too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(_UNDER_WAY, {**asked.facts, "patience": PATIENCE})
            if not cursor.fetchone()[0]:
                return
        database.release()
        yield
        time.sleep(POLL)


def _name(provider: str, model: str) -> str:
    return f"{provider}/{model}"


def _rules(first: str) -> str:
    limits = (windows.prompt_tokens(first), settings.RAG_ANSWER_TOKENS)
    return hashlib.sha256(f"{_code()} {limits}".encode()).hexdigest()[:16]


@cache
def _code() -> str:
    read = hashlib.sha256()
    for module in _MADE_BY:
        read.update(Path(str(module.__file__)).read_bytes())
    return read.hexdigest()


_AT_IT = """
    kept.answered_at IS NULL AND kept.claimed_at > now() - make_interval(secs => %(patience)s)
    AND EXISTS (SELECT FROM rag_message message
                WHERE message.id = kept.message_id AND message.status IN ('streaming', 'complete'))"""
_CLAIM = f"""
    INSERT INTO rag_rememberedanswer AS kept
        (revision_id, message_id, writer, rules, question_sha256, claimed_at, times)
    VALUES (%(revision_id)s, %(message)s, %(writer)s, %(rules)s, %(question_sha256)s, now(), 0)
    ON CONFLICT (revision_id, question_sha256, writer, rules)
    DO UPDATE SET message_id = EXCLUDED.message_id, claimed_at = EXCLUDED.claimed_at
    WHERE kept.answered_at IS NULL AND NOT ({_AT_IT})"""  # noqa: S608
_UNDER_WAY = f"""
    SELECT EXISTS (
        SELECT FROM rag_rememberedanswer kept
        WHERE revision_id = %(revision_id)s AND question_sha256 = %(question_sha256)s AND writer = %(writer)s
        AND rules = %(rules)s AND {_AT_IT})"""  # noqa: S608
