"""OpenAI's adapter through the real SDK, against a server on this computer that speaks the protocol."""

import array
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from rag import embeddings, tokens
from rag.embeddings import openai

KEY = "sk-test-0123456789"
TEXTS = ["first", "second", "third"]
Handler = Callable[[Request], Response]
Build = Callable[..., openai.OpenAIEmbedder]


@pytest.fixture
def build(settings: Settings, httpserver: HTTPServer) -> Build:
    """An embedder that talks to the test's server."""

    def built(model: str = "text-embedding-3-small", *, url: str = "", timeout: float = 5) -> openai.OpenAIEmbedder:
        settings.OPENAI_API_KEY, settings.RAG_TIMEOUT = KEY, timeout
        settings.OPENAI_BASE_URL = url or httpserver.url_for("/v1")
        return openai.build(model)

    return built


@pytest.fixture
def answer(httpserver: HTTPServer) -> Callable[[Handler], None]:
    def with_handler(handler: Handler) -> None:
        httpserver.expect_request("/v1/embeddings", method="POST").respond_with_handler(handler)

    return with_handler


def numbers(text: str, dimensions: int = 1536) -> list[float]:
    return [float(len(text)), *[0.5] * (dimensions - 1)]


def packed(values: list[float]) -> str:
    return base64.b64encode(array.array("f", values).tobytes()).decode()


def items(texts: list[str], dimensions: int = 1536) -> list[dict[str, Any]]:
    return [
        {"object": "embedding", "index": index, "embedding": packed(numbers(text, dimensions))}
        for index, text in enumerate(texts)
    ]


def body(data: Any) -> Response:
    content = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 7, "total_tokens": 7}}
    return Response(json.dumps(content), content_type="application/json")


def well(request: Request) -> Response:
    return body(items(request.get_json()["input"]))


