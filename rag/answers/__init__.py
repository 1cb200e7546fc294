"""One question answered: retrieval → prompt → model → checked citations, as typed events, and stored whatever happens.

No database connection is held while a model writes. A visitor who leaves closes the generator; what was written by
then is kept as interrupted.

    drafts       the text as it is written, its citations checked
    remembered   the same question (wording) about the same revision is answered from the store, ahead of time too
    unanswered   what was asked in vain, for the owner
"""

import contextlib
import logging
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now

from config import database
from rag import embeddings, llm, models, prompts, retrieval
from rag.answers import drafts, remembered
from rag.llm import errors, fallback, pump, windows
from rag.spending import budgets

logger = logging.getLogger(__name__)

Message = models.Message
BEAT = 2.0  # seconds: a visitor who left is noticed at the next write
LIMIT = 120.0  # seconds for one answer
STUCK_AFTER = timedelta(seconds=LIMIT + 60)  # longer than any answer: the process that wrote it has died
POLL = 0.5

stopping = threading.Event()  # set when the server has to stop: what is being written then ends at once, and is kept


class Stopped(Exception):
    """The server was told to stop."""

    code = "stopped"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The passages that the answer is made from; first of all events. `sources` in order of their numbers."""

    message: models.Message
    sources: tuple[models.MessageSource, ...]


@dataclass(frozen=True, kw_only=True)
class Text:
    """The next piece of the answer: Markdown, its citations not checked yet."""

    piece: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The answer is complete and stored."""

    message: models.Message
    sources: tuple[models.MessageSource, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """There is no answer, or a part of one (status interrupted). `sentence` says what a visitor is told."""

    message: models.Message
    sources: tuple[models.MessageSource, ...]


@dataclass(frozen=True, kw_only=True)
class Gone:
    """The question was removed meanwhile, and its answer with it."""

    message: models.Message


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Nothing yet."""


Event = Sources | Text | Finished | Failed | Gone | Beat


def answer(message: models.Message) -> Generator[Event]:
    """Answer it, or watch somebody else's answering of it to the end; one that has ended is only told again."""
    if _take(message):
        yield from _answering(message)
    else:
        yield from _watching(message)


def complete(message: models.Message) -> models.Message:
    """Answer it without streaming; the message as it is stored then, unless it was removed meanwhile."""
    with contextlib.suppress(Stopped):
        for _ in answer(message):
            pass
    with contextlib.suppress(Message.DoesNotExist):
        message.refresh_from_db()
    return message


def sentence(message: models.Message) -> str:
    """What a visitor is told about an answer that is missing or incomplete; "" when it is neither."""
    if message.status not in (Message.Status.INTERRUPTED, Message.Status.FAILED):
        return ""
    return drafts.SENTENCES.get(message.error_code, drafts.UNAVAILABLE)


def _take(message: models.Message) -> bool:
    """Whether it is ours to answer: one UPDATE, so that of two who try one succeeds."""
    waiting = Message.objects.filter(pk=message.pk, status=Message.Status.PENDING)
    taken = waiting.update(status=Message.Status.STREAMING, started_at=Now())
    return bool(taken)


def _answering(message: models.Message) -> Generator[Event]:
    draft = drafts.Draft(message)
    kept = True
    try:
        yield Beat()  # the visitor's browser has the headers while the question is embedded
        yield from _written(draft)
    except GeneratorExit:
        draft.error_code = "left"
        raise
    except drafts.Removed:
        draft.error_code = "left"
    except (errors.ChatError, embeddings.EmbeddingError, retrieval.NotIndexed, Stopped) as error:
        draft.error_code = getattr(error, "code", "not_indexed")
        logger.warning("Answer %s, %s: %s", message.pk, draft.error_code, error)
    except Exception:
        draft.error_code = "internal"
        logger.exception("Answer %s", message.pk)
    finally:
        kept = draft.save()
        remembered.settle(message)
        database.release()
    yield _outcome(message) if kept else Gone(message=message)


def _written(draft: drafts.Draft) -> Generator[Event]:
    """Sources, then text. The draft holds what was written, also when this is left in the middle."""
    history = draft.history()
    revision = draft.live_revision()
    route = draft.route(history)
    for _ in remembered.recall(draft, revision, history, route.names[0]):
        if stopping.is_set():
            raise Stopped(Stopped.__doc__)
        yield Beat()
    database.release()
    if draft.text:
        yield Sources(message=draft.message, sources=draft.sources)
        yield Text(piece=draft.text)
        return
    asked = prompts.retrieval_query(draft.message.question, history)
    found = retrieval.search(revision, asked, purpose=draft.purpose)
    budget = windows.prompt_tokens(route.names[0])
    prompt = prompts.build(draft.message.question, found.passages, history, budget)
    draft.use(found, prompt.passages)
    yield Sources(message=draft.message, sources=draft.sources)
    if not found.confident:
        draft.write(drafts.not_found(prompt.passages))
        yield Text(piece=draft.text)
        return
    draft.message.complexity = route.complexity
    yield from _asked(draft, prompt, history, route.names)


def _asked(
    draft: drafts.Draft, prompt: prompts.Prompt, history: Sequence[prompts.Turn], names: Sequence[str]
) -> Generator[Event]:
    """One model after the other is asked, until one has begun to answer.

    One that may not be paid for is no failure: at the end there are the best passages, with the reason before them.
    """
    attempts, searched = fallback.Attempts(names, limit=LIMIT), draft.message.detour
    for attempt in attempts:
        draft.message.detour = "; ".join(filter(None, (searched, attempts.detour)))
        try:
            fitted = attempt.fitted(prompt, history)
            draft.ask(attempt.model, fitted)
            database.release()
            yield from _streamed(draft, attempt.pieces(fitted, beat=BEAT))
            return
        except budgets.Refused as refused:
            logger.warning("Answer %s is not by %s: %s", draft.message.pk, attempt.model.provider, refused)
            attempts.refuse(refused.code, drafts.WITHOUT_MODEL[refused.code])
        except errors.ChatError as error:
            if draft.text or not attempts.goes_on(error):
                raise
            logger.warning("Answer %s goes on elsewhere, %s: %s", draft.message.pk, attempt.model.provider, error)
            draft.give_up(error.code)
        finally:
            attempt.leave()


def _streamed(draft: drafts.Draft, stream: Generator[str | llm.Usage | pump.Silence]) -> Generator[Event]:
    with contextlib.closing(stream) as pieces:
        for piece in pieces:
            if stopping.is_set():
                raise Stopped(Stopped.__doc__)
            if isinstance(piece, llm.Usage):
                draft.usage = piece
            elif isinstance(piece, pump.Silence):
                yield Beat()
            else:
                yield Text(piece=draft.write(piece))


def _watching(message: models.Message) -> Generator[Event]:
    """Until it has ended, or is gone: a visitor may clear the conversation meanwhile, or ask again. Raises Stopped."""
    while True:
        _end_if_stuck(message)
        try:
            message.refresh_from_db()
        except Message.DoesNotExist:
            yield Gone(message=message)
            return
        if message.status not in (Message.Status.PENDING, Message.Status.STREAMING):
            break
        database.release()
        yield Beat()
        if stopping.wait(POLL):
            raise Stopped(Stopped.__doc__)
    yield Sources(message=message, sources=tuple(message.sources.all()))
    yield _outcome(message)


def _end_if_stuck(message: models.Message) -> None:
    stuck = Message.objects.filter(pk=message.pk, status=Message.Status.STREAMING, started_at__lt=Now() - STUCK_AFTER)
    stuck.update(status=Message.Status.INTERRUPTED, error_code="left")


def _outcome(message: models.Message) -> Finished | Failed:
    sources = tuple(message.sources.all())
    if message.status == Message.Status.COMPLETE:
        return Finished(message=message, sources=sources)
    return Failed(message=message, sources=sources)
