"""An answer while it is being written: what it was given, what it says so far, and how it is stored."""

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from portfolio.models import ProjectRAG
from rag import citations, llm, models, prompts, retrieval, routing, sources, tokens
from rag.llm import families
from rag.spending import calls

UNAVAILABLE = "The assistant cannot answer right now. Please ask again in a minute."
_OWNER = "The assistant is out of order; its owner can see why. The rest of the site works."
_INTERRUPTED = "This answer was interrupted before it was complete. You can ask again."
SENTENCES = {
    "left": _INTERRUPTED,
    "stopped": _INTERRUPTED,
    "cut": _INTERRUPTED,
    "timeout": "The model was silent for too long. Please ask again.",
    "length": "This answer reached its limit and ends here. A narrower question gets a shorter answer.",
    "content_filter": "The model's provider stopped this answer. Please ask in other words.",
    "rate_limited": "Too many questions at once. Please ask again in a minute.",
    "not_indexed": "This project is not ready to answer yet.",
    "not_set_up": _OWNER,
    "key_refused": _OWNER,
    "model_missing": _OWNER,
    "quota": _OWNER,
    "refused": _OWNER,
}
_QUOTED = "so this is not a written answer: these are the places in the code that match your question best."
WITHOUT_MODEL = {
    "budget": f"Today's budget for answers by a language model is used up, {_QUOTED} Written ones are back tomorrow.",
    "switched_off": f"Answers by a language model are switched off at the moment, {_QUOTED}",
}
CLOSEST = 3
# Ends of an answer that the model was at work on, or may have been: in doubt it is billed, with not a word written.
UNDER_WAY = frozenset({"left", "stopped", "cut", "timeout", "garbled", "length", "internal"})
OURS = frozenset({"left", "stopped"})  # of these, those that are no failure


class Removed(Exception):
    """The visitor has removed the question meanwhile."""


