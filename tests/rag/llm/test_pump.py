"""A model's stream, read in a thread."""

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from rag import llm
from rag.llm import errors, pump


class Stream:
    """Gives `pieces`; a callable among them is called instead. `closed` is set by close()."""

    def __init__(self, *pieces: str | Callable[[], None]) -> None:
        self._pieces = iter(pieces)
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[str | llm.Usage]:
        return self

    def __next__(self) -> str | llm.Usage:
        self.thread = threading.current_thread()
        piece = next(self._pieces)
        if isinstance(piece, str):
            return piece
        piece()
        return ""

    def close(self) -> None:
        self.closed.set()

    def silence(self) -> None:
        """Until it is closed, as a real one is woken by it."""
        self.closed.wait(10)


def fail() -> None:
    raise errors.ChatCut


def test_pieces_come_through_in_order() -> None:
    assert list(pump.pump(Stream("a", "b", "c"), beat=5, limit=5)) == ["a", "b", "c"]


def test_an_error_comes_after_the_pieces_before_it() -> None:
    pumped = pump.pump(Stream("a", fail), beat=5, limit=5)
    assert next(pumped) == "a"
    with pytest.raises(errors.ChatCut):
        next(pumped)


def test_an_error_that_nobody_foresaw_is_not_swallowed() -> None:
    def crash() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(pump.pump(Stream(crash), beat=5, limit=5))


def test_silence_is_told_while_it_lasts() -> None:
    stream = Stream("a")
    stream._pieces = itertools.chain(["a"], [stream.silence])
    pumped = pump.pump(stream, beat=0.02, limit=5)
    assert [next(pumped) for _ in range(3)] == ["a", pump.Silence(), pump.Silence()]
    pumped.close()


def test_leaving_during_silence_ends_stream_and_thread() -> None:
    stream = Stream()
    stream._pieces = iter([stream.silence])
    pumped = pump.pump(stream, beat=0.02, limit=5)
    next(pumped)
    pumped.close()
    assert stream.closed.is_set()
    assert stream.thread is not None
    stream.thread.join(2)
    assert not stream.thread.is_alive()


def test_leaving_a_stream_that_is_ahead_ends_its_thread() -> None:
    stream = Stream(*["piece"] * (pump.PIECES_AHEAD * 3))
    pumped = pump.pump(stream, beat=5, limit=5)
    next(pumped)
    pumped.close()
    assert stream.thread is not None
    stream.thread.join(2)
    assert not stream.thread.is_alive()


def test_an_answer_that_drips_on_is_ended_at_the_limit() -> None:
    now = itertools.count(step=10)
    stream = Stream(*["drop"] * 100)
    pumped = pump.pump(stream, beat=5, limit=25, clock=lambda: next(now))
    with pytest.raises(errors.ChatTimeout):
        list(pumped)
    assert stream.closed.is_set()
