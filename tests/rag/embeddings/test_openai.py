"""The adapter through the real SDK, in the dialect of every provider. What goes wrong is in tests/providers."""

import array
import base64
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from rag import embeddings, tokens
from rag.embeddings import openai
from tests.providers import Altered, Chat, Embeddings, Provider, Raw, Refusal, dialects, serving

TEXTS = ["first", "second", "third"]
EMBEDDING = [dialect for dialect in dialects.ALL if dialect.embeds]


@pytest.fixture(params=EMBEDDING, ids=lambda dialect: dialect.name)
def provider(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Provider]:
    """Every provider's server, chosen by the settings."""
    yield from _chosen(request.param, settings)


@pytest.fixture
def openais(settings: Settings) -> Iterator[Provider]:
    yield from _chosen(dialects.OPENAI, settings)


def _chosen(dialect: dialects.Dialect, settings: Settings) -> Iterator[Provider]:
    with serving(dialect) as running:
        running.lead(settings)
        settings.EMBEDDING_PROVIDER = dialect.name
        yield running


def test_vectors_come_in_the_order_of_the_texts(provider: Provider) -> None:
    provider.plan(Altered(lambda items: items[::-1]))
    embedder = embeddings.configured()

    turned, straight = embedder.embed_documents(TEXTS), embedder.embed_documents(TEXTS)

    assert turned == straight
    assert len({vector.tobytes() for vector in turned}) == 3
    assert all(vector.typecode == "f" and len(vector) == embedder.dimensions for vector in turned)


def test_the_request_is_what_the_provider_documents(provider: Provider) -> None:
    embeddings.configured().embed_documents(TEXTS)

    packs = provider.dialect.name in ("openai", "azure")
    expected = {"model": provider.dialect.models[1], "input": TEXTS, "encoding_format": "base64" if packs else "float"}
    assert provider.requests[0].body == expected


def test_the_dimensions_are_those_that_come(provider: Provider) -> None:
    embedder = embeddings.configured()

    assert embedder.dimensions == provider.dialect.dimensions
    assert len(embedder.embed_query("What?")) == embedder.dimensions


def test_a_model_must_keep_its_dimensions(provider: Provider) -> None:
    embedder = embeddings.configured()
    embedder.embed_query("four")
    provider.plan(Embeddings([[0.5] * 5]))

    with pytest.raises(embeddings.BadVectors, match="instead of"):
        embedder.embed_query("longer")


def test_vectors_that_do_not_fit_into_a_row_are_refused(settings: Settings) -> None:
    for server in _chosen(dialects.COMPATIBLE, settings):
        server.plan(Embeddings([[0.5] * 4_096]))
        with pytest.raises(embeddings.BadVectors, match="4096 dimensions"):
            embeddings.configured().embed_query("What?")


def test_tokens_are_counted_as_billed_or_else_estimated(provider: Provider) -> None:
    embedder = embeddings.configured()

    embedder.embed_documents(TEXTS)

    billed = provider.dialect.name not in ("together", "lmstudio")  # which do not say, or say 0
    assert embedder.told.tokens == (6 if billed else sum(map(tokens.count, TEXTS)))


@pytest.mark.parametrize("said", [b"-6", b"1000000000000", b"1e999", b"true"])
def test_tokens_that_cannot_be_true_are_estimated(openais: Provider, settings: Settings, said: bytes) -> None:
    settings.OPENAI_EMBEDDING_MODEL = "a-model-of-two-dimensions"
    answer = b'{"data": [{"index": 0, "embedding": [1, 0]}], "usage": {"prompt_tokens": %s}}' % said
    openais.plan(Raw(answer, "application/json"))
    embedder = embeddings.configured()

    embedder.embed_documents(["first"])

    assert embedder.told.tokens == tokens.count("first")


def test_a_shortened_model_is_asked_for_what_is_wanted_and_checked(openais: Provider, settings: Settings) -> None:
    settings.EMBEDDING_DIMENSIONS = 256

    embedder = embeddings.configured()

    assert (embedder.dimensions, len(embedder.embed_query("What?"))) == (256, 256)
    assert openais.requests[0].body["dimensions"] == 256


def test_a_server_that_does_not_shorten_is_noticed(openais: Provider, settings: Settings) -> None:
    settings.EMBEDDING_DIMENSIONS = 256
    openais.plan(Embeddings([[0.5] * 1_536]))

    with pytest.raises(embeddings.BadVectors, match="1536 dimensions instead of 256"):
        embeddings.configured().embed_query("What?")


def test_the_models_own_number_needs_no_asking(openais: Provider, settings: Settings) -> None:
    settings.EMBEDDING_DIMENSIONS = 1_536

    embeddings.configured().embed_query("What?")

    assert "dimensions" not in openais.requests[0].body


def test_floats_in_base64_are_little_endian() -> None:
    packed = base64.b64encode(array.array("f", [1.0, -0.5]).tobytes()).decode()

    assert list(openai._vector(packed)) == [1.0, -0.5]


def test_no_texts_make_no_request(openais: Provider) -> None:
    assert embeddings.configured().embed_documents([]) == []
    assert openais.requests == []


@pytest.mark.parametrize("texts", [["text", ""], ["a"] * 2_049, ["many words " * 700] * 120])
def test_a_batch_beyond_the_limits_is_refused_before_any_request(openais: Provider, texts: list[str]) -> None:
    with pytest.raises(embeddings.InputRefused):
        embeddings.configured().embed_documents(texts)

    assert openais.requests == []


@pytest.mark.parametrize("limit", [8_192, 512])
def test_a_text_beyond_the_limit_is_cut(
    openais: Provider, settings: Settings, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMBEDDING_TEXT_TOKENS = limit

    embeddings.configured().embed_documents(["ü" * 20_000])

    (sent,) = openais.requests[0].body["input"]
    assert tokens.count(sent) == limit
    assert "was cut" in caplog.text


def test_a_question_is_asked_again_when_it_failed_at_once(provider: Provider) -> None:
    provider.plan(Refusal(503, headers={"Retry-After": "0"}))

    embeddings.configured().embed_query("first")

    assert len(provider.requests) == 2


def test_a_question_that_is_asked_again_is_not_embedded_again(openais: Provider) -> None:
    embedder = embeddings.configured()
    first = embedder.embed_query("How?")

    assert embedder.embed_query("How?") == first
    assert embedder.embed_query("Why?") != first
    assert len(openais.requests) == 2


def test_a_failure_is_not_remembered(openais: Provider) -> None:
    openais.plan(Refusal(401))
    with pytest.raises(embeddings.KeyRefused):
        embeddings.configured().embed_query("How?")

    assert embeddings.configured().embed_query("How?")


def test_a_question_does_not_wait_for_long(provider: Provider) -> None:
    provider.plan(Refusal(429, headers={"Retry-After": "60"}))

    with pytest.raises(embeddings.RateLimited):
        embeddings.configured().embed_query("first")

    assert len(provider.requests) == 1


def test_an_answer_that_is_no_embedding_is_refused(openais: Provider) -> None:
    openais.plan(Chat())

    with pytest.raises(embeddings.BadVectors):
        embeddings.configured().embed_query("first")
