"""A model's stream, read in a thread of its own, so that whoever waits for it can do something else meanwhile."""

import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from config import logs
from rag import llm
from rag.llm import errors

PIECES_AHEAD = 64  # of a reader that is slow


@dataclass(frozen=True, kw_only=True)
class Silence:
    """The model said nothing for the length of a beat."""


@dataclass(frozen=True, kw_only=True)
class _End:
    error: Exception | None = None


def pump(
    stream: llm.Stream,
    *,
    beat: float,
    limit: float,
    first: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[str | llm.Usage | Silence]:
    """What `stream` gives, with a `Silence` for every `beat` seconds without a piece, thoughts among them.

    Raises what the stream raises, and ChatTimeout when it takes longer than `limit` seconds, or when `first` seconds
    pass before its first words without a sign that it is at work. Closing this generator ends the stream and its thread
    at once, also while the model is silent.
    """
    items: queue.Queue[llm.Piece | _End] = queue.Queue(maxsize=PIECES_AHEAD)
    ended = threading.Event()
    threading.Thread(target=logs.carried(_fill), args=(stream, items, ended), name="answer", daemon=True).start()
    deadline, speaks_by, due = clock() + limit, clock() + first, clock() + beat
    try:
        while True:
            item = _next(items, max(0.0, min(due, speaks_by) - clock()))
            if isinstance(item, _End):
                if item.error:
                    raise item.error
                return
            if isinstance(item, str):
                speaks_by = math.inf
            elif isinstance(item, llm.Thinking):
                speaks_by = max(speaks_by, clock() + first)  # not before: the words may have begun
            if clock() > min(deadline, speaks_by):
                raise errors.ChatTimeout
            if isinstance(item, llm.Thinking):
                if clock() < due:
                    continue
                item = Silence()
            yield item
            due = clock() + beat
    finally:
        ended.set()
        stream.close()


def _next(items: "queue.Queue[llm.Piece | _End]", beat: float) -> llm.Piece | Silence | _End:
    try:
        return items.get(timeout=beat)
    except queue.Empty:
        return Silence()


def _fill(stream: llm.Stream, items: "queue.Queue[llm.Piece | _End]", ended: threading.Event) -> None:
    """The thread: never touches the database, and holds nothing when it is told to end."""
    try:
        for piece in stream:
            if not _put(items, piece, ended):
                return
        _put(items, _End(), ended)
    except Exception as error:  # noqa: BLE001 — raised again where the pieces are read
        _put(items, _End(error=error), ended)
    finally:
        stream.close()


def _put(items: "queue.Queue[llm.Piece | _End]", item: llm.Piece | _End, ended: threading.Event) -> bool:
    """Whether it was taken; not when nobody reads any more."""
    while not ended.is_set():
        try:
            items.put(item, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False
