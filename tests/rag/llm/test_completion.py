"""What the providers' models have in common, tried through the real SDKs against a server that speaks the protocol."""

import threading
import time
from collections.abc import Callable

import pytest

from rag import llm
from rag.llm import completion, errors, groq, openai
from tests import providers
from tests.rag.passages import prompt

Model = groq.Groq | openai.OpenAI
Make = Callable[..., Model]


@pytest.fixture(params=["groq", "openai"])
def make(request: pytest.FixtureRequest, provider: providers.Provider) -> Make:
    def model(name: str = "some-model", timeout: float = 5.0) -> Model:
        if request.param == "groq":
            return groq.Groq(model=name, api_key="key", base_url=provider.url, timeout=timeout, connections=4)
        return openai.OpenAI(model=name, api_key="key", base_url=provider.url, timeout=timeout, connections=4)

    return model


def read(model: Model) -> tuple[list[str | llm.Usage], errors.ChatError | None]:
    """What came, and how it failed."""
    pieces: list[str | llm.Usage] = []
    try:
        for piece in model.stream(prompt(), max_tokens=100):
            pieces.append(piece)
    except errors.ChatError as error:
        return pieces, error
    return pieces, None


def failure(model: Model) -> errors.ChatError:
    _, error = read(model)
    assert error is not None
    return error


def test_pieces_come_in_order_and_the_usage_last(make: Make) -> None:
    assert read(make()) == (["Hello", " [1]", llm.Usage(tokens_in=11, tokens_out=7)], None)


def test_the_messages_arrive_as_they_were_built(make: Make, provider: providers.Provider) -> None:
    read(make())
    sent = provider.requests[0].body["messages"]
    assert sent == [{"role": message.role, "content": message.content} for message in prompt().messages]


def test_the_key_travels_in_the_header_only(make: Make, provider: providers.Provider) -> None:
    read(make())
    request = provider.requests[0]
    assert request.headers["authorization"] == "Bearer key"
    assert "key" not in str(request.body["model"])


def test_nothing_is_sent_before_the_first_piece_is_asked_for(make: Make, provider: providers.Provider) -> None:
    make().stream(prompt(), max_tokens=100)
    assert provider.requests == []


def test_reasoning_is_not_shown(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["Answer"], reasoning="Let me think", usage=None))
    assert read(make()) == (["Answer"], None)


def test_an_answer_without_usage_is_complete(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(usage=None))
    assert read(make()) == (["Hello", " [1]"], None)


def test_an_answer_that_finished_needs_no_end_mark(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(done=False))
    assert read(make())[1] is None


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (providers.Refusal(400, "context_length_exceeded"), errors.ChatRequestRefused),
        (providers.Refusal(400, "The model has been decommissioned"), errors.ChatModelMissing),
        (providers.Refusal(401, "Incorrect API key provided: key"), errors.ChatKeyRefused),
        (providers.Refusal(402), errors.ChatQuotaExhausted),
        (providers.Refusal(403), errors.ChatKeyRefused),
        (providers.Refusal(404, "no such model"), errors.ChatModelMissing),
        (providers.Refusal(413, "too large"), errors.ChatRequestRefused),
        (providers.Refusal(422), errors.ChatRequestRefused),
        (providers.Refusal(429, "You exceeded your current quota", "insufficient_quota"), errors.ChatQuotaExhausted),
        (providers.Refusal(429, headers={"Retry-After": "60"}), errors.ChatRateLimited),
    ],
)
def test_a_refusal_becomes_its_error_at_once(
    make: Make, provider: providers.Provider, refusal: providers.Refusal, expected: type[errors.ChatError]
) -> None:
    provider.plan(refusal)
    assert type(failure(make())) is expected
    assert len(provider.requests) == 1


def test_no_error_repeats_what_the_provider_said(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Refusal(401, "Incorrect API key provided: key-canary"))
    assert "canary" not in str(failure(make()))


def test_a_rate_limit_says_how_long_to_wait(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Refusal(429, headers={"Retry-After": "60"}))
    assert failure(make()).retry_after == 60


@pytest.mark.parametrize("retry_after", ["", "garbage", "Wed, 21 Oct 2026 07:28:00 GMT", "nan", "-1"])
def test_a_retry_after_of_no_use_is_none(
    make: Make, provider: providers.Provider, retry_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "wait_before_retry", lambda error, attempt: None)
    provider.plan(providers.Refusal(429, headers={"Retry-After": retry_after}))
    assert failure(make()).retry_after is None


@pytest.mark.parametrize("first", [providers.Refusal(429, headers={"Retry-After": "0"}), providers.Refusal(503)])
def test_a_passing_failure_is_tried_once_more(
    make: Make, provider: providers.Provider, first: providers.Refusal
) -> None:
    provider.plan(first)
    assert read(make())[1] is None
    assert len(provider.requests) == 2


def test_a_lasting_failure_is_not_tried_a_third_time(make: Make, provider: providers.Provider) -> None:
    provider.plan(*[providers.Refusal(500)] * 3)
    assert failure(make()).code == "unavailable"
    assert len(provider.requests) == 2


def test_a_cut_stream_keeps_what_came(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["a", "b"], cut=True))
    pieces, error = read(make())
    assert pieces == ["a", "b"]
    assert isinstance(error, errors.ChatCut)


def test_a_stream_without_a_reason_to_end_was_cut(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["a"], finish=None))
    assert isinstance(failure(make()), errors.ChatCut)


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


def test_an_empty_answer_is_none(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat([]))
    assert isinstance(failure(make()), errors.ChatGarbled)


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
        b'data: {"choices": [{"delta": null}]}\n\n',
        b"data: \xff\xfe\n\n",
    ],
)
def test_garbage_is_an_error_of_ours(make: Make, provider: providers.Provider, garbage: bytes) -> None:
    provider.plan(providers.Raw(garbage))
    assert isinstance(failure(make()), errors.ChatGarbled)


def test_an_error_inside_the_stream_is_noticed(make: Make, provider: providers.Provider) -> None:
    provider.plan(*[providers.Raw(b'data: {"error": {"message": "overloaded"}}\n\n')] * 2)
    assert failure(make()).code == "unavailable"


def test_silence_after_the_first_pieces_is_a_timeout(make: Make, provider: providers.Provider) -> None:
    provider.plan(providers.Chat(["a"], hang=5))
    pieces, error = read(make(timeout=0.3))
    assert pieces == ["a"]
    assert isinstance(error, errors.ChatTimeout)


def test_a_provider_that_never_answers_is_a_timeout_and_not_asked_again(
    make: Make, provider: providers.Provider
) -> None:
    provider.plan(providers.Hang(5))
    assert isinstance(failure(make(timeout=0.3)), errors.ChatTimeout)
    assert len(provider.requests) == 1


def test_a_provider_that_is_not_there_is_unreachable(make: Make, provider: providers.Provider) -> None:
    provider.stop()
    assert isinstance(failure(make()), errors.ChatUnreachable)


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
        (errors.ChatRateLimited(retry_after=2), 1, 2),
        (errors.ChatRateLimited(retry_after=4), 1, None),
        (errors.ChatError(), 1, 0.5),
        (errors.ChatError(), 2, None),
        (errors.ChatTimeout(), 1, None),
        (errors.ChatQuotaExhausted(), 1, None),
    ],
)
def test_only_what_passes_soon_is_waited_for(error: errors.ChatError, attempt: int, wait: float | None) -> None:
    assert completion.wait_before_retry(error, attempt) == wait