class Draft:
    """One message's answer on its way. Only `use`, `repeat` and `save` write to the database, and `save` is the end."""

    def __init__(self, message: models.Message) -> None:
        self.message = message
        self.sources: tuple[models.MessageSource, ...] = ()
        self.text = ""
        self.usage: llm.Usage | None = None
        self.error_code = ""
        self._prompt: prompts.Prompt | None = None
        self._call: calls.Call | None = None
        self._paid = Decimal(0)  # for models that gave up
        self._started = time.monotonic()

    @property
    def purpose(self) -> str:
        """What its calls are for."""
        purposes = models.Call.Purpose
        return purposes.AHEAD if self.message.conversation.ahead else purposes.QUESTION

    def live_revision(self) -> models.Revision:
        """What is answered from. Raises retrieval.NotIndexed, and Removed."""
        rags = ProjectRAG.objects.select_related("live_revision")
        rag = rags.filter(project__conversations=self.message.conversation_id).first()
        if rag is None:
            raise Removed
        if rag.live_revision is None:
            raise retrieval.NotIndexed
        return rag.live_revision

    def history(self) -> list[prompts.Turn]:
        """The turns before this one, oldest first: as many as a search looks back."""
        before = models.Message.objects.filter(
            conversation=self.message.conversation_id, created_at__lt=self.message.created_at
        ).exclude(answer="")
        recent = before.order_by("-created_at").values_list("question", "answer")[: prompts.LOOK_BACK]
        return [prompts.Turn(question=question, answer=answer) for question, answer in reversed(recent)]

    def route(self, history: Sequence[prompts.Turn]) -> routing.Route:
        """Who is asked, in which order. Ahead of visitors it is nobody but who is remembered: remembered.is_known."""
        conversation, rules = self.message.conversation, routing.Rules.from_settings()
        lot = None if conversation.ahead else conversation.pk
        asked = routing.Asked(question=self.message.question, conversation=lot, follows=bool(history))
        return routing.route(replace(rules, fallbacks=()) if conversation.ahead else rules, asked)

    def use(self, found: retrieval.Found, passages: Sequence[retrieval.Passage]) -> None:
        """Store what the answer is given: copies, that outlive the revision. Raises Removed."""
        message = self.message
        message.found, message.confidence = found.confident, found.confidence
        message.retrieval_ms, message.detour = self._elapsed_ms(), found.detour
        url = found.revision.repository_url
        rows = [self._source(number, each, url) for number, each in enumerate(passages, 1)]
        with transaction.atomic():
            # Locked, so that it stays until we are done; it may be gone since the search.
            kept = models.Revision.objects.select_for_update(no_key=True).filter(pk=found.revision.pk)
            message.revision = kept.first()
            if not self._store("revision", "found", "confidence", "retrieval_ms"):
                raise Removed
            self.sources = tuple(models.MessageSource.objects.bulk_create(rows))

    def repeat(self, first: models.Message) -> tuple[models.MessageSource, ...]:
        """Store what an answer to the same question was given, inside a transaction; then `take` it. Raises Removed.

        Nothing is stored when that is gone with its question.
        """
        rows = list(first.sources.all())
        for row in rows:
            row.pk, row.message_id, row._state.adding = None, self.message.pk, True
        facts = {"revision": first.revision_id, "found": first.found, "confidence": first.confidence}
        told = {"repeats": first.pk, "first_answered_at": first.started_at, "retrieval_ms": self._elapsed_ms()}
        if rows and not models.Message.objects.filter(pk=self.message.pk).update(**facts, **told):
            raise Removed
        return tuple(models.MessageSource.objects.bulk_create(rows))

    def take(self, first: models.Message, given: tuple[models.MessageSource, ...]) -> None:
        """The answer is what it was when it was written, by whom it was written, for nothing."""
        message, self.sources = self.message, given
        message.revision_id, message.found, message.confidence = first.revision_id, first.found, first.confidence
        message.repeats_id, message.first_answered_at = first.pk, first.started_at
        message.provider, message.model = first.provider, first.model
        self.write(first.answer)

    def ask(self, model: llm.ChatModel, prompt: prompts.Prompt) -> None:
        """The model is about to be sent the prompt: what that may cost is held. Raises budgets.Refused."""
        if model.provider != "extractive":
            about = calls.About(
                purpose=self.purpose, provider=model.provider, model=model.model,
                project_id=self.message.conversation.project_id, message_id=self.message.pk,
            )  # fmt: skip
            most_in = calls.most_tokens(message.content for message in prompt.messages)
            most_out = settings.RAG_ANSWER_TOKENS + families.REASONING_TOKENS
            self._call = calls.begin(about, tokens_in=most_in, tokens_out=most_out)
        self.message.provider, self.message.model = model.provider, model.model
        self._prompt = prompt

    def give_up(self, error_code: str) -> None:
        """This model could not answer, and another one is asked: what the first has cost is settled."""
        self.error_code = error_code
        self._paid += self._settle(self._billed())
        self._prompt, self.usage, self.error_code = None, None, ""

    def write(self, piece: str) -> str:
        """Add a piece; returns it without what no database and no page can hold."""
        if self.message.first_token_ms is None:
            self.message.first_token_ms = self._elapsed_ms()
        clean = piece.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
        self.text += clean
        return clean

    def save(self) -> bool:
        """Store the answer as far as it came, with its citations checked. False: the question was removed."""
        checked = citations.check(self.text, len(self._prompt.passages if self._prompt else self.sources))
        message, spent = self.message, self._spent()
        message.answer, message.error_code, message.status = checked.text, self.error_code, self._status()
        message.tokens_in, message.tokens_out = spent.tokens_in, spent.tokens_out
        billed = self._billed()
        message.cost_usd = self._paid + (self._call.cost(billed) if self._call and billed else 0)
        message.total_ms = self._elapsed_ms()
        with transaction.atomic():
            kept = self._store(
                "answer", "error_code", "status", "provider", "model", "detour", "complexity", "tokens_in",
                "tokens_out", "cost_usd", "first_token_ms", "total_ms",
            )  # fmt: skip
            message.sources.filter(number__in=checked.cited).update(cited=True)
            self._settle(billed, kept=kept)
        return kept

    def _settle(self, billed: calls.Used | None, *, kept: bool = True) -> Decimal:
        """Write the call down, with what it cost in the place of what was held."""
        call, self._call = self._call, None
        return calls.end(call, billed, error_code=self.error_code, message_kept=kept) if call else Decimal(0)

    def _store(self, *fields: str) -> bool:
        """Whether it was still there: an UPDATE, not save(), which would bring a removed one back."""
        rows = models.Message.objects.filter(pk=self.message.pk)
        return bool(rows.update(**{field: getattr(self.message, field) for field in fields}))

    def _billed(self) -> calls.Used | None:
        """What the provider bills. Of an interrupted answer it does not say how long the model thought: at most."""
        spent = self._spent()
        if not (spent.tokens_in or spent.tokens_out):
            return None
        unseen = 0 if self.usage else families.REASONING_TOKENS
        if self.error_code == "length" and not (self.usage or self.text):  # it thought until nothing was left
            unseen += settings.RAG_ANSWER_TOKENS
        return calls.Used(tokens_in=spent.tokens_in, tokens_out=spent.tokens_out + unseen)

    def _spent(self) -> llm.Usage:
        """As the provider counted, which it does at the end; before it, estimated from what was sent and written."""
        if self.usage:
            return self.usage
        if self._prompt is None or not (self.text or self.error_code in UNDER_WAY):
            return llm.Usage(tokens_in=0, tokens_out=0)
        return llm.Usage(tokens_in=prompts.cost(self._prompt.messages), tokens_out=tokens.count(self.text))

    def _status(self) -> models.Message.Status:
        if not self.error_code:
            return models.Message.Status.COMPLETE
        partial = self.text or self.error_code in OURS
        return models.Message.Status.INTERRUPTED if partial else models.Message.Status.FAILED

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def _source(self, number: int, passage: retrieval.Passage, repository_url: str) -> models.MessageSource:
        start, end = passage.start_line, passage.end_line
        return models.MessageSource(
            message=self.message,
            number=number,
            path=passage.path,
            language=passage.language,
            symbol=passage.symbol,
            start_line=start,
            end_line=end,
            commit_sha=passage.commit,
            url=sources.lines_url(repository_url, passage.commit, passage.path, start, end),
            text=passage.text,
            score=passage.score,
        )


def not_found(passages: Sequence[retrieval.Passage]) -> str:
    """Says that the code does not seem to answer it, and what was closest."""
    if not passages:
        return "I did not find an answer to this in the code."
    closest = [
        f"- {_code(each.path)}, lines {each.start_line}–{each.end_line} [{number}]"
        + (f": {_code(each.symbol)}" if each.symbol else "")
        for number, each in enumerate(passages[:CLOSEST], 1)
    ]
    return "\n".join(
        [
            "I did not find an answer to this in the code. The closest passages, which may be about something else:",
            "",
            *closest,
        ]
    )


def _code(name: str) -> str:
    return f"`{name.replace('`', '')}`"
