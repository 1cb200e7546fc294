"""A model's stream, read in a thread."""

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from rag import llm
from rag.llm import errors, pump
from tests import providers
from tests.rag.llm.conftest import Make
from tests.rag.llm.test_completion import wait_for
from tests.rag.passages import prompt


class Stream:
    """Gives `pieces`; a callable among them is called instead. `closed` is set by close()."""

    def __init__(self, *pieces: str | Callable[[], llm.Thinking | None]) -> None:
        self._pieces = iter(pieces)
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[llm.Piece]:
        return self

    def __next__(self) -> llm.Piece:
        self.thread = threading.current_thread()
        piece = next(self._pieces)
        if isinstance(piece, str):
            return piece
        return piece() or ""

    def close(self) -> None:
        self.closed.set()

    def silence(self) -> None:
        """Until it is closed, as a real one is woken by it."""
        self.closed.wait(10)

    def think(self) -> llm.Thinking:
        self.closed.wait(0.1)
        return llm.Thinking()


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


def test_visitors_who_leave_a_real_client_leave_nothing_behind(make: Make, provider: providers.Provider) -> None:
    for _ in range(6):
        provider.plan(providers.Chat(["word "] * (pump.PIECES_AHEAD * 4)))
        pumped = pump.pump(make().stream(prompt(), max_tokens=1_000), beat=5, limit=5)
        assert next(pumped) == "word "
        pumped.close()
    assert no_answer_is_under_way()
    assert wait_for(lambda: not provider.connections)


def test_a_visitor_who_leaves_a_real_client_before_its_headers_ends_the_thread(
    make: Make, provider: providers.Provider
) -> None:
    provider.plan(providers.Hang(20))
    pumped = pump.pump(make().stream(prompt(), max_tokens=1_000), beat=0.1, limit=5)
    assert isinstance(next(pumped), pump.Silence)
    assert wait_for(lambda: len(provider.requests) == 1)
    pumped.close()
    assert no_answer_is_under_way()
    assert provider.left.wait(2)


def test_a_slow_reader_does_not_cut_the_next_answer(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["w"] * pump.PIECES_AHEAD), providers.Chat(["a", "b", "c"], pause=0.1))
    slow = pump.pump(make().stream(prompt(), max_tokens=1_000), beat=5, limit=5)
    next(slow)
    second = pump.pump(make().stream(prompt(), max_tokens=1_000), beat=5, limit=5)
    pieces = [next(second)]
    list(slow)
    assert [*pieces, *second][:3] == ["a", "b", "c"]


def no_answer_is_under_way() -> bool:
    return wait_for(lambda: all(thread.name != "answer" for thread in threading.enumerate()))


def test_an_answer_that_drips_on_is_ended_at_the_limit() -> None:
    now = itertools.count(step=10)
    stream = Stream(*["drop"] * 100)
    pumped = pump.pump(stream, beat=5, limit=25, clock=lambda: next(now))
    with pytest.raises(errors.ChatTimeout):
        list(pumped)
    assert stream.closed.is_set()


def test_a_model_that_does_not_begin_in_time_is_left_and_one_that_has_begun_is_not() -> None:
    silent = Stream()
    late = Stream(silent.silence)
    with pytest.raises(errors.ChatTimeout):
        list(pump.pump(late, beat=5, limit=10, first=0.05))
    assert late.closed.is_set()
    pause = threading.Event()

    def slow() -> None:
        pause.wait(0.3)

    said = [piece for piece in pump.pump(Stream("Hello", slow), beat=5, limit=10, first=0.15) if isinstance(piece, str)]
    assert said == ["Hello", ""]


def test_a_model_that_thinks_is_waited_for_and_one_that_stops_is_not() -> None:
    thinks, stops = Stream(), Stream()
    thinks._pieces = iter([*[thinks.think] * 5, "Answer"])
    assert list(pump.pump(thinks, beat=5, limit=10, first=0.3)) == ["Answer"]
    stops._pieces = iter([stops.think, stops.silence])
    with pytest.raises(errors.ChatTimeout):
        list(pump.pump(stops, beat=5, limit=10, first=0.3))


def test_thinking_lasts_no_longer_than_an_answer_may() -> None:
    stream = Stream("")
    stream._pieces = itertools.repeat(stream.think)
    with pytest.raises(errors.ChatTimeout):
        list(pump.pump(stream, beat=5, limit=0.3, first=5))


def test_a_model_that_thinks_is_as_silent_to_a_visitor_as_any() -> None:
    stream = Stream("")
    stream._pieces = itertools.repeat(stream.think)
    pumped = pump.pump(stream, beat=0.15, limit=10)
    assert [next(pumped), next(pumped)] == [pump.Silence(), pump.Silence()]
    pumped.close()
