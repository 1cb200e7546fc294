"""Which model is chosen, and what every adapter has in common."""

import array
import importlib
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django import Settings

from rag import embeddings, providers
from rag.embeddings import fake, openai

KEY = "not-a-real-key"


def vector(*values: float) -> embeddings.Vector:
    return array.array("f", values)


def test_a_key_chooses_openai(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "auto", KEY

    embedder = embeddings.configured()

    assert (embedder.provider, embedder.model, embedder.dimensions) == ("openai", "text-embedding-3-small", 1536)


@pytest.mark.model
def test_the_local_model_is_chosen_without_a_key(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "auto", ""

    assert embeddings.configured().provider == "local"


def test_the_fake_is_chosen_by_name(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "fake", KEY

    assert embeddings.configured().provider == "fake"


def test_an_unknown_provider_is_refused_with_the_known_ones(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER = "groq"

    with pytest.raises(embeddings.EmbedderMissing, match=r"EMBEDDING_PROVIDER='groq'.*auto or one of: openai, azure"):
        embeddings.configured()


def test_there_is_one_embedder_a_process(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", f"{KEY}-shared"

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: embeddings.configured(), range(64)))

    assert len(set(map(id, found))) == 1


def test_a_changed_key_is_used_at_once(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", f"{KEY}-old"
    old = embeddings.configured()

    settings.OPENAI_API_KEY = f"{KEY}-new"

    assert embeddings.configured() is not old


def test_openai_without_a_key_says_what_to_set(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", ""

    with pytest.raises(embeddings.EmbedderMissing, match="Set OPENAI_API_KEY"):
        embeddings.configured()


def test_a_key_in_curly_quotes_is_refused_before_any_request(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", f"“{KEY}”"

    with pytest.raises(embeddings.EmbedderMissing, match="OPENAI_API_KEY holds characters") as caught:
        embeddings.configured()

    assert KEY not in str(caught.value)


@pytest.mark.parametrize("address", ["http://host:port/v1", "localhost:8080/v1", "https://me:secret@host/v1"])
def test_an_impossible_base_url_says_which_setting_it_is(settings: Settings, address: str) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", KEY
    settings.OPENAI_BASE_URL = address

    with pytest.raises(embeddings.EmbedderMissing, match="OPENAI_BASE_URL"):
        embeddings.configured()


def test_a_missing_package_says_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name}", name="onnxruntime")

    settings.EMBEDDING_PROVIDER, settings.RAG_TIMEOUT = "local", 21  # not one that is built already
    monkeypatch.setattr(importlib, "import_module", absent)

    with pytest.raises(embeddings.EmbedderMissing, match=r"onnxruntime.*Install requirements-local\.txt"):
        embeddings.configured()


def test_an_index_is_asked_with_the_model_that_made_it(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "fake", KEY

    assert embeddings.for_model("text-embedding-3-large").dimensions == 3072


@pytest.mark.model
def test_an_index_of_the_model_in_32_bits_is_still_asked(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER = "local"

    assert embeddings.for_model(embeddings.LOCAL_MODEL_BEFORE) is embeddings.configured()


def test_an_index_with_shorter_vectors_is_asked_with_such(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "fake", KEY

    assert embeddings.for_model("text-embedding-3-large", "openai", 512).dimensions == 512


def test_an_index_is_asked_at_the_provider_that_made_it(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY, settings.TOGETHER_API_KEY = "openai", KEY, KEY

    embedder = embeddings.for_model("some/model", "together", 768)

    assert (embedder.provider, embedder.model, embedder.dimensions) == ("together", "some/model", 768)


def test_an_index_by_a_model_that_has_moved_is_asked_where_it_is_now(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "azure", ""
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_KEY = "https://me.example", KEY
    settings.AZURE_OPENAI_EMBEDDING_DEPLOYMENT = "mine"
    settings.AZURE_OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"

    assert embeddings.for_model("text-embedding-3-small", "openai", 1_536).provider == "azure"


def test_a_deployment_that_does_not_say_its_model_is_no_other_ones(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "azure", ""
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_KEY = "https://me.example", KEY
    settings.AZURE_OPENAI_EMBEDDING_DEPLOYMENT = "text-embedding-3-small"

    assert embeddings.configured().model == "azure:text-embedding-3-small"
    with pytest.raises(embeddings.EmbedderMissing, match="OPENAI_API_KEY is not set"):
        embeddings.for_model("text-embedding-3-small", "openai", 1_536)


def test_an_index_by_another_deployment_says_what_to_set(settings: Settings) -> None:
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_KEY = "https://me.example", KEY
    settings.AZURE_OPENAI_EMBEDDING_DEPLOYMENT, settings.AZURE_OPENAI_EMBEDDING_MODEL = "new", "text-embedding-3-large"

    with pytest.raises(embeddings.EmbedderMissing, match="Set AZURE_OPENAI_EMBEDDING_MODEL to it, with the AZURE"):
        embeddings.for_model("text-embedding-3-small", "azure", 1_536)


def test_the_same_name_at_another_server_of_ones_own_is_another_model(settings: Settings) -> None:
    settings.LMSTUDIO_EMBEDDING_MODEL = settings.EMBEDDING_MODEL = "nomic"
    settings.EMBEDDING_BASE_URL = "http://localhost:11434/v1"

    assert providers.embedding("lmstudio").identity != providers.embedding("compatible").identity
    assert embeddings.for_model("lmstudio:nomic", "lmstudio", 768).provider == "lmstudio"


def test_an_index_by_a_provider_of_another_version_is_told(settings: Settings) -> None:
    with pytest.raises(embeddings.EmbedderMissing, match="made by gone, which is unknown"):
        embeddings.for_model("some-model", "gone", 768)


@pytest.mark.parametrize(
    ("provider", "model", "wanted", "sentence"),
    [
        ("openai", "text-embedding-ada-002", 512, "is not known to give other than its own"),
        ("openai", "text-embedding-3-small", 2_000, "text-embedding-3-small has 1536"),
        ("local", "", 128, "all-MiniLM-L6-v2-int8 is not known"),
        ("azure", "", 512, "say with AZURE_OPENAI_EMBEDDING_MODEL"),
    ],
)
def test_dimensions_that_cannot_be_had_are_refused(
    settings: Settings, provider: str, model: str, wanted: int, sentence: str
) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_DIMENSIONS, settings.OPENAI_API_KEY = provider, wanted, KEY
    settings.OPENAI_EMBEDDING_MODEL, settings.AZURE_OPENAI_EMBEDDING_DEPLOYMENT = model, "mine"
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_KEY = "https://me.example", KEY

    with pytest.raises(embeddings.EmbedderMissing, match=sentence):
        embeddings.configured()


def test_an_index_of_the_fake_is_not_asked_when_the_fake_is_not_named(settings: Settings) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", KEY

    with pytest.raises(embeddings.EmbedderMissing, match="Process the project again"):
        embeddings.for_model("fake")


def test_warming_up_without_a_model_is_logged_and_no_more(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.EMBEDDING_PROVIDER, settings.OPENAI_API_KEY = "openai", ""

    embeddings.warm()

    assert "Set OPENAI_API_KEY" in caplog.text


@pytest.mark.parametrize(
    "vectors",
    [
        pytest.param([vector(1, 0)], id="one too few"),
        pytest.param([vector(1, 0)] * 3, id="one too many"),
        pytest.param([vector(1, 0), vector(1)], id="wrong dimensions"),
        pytest.param([vector(1, 0), vector(0, 0)], id="zero"),
        pytest.param([vector(1, 0), vector(1e-9, 0)], id="vanishes in halves"),
        pytest.param([vector(1, 0), vector(1, float("nan"))], id="not a number"),
        pytest.param([vector(1, 0), vector(1, float("-inf"))], id="infinite"),
        pytest.param([vector(1, 0), vector(1, 70_000)], id="overflows in halves"),
    ],
)
def test_vectors_that_cannot_be_right_are_refused(vectors: list[embeddings.Vector]) -> None:
    with pytest.raises(embeddings.BadVectors):
        embeddings.check(vectors, 2, 2)


def test_right_vectors_pass() -> None:
    embeddings.check([vector(1, 0), vector(-0.6, 0.8)], 2, 2)


def test_lone_surrogates_are_replaced() -> None:
    assert embeddings.prepared(["a\ud800b"]) == ["a?b"]


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_a_blank_text_is_refused(blank: str) -> None:
    with pytest.raises(embeddings.InputRefused, match="empty"):
        embeddings.prepared(["text", blank])


def test_an_error_is_its_docstring_on_one_line_and_the_detail() -> None:
    error = embeddings.RateLimited("(The provider answered 429.)", retry_after=3)

    assert "\n" not in str(error)
    assert str(error).startswith("The embedding provider refuses more requests for now.")
    assert str(error).endswith("(The provider answered 429.)")


def test_only_what_passes_by_itself_is_not_permanent() -> None:
    passing = {error for error in embeddings.EmbeddingError.__subclasses__() if not error.permanent}

    assert passing == {embeddings.ProviderUnavailable, embeddings.RateLimited}


def test_every_error_has_a_code_of_its_own() -> None:
    errors: list[type[embeddings.EmbeddingError]] = [embeddings.EmbeddingError]
    codes = [error.code for error in errors + embeddings.EmbeddingError.__subclasses__()]

    assert len(set(codes)) == len(codes)
    assert max(map(len, codes)) <= 40


@pytest.mark.model
def test_the_adapters_take_and_have_the_same() -> None:
    local = importlib.import_module("rag.embeddings.local")  # late: its packages may be missing
    real = _public(openai.OpenAIEmbedder)

    assert _public(fake.FakeEmbedder) == real
    assert _public(local.LocalEmbedder) == real
    assert inspect.signature(local.build).parameters == inspect.signature(fake.build).parameters


def _public(adapter: type) -> dict[str, object]:
    """Methods with their signatures."""
    methods = inspect.getmembers(adapter, inspect.isfunction)
    return {name: inspect.signature(method) for name, method in methods if not name.startswith("_")}
