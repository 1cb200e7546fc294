"""What the providers' models have in common, tried through the real SDKs against a server that speaks the protocol."""

import threading
import time
from collections.abc import Callable

import pytest

from rag import llm
from rag.llm import completion, errors
from tests import providers
from tests.providers import dialects
from tests.rag.llm.conftest import Make
from tests.rag.passages import prompt


def read(model: completion.Completion) -> tuple[list[llm.Piece], errors.ChatError | None]:
    """What came, and how it failed."""
    pieces: list[llm.Piece] = []
    try:
        for piece in model.stream(prompt(), max_tokens=100):
            pieces.append(piece)
    except errors.ChatError as error:
        return pieces, error
    return pieces, None


def failure(model: completion.Completion) -> errors.ChatError:
    _, error = read(model)
    assert error is not None
    return error


def test_pieces_come_in_order_and_the_usage_last(make: Make) -> None:
    assert read(make()) == (["Hello", " [1]", llm.Usage(tokens_in=11, tokens_out=7)], None)


def test_the_messages_arrive_as_they_were_built(make: Make, provider: providers.Provider) -> None:
    read(make())
    sent = provider.requests[0].body["messages"]
    assert sent == [{"role": message.role, "content": message.content} for message in prompt().messages]


def test_the_key_travels_in_a_header_only(make: Make, provider: providers.Provider) -> None:
    read(make())
    request = provider.requests[0]
    sent = {name for name, value in request.headers.items() if dialects.KEY in value}
    assert sent == {"azure": {"api-key"}, "lmstudio": set()}.get(provider.dialect.name, {"authorization"})
    assert dialects.KEY not in request.path + str(request.body)


def test_nothing_is_sent_before_the_first_piece_is_asked_for(make: Make, provider: providers.Provider) -> None:
    make().stream(prompt(), max_tokens=100)
    assert provider.requests == []


def test_reasoning_is_told_and_not_shown(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["Answer"], reasoning="Let me think", usage=None))
    assert read(make()) == ([llm.Thinking(), "Answer"], None)


def test_an_answer_without_usage_is_complete(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(usage=None))
    assert read(make()) == (["Hello", " [1]"], None)


@pytest.mark.parametrize(("finish", "code"), [("length", "length"), ("content_filter", "content_filter")])
def test_an_answer_that_was_stopped_says_so_after_its_usage(
    make: Make, provider: providers.Provider, finish: str, code: str
) -> None:
    provider.plan(providers.Chat(["a"], finish=finish))
    pieces, error = read(make())
    assert pieces == ["a", llm.Usage(tokens_in=11, tokens_out=7)]
    assert error is not None
    assert error.code == code


def test_an_answer_that_never_ends_is_ended_at_its_limit(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["word " * 100] * 1_000))
    pieces, error = read(make())
    assert isinstance(error, errors.ChatTooLong)
    assert 800 < len("".join(piece for piece in pieces if isinstance(piece, str))) < 1_400
    assert wait_for(lambda: not provider.connections)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"<html>502</html>",
        b"data: {not json\n\n",
        b"data: []\n\n",
        b'data: "text"\n\n',
        b'data: {"choices": null}\n\n',
        b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
        b"data: \xff\xfe\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_garbage_is_an_error_of_ours(make: Make, provider: providers.Provider, garbage: bytes) -> None:
    provider.plan(providers.Raw(garbage))
    assert isinstance(failure(make()), errors.ChatGarbled)


def test_closing_wakes_a_reader_that_waits_and_frees_the_connection(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["a"], hang=20))
    stream = make(timeout=20).stream(prompt(), max_tokens=100)
    assert next(stream) == "a"
    reader = threading.Thread(target=_drain, args=(stream,))
    reader.start()
    time.sleep(0.1)
    stream.close()
    reader.join(2)
    assert not reader.is_alive()
    assert provider.left.wait(2)


def test_closing_wakes_a_reader_that_waits_for_the_headers(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Hang(20))
    stream = make(timeout=20).stream(prompt(), max_tokens=100)
    reader = threading.Thread(target=_drain, args=(stream,))
    reader.start()
    assert wait_for(lambda: len(provider.requests) == 1)
    stream.close()
    reader.join(2)
    assert not reader.is_alive()
    assert provider.left.wait(2)


def test_a_reader_that_stops_in_the_middle_leaves_no_connection(make: Make, provider: providers.Provider) -> None:
    model = make()
    for _ in range(6):  # there are four at most
        provider.plan(providers.Chat(["word "] * 300))
        stream = model.stream(prompt(), max_tokens=100)
        assert next(stream) == "word "
        stream.close()
    assert wait_for(lambda: not provider.connections)


def test_the_end_of_one_answer_does_not_cut_another(make: Make, provider: providers.Provider) -> None:
    model = make()
    provider.plan(providers.Chat(["one"]), providers.Chat(["a", "b", "c"], pause=0.1))
    first = model.stream(prompt(), max_tokens=100)
    list(first)
    second = model.stream(prompt(), max_tokens=100)
    pieces = [next(second)]
    first.close()
    assert [*pieces, *second][:3] == ["a", "b", "c"]
    assert len({request.port for request in provider.requests}) == 2


def wait_for(is_so: Callable[[], bool]) -> bool:
    """Whether it is so within two seconds."""
    deadline = time.monotonic() + 2
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def _drain(stream: completion.CompletionStream) -> None:
    with pytest.raises(errors.ChatError):
        list(stream)


def test_closing_before_the_start_sends_nothing(make: Make, provider: providers.Provider) -> None:
    stream = make().stream(prompt(), max_tokens=100)
    stream.close()
    with pytest.raises(errors.ChatCut):
        next(stream)
    assert provider.requests == []


@pytest.mark.parametrize(
    ("error", "attempt", "wait"),
    [
        (errors.ChatRateLimited(retry_after=2), 1, 2.25),
        (errors.ChatRateLimited(retry_after=4), 1, None),
        (errors.ChatError(), 1, 0.5),
        (errors.ChatError(), 2, None),
        (errors.ChatTimeout(), 1, None),
        (errors.ChatQuotaExhausted(), 1, None),
    ],
)
def test_only_what_passes_soon_is_waited_for(error: errors.ChatError, attempt: int, wait: float | None) -> None:
    assert completion.wait_before_retry(error, attempt, 0.5) == wait
