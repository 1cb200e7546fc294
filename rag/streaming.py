"""Events of an answer → server-sent events."""

import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from django.http import HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.html import escape

from config import database
from rag import admission, answers, models

logger = logging.getLogger(__name__)

# A proxy that buffers would hold the answer back until it is complete.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def respond(find: Callable[[], models.Message], visitor: str = "") -> HttpResponse | StreamingHttpResponse:
    """The answer as a stream, or 503 at once when RAG_MAX_STREAMS answers are under way in this process.

    `find` gives the message, or raises Http404; it is only called with a place, so that a crowd is refused without a
    look at the database. Events: `sources` and `message` hold HTML, `text` escaped Markdown to append; `done` is last.
    """
    with ExitStack() as place:
        try:
            place.enter_context(admission.admitted(visitor))
        except admission.Busy as busy:
            headers = {"Retry-After": str(busy.retry_after)}
            content_type = "text/plain; charset=utf-8"
            return admission.expected(HttpResponse(str(busy), status=503, content_type=content_type, headers=headers))
        with admission.beginning():
            message = find()
        body = Body(message, place.pop_all().close)
    return StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8", headers=HEADERS)


class Body:
    """The bytes of one stream. `release` is called exactly once: at the end, or when the response is closed before."""

    def __init__(self, message: models.Message, release: Callable[[], None]) -> None:
        self._bytes = _formatted(message)
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._bytes)
        except StopIteration:
            self.close()
            raise
        except answers.Stopped:  # while watching what somebody else writes
            self.close()
            raise StopIteration from None
        except Exception:
            # Without `done` the browser asks again, and is told how it ended.
            logger.exception("A stream broke")
            self.close()
            raise StopIteration from None

    def __del__(self) -> None:
        self.close()  # of a response that was thrown away before anybody read it, as by a middleware that raised

    def close(self) -> None:
        release, self._release = self._release, None
        try:
            self._bytes.close()
        finally:
            if release:
                release()


def _formatted(message: models.Message) -> Generator[bytes]:
    events = answers.answer(message)
    try:
        for event in events:
            sent = render(event)
            database.release()  # a browser may be slow to take it
            yield sent
            if isinstance(event, answers.Beat):  # what comes next may be the search
                admission.crowd.let_pass()
        yield sse("done", "done")  # an event without data is not delivered
    finally:
        events.close()


def render(event: answers.Event) -> bytes:
    """One event as it goes to the browser."""
    match event:
        case answers.Beat():
            return b": beat\n\n"
        case answers.Text(piece=piece):
            return sse("text", escape(piece))
        case answers.Sources():
            return sse("sources", _fragment("rag/_sources.html", event))
        case answers.Gone(message=message):
            return sse("message", render_to_string("rag/_gone.html", {"message": message}))
        case _:
            return sse("message", _fragment("rag/_message.html", event))


def sse(name: str, data: str) -> bytes:
    """One server-sent event; `data` may have any number of lines, however they end."""
    lines = "".join(f"data: {line}\n" for line in re.split(r"\r\n|\r|\n", data))
    return f"event: {name}\n{lines}\n".encode()


def _fragment(template: str, event: answers.Sources | answers.Finished | answers.Failed) -> str:
    message = event.message
    context = {"message": message, "sources": event.sources, "project": message.conversation.project}
    return render_to_string(template, context)