def test_vectors_come_in_the_order_of_the_texts(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(well)

    vectors = build().embed_documents(TEXTS)

    assert [vector[0] for vector in vectors] == [5.0, 6.0, 5.0]
    assert all(vector.typecode == "f" and len(vector) == 1536 for vector in vectors)


def test_the_request_is_what_the_provider_documents(build: Build, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_handler(well)

    build().embed_documents(TEXTS)

    request = httpserver.log[0][0]
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.get_json() == {"model": "text-embedding-3-small", "input": TEXTS, "encoding_format": "base64"}


def test_a_shuffled_answer_is_put_in_order(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(lambda request: body(items(request.get_json()["input"])[::-1]))

    vectors = build().embed_documents(TEXTS)

    assert [vector[0] for vector in vectors] == [5.0, 6.0, 5.0]


def test_a_server_that_knows_no_base64_is_understood(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(lambda _: body([{"index": 0, "embedding": numbers("first")}]))

    assert build().embed_query("first")[0] == 5.0


def test_tokens_are_counted_as_the_provider_bills_them(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(well)
    embedder = build()

    embedder.embed_documents(TEXTS)
    embedder.embed_query("question")

    assert embedder.tokens_used == 14


def test_tokens_are_estimated_when_the_answer_does_not_say(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(lambda _: Response(json.dumps({"data": items(["first"])}), content_type="application/json"))
    embedder = build()

    embedder.embed_query("first")

    assert embedder.tokens_used == tokens.count("first")


def test_an_unknown_models_dimensions_are_learned_from_it(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(lambda request: body(items(request.get_json()["input"], dimensions=768)))

    assert build("nomic-embed-text").dimensions == 768


def test_an_unknown_model_must_keep_its_dimensions(build: Build, answer: Callable[[Handler], None]) -> None:
    answer(lambda request: body(items(request.get_json()["input"], dimensions=len(request.get_json()["input"][0]))))
    embedder = build("nomic-embed-text")
    embedder.embed_query("four")

    with pytest.raises(embeddings.BadVectors, match="instead of 4"):
        embedder.embed_query("longer")


def test_no_texts_make_no_request(build: Build, httpserver: HTTPServer) -> None:
    assert build().embed_documents([]) == []
    assert httpserver.log == []


def test_prices_are_known_for_the_known_models(build: Build) -> None:
    assert all(build(model).price_per_million_tokens > 0 for model in openai.DIMENSIONS)
    assert build("nomic-embed-text").price_per_million_tokens == 0


@pytest.mark.parametrize("texts", [["text", ""], ["a"] * 2_049, ["many words " * 700] * 120])
def test_a_batch_beyond_the_limits_is_refused_before_any_request(
    build: Build, httpserver: HTTPServer, texts: list[str]
) -> None:
    with pytest.raises(embeddings.InputRefused):
        build().embed_documents(texts)

    assert httpserver.log == []


def test_a_text_beyond_the_limit_is_cut(build: Build, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_handler(well)

    build().embed_documents(["ü" * 20_000])

    (sent,) = httpserver.log[0][0].get_json()["input"]
    assert tokens.count(sent) == openai.TEXT_TOKENS
    assert "was cut" in caplog.text


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "", embeddings.InputRefused),
        (400, "model_not_found", embeddings.ModelMissing),
        (401, "invalid_api_key", embeddings.KeyRefused),
        (402, "", embeddings.QuotaExhausted),
        (403, "", embeddings.KeyRefused),
        (404, "model_not_found", embeddings.ModelMissing),
        (408, "", embeddings.ProviderUnavailable),
        (409, "", embeddings.ProviderUnavailable),
        (413, "", embeddings.InputRefused),
        (422, "", embeddings.InputRefused),
        (418, "", embeddings.RequestRefused),
        (429, "insufficient_quota", embeddings.QuotaExhausted),
        (429, "rate_limit_exceeded", embeddings.RateLimited),
        (500, "", embeddings.ProviderUnavailable),
        (502, "", embeddings.ProviderUnavailable),
        (503, "", embeddings.ProviderUnavailable),
        (504, "", embeddings.ProviderUnavailable),
    ],
)
def test_a_refusal_says_what_to_do_and_no_secret(
    build: Build, httpserver: HTTPServer, status: int, code: str, expected: type[embeddings.EmbeddingError]
) -> None:
    error = {"error": {"message": f"Key {KEY} and text first", "type": code, "code": code}}
    httpserver.expect_request("/v1/embeddings").respond_with_json(error, status=status)

    with pytest.raises(expected, match=f"The provider answered {status}") as caught:
        build().embed_documents(TEXTS)

    assert type(caught.value) is expected
    assert KEY not in str(caught.value)
    assert len(httpserver.log) == 1


def test_a_proxys_page_of_html_is_an_outage(build: Build, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data("<html>", status=502, content_type="text/html")

    with pytest.raises(embeddings.ProviderUnavailable):
        build().embed_documents(TEXTS)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        ("0.5", 0.5),
        ("3600", 3600.0),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        (None, None),
    ],
)
def test_retry_after_is_read(build: Build, httpserver: HTTPServer, header: str | None, seconds: float | None) -> None:
    headers = {"Retry-After": header} if header else {}
    httpserver.expect_request("/v1/embeddings").respond_with_data("{}", status=429, headers=headers)

    with pytest.raises(embeddings.RateLimited) as caught:
        build().embed_documents(TEXTS)

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(("offset", "low", "high"), [(60, 50, 61), (-60, 0, 0)])
def test_retry_after_may_be_a_date(
    build: Build, httpserver: HTTPServer, offset: float, low: float, high: float
) -> None:
    headers = {"Retry-After": formatdate(time.time() + offset, usegmt=True)}
    httpserver.expect_request("/v1/embeddings").respond_with_data("{}", status=503, headers=headers)

    with pytest.raises(embeddings.ProviderUnavailable) as caught:
        build().embed_documents(TEXTS)

    assert caught.value.retry_after is not None
    assert low <= caught.value.retry_after <= high


def _with(item: dict[str, Any]) -> str:
    return body([*items(TEXTS)[:2], {"index": 2, **item}]).get_data(as_text=True)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("<html>", id="no JSON"),
        pytest.param('{"data": [', id="half JSON"),
        pytest.param("[" * 100_000, id="JSON without a bottom"),
        pytest.param('{"error": {"message": "overloaded"}}', id="an error with 200"),
        pytest.param("[]", id="another kind of JSON"),
        pytest.param('{"data": null}', id="no data"),
        pytest.param(body(items(TEXTS)[:2]).get_data(as_text=True), id="one too few"),
        pytest.param(body(items([*TEXTS, "fourth"])).get_data(as_text=True), id="one too many"),
        pytest.param(body([items(TEXTS)[0]] * 3).get_data(as_text=True), id="one index thrice"),
        pytest.param(_with({"embedding": packed(numbers("third", 1535))}), id="wrong dimensions"),
        pytest.param(_with({"embedding": packed([0.0] * 1536)}), id="zero"),
        pytest.param(_with({"embedding": packed([float("nan")] * 1536)}), id="not a number"),
        pytest.param(_with({"embedding": [float("inf")] * 1536}), id="infinite"),
        pytest.param(_with({"embedding": [1e300] * 1536}), id="beyond a float"),
        pytest.param(_with({"embedding": [None] * 1536}), id="nulls"),
        pytest.param(_with({"embedding": None}), id="null"),
        pytest.param(_with({"embedding": "AAA"}), id="bad base64"),
        pytest.param(_with({"embedding": "AAAA"}), id="three bytes"),
        pytest.param(_with({}), id="no embedding"),
    ],
)
def test_an_answer_that_cannot_be_right_is_refused(build: Build, httpserver: HTTPServer, content: str) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data(content, content_type="application/json")

    with pytest.raises(embeddings.BadVectors):
        build().embed_documents(TEXTS)


def test_an_endless_answer_is_not_read_to_its_end(build: Build, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data(b" " * 5_000_000, content_type="application/json")

    with pytest.raises(embeddings.BadVectors, match="too large"):
        build().embed_documents(TEXTS)


def test_a_question_is_asked_again_when_it_failed_at_once(build: Build, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/v1/embeddings").respond_with_data("", status=503, headers={"Retry-After": "0"})
    httpserver.expect_ordered_request("/v1/embeddings").respond_with_handler(well)

    assert build().embed_query("first")[0] == 5.0


def test_a_question_does_not_wait_for_long(build: Build, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data("", status=429, headers={"Retry-After": "60"})

    with pytest.raises(embeddings.RateLimited):
        build().embed_query("first")

    assert len(httpserver.log) == 1


@contextmanager
def bare_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server below HTTP: `behave` gets each connection once its request has begun. Yields its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n")
    try:
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)
    except OSError:  # the client has hung up, as it should
        return


def half(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"data": [')


def silence(connection: socket.socket) -> None:
    connection.recv(65_536)  # until the client hangs up
    connection.recv(65_536)


def headers_then_silence(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n")
    silence(connection)


@pytest.mark.parametrize("behave", [socket.socket.close, half, silence, headers_then_silence, trickle])
def test_a_connection_that_fails_is_an_outage(build: Build, behave: Callable[[socket.socket], None]) -> None:
    with bare_server(behave) as url:
        embedder = build(url=url, timeout=0.4)
        started = time.monotonic()

        with pytest.raises(embeddings.ProviderUnavailable, match="OPENAI_BASE_URL"):
            embedder.embed_documents(TEXTS)

    assert time.monotonic() - started < 3


def test_nobody_listening_is_an_outage(build: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(embeddings.ProviderUnavailable):
        build(url=f"http://127.0.0.1:{port}/v1").embed_documents(TEXTS)
