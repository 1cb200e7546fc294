"""Texts to vectors, by the model that the settings name.

    embeddings.configured()            the model for new indexes
    embeddings.for_model(name)         the model that an index was made with, for the questions about it

A vector is an `array("f")` of `dimensions` floats. Adapters are imported when they are first asked for: one costs tens
of megabytes, and the local one needs packages that a server with a key does not install.
"""

import array
import importlib
import logging
import math
import threading
from collections.abc import Sequence
from decimal import Decimal
from inspect import cleandoc
from typing import TYPE_CHECKING, ClassVar, Protocol

from django.conf import settings

if TYPE_CHECKING:
    Vector = array.array[float]
else:
    Vector = array.array  # typecode "f"; takes no parameter before Python 3.12

# An index keeps the name of what made it, and vectors are only reused under the same one. Those of the published
# weights and of the same in 8 bits differ a little: a question may go to either, an index holds one kind.
LOCAL_MODEL, LOCAL_MODEL_BEFORE = "all-MiniLM-L6-v2-int8", "all-MiniLM-L6-v2"
FAKE_MODEL = "fake"

# Vectors are stored in halves: longer ones overflow, shorter ones vanish. A real one is about 1 long.
SHORTEST, LONGEST = 1e-3, 65_504.0


class EmbeddingError(Exception):
    """The texts could not be embedded."""

    code: ClassVar[str] = "embedding"
    permanent: ClassVar[bool] = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        """The sentence is the class's docstring, then `detail`. `retry_after`: seconds the provider asks to wait."""
        sentence = " ".join(cleandoc(self.__doc__ or "").split())
        super().__init__(f"{sentence} {detail}".strip())
        self.retry_after = retry_after


class ProviderUnavailable(EmbeddingError):
    """The embedding provider could not be reached or did not answer. It is tried again; if this lasts, check
    OPENAI_BASE_URL, RAG_TIMEOUT and the provider's status page."""

    code = "embedding_unavailable"
    permanent = False


class RateLimited(EmbeddingError):
    """The embedding provider refuses more requests for now. It is tried again; raise RAG_DELAY if this is frequent."""

    code = "embedding_rate_limited"
    permanent = False


class QuotaExhausted(EmbeddingError):
    """The embedding provider's quota is used up. Add credit to the account of OPENAI_API_KEY, then process again."""

    code = "embedding_quota"


class KeyRefused(EmbeddingError):
    """The embedding provider refuses the key. Check OPENAI_API_KEY, and that it may use OPENAI_EMBEDDING_MODEL."""

    code = "embedding_key"


class ModelMissing(EmbeddingError):
    """The embedding provider has no such model. Check OPENAI_EMBEDDING_MODEL and OPENAI_BASE_URL."""

    code = "embedding_model"


class InputRefused(EmbeddingError):
    """These texts cannot be embedded."""

    code = "embedding_input"


class RequestRefused(EmbeddingError):
    """The embedding provider does not take requests like ours. Check OPENAI_BASE_URL and OPENAI_EMBEDDING_MODEL."""

    code = "embedding_request"


class BadVectors(EmbeddingError):
    """The embedding provider answered with vectors that cannot be right, and none was stored. Check
    OPENAI_EMBEDDING_MODEL and OPENAI_BASE_URL."""

    code = "embedding_vectors"


class EmbedderMissing(EmbeddingError):
    """There is no embedding model to use here."""

    code = "embedding_missing"


class Embedder(Protocol):
    """Safe to share between threads. `tokens_used` counts what all calls so far were billed for."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def dimensions(self) -> int:
        """Floats a vector; 0 for a provider's unknown model until its first answer."""

    @property
    def waits(self) -> bool:
        """Whether calls are to be spaced by RAG_DELAY."""

    @property
    def max_batch(self) -> int:
        """Texts a call."""

    @property
    def max_batch_tokens(self) -> int:
        """Tokens a call, as `tokens.count` counts."""

    @property
    def price_per_million_tokens(self) -> Decimal:
        """USD; 0 where it is free or unknown."""

    @property
    def tokens_used(self) -> int: ...
    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One checked vector a text, in order. Raises EmbeddingError."""

    def embed_query(self, text: str) -> Vector:
        """The vector of a question. Raises EmbeddingError."""


log = logging.getLogger(__name__)
_built: dict[tuple[object, ...], Embedder] = {}
_building = threading.Lock()


def configured() -> Embedder:
    """The embedder for new indexes, one a process. Raises EmbedderMissing."""
    provider = settings.EMBEDDING_PROVIDER
    if provider == "auto":
        provider = "openai" if settings.OPENAI_API_KEY else "local"
    models = {"openai": settings.OPENAI_EMBEDDING_MODEL, "local": LOCAL_MODEL, "fake": FAKE_MODEL}
    if provider not in models:
        raise EmbedderMissing(f"EMBEDDING_PROVIDER={provider!r} is unknown. Set it to auto, openai, local or fake.")
    return _embedder(provider, models[provider])


def for_model(model: str) -> Embedder:
    """The embedder that makes the vectors of `model`, whatever is configured for new ones. Raises EmbedderMissing."""
    if model == FAKE_MODEL and settings.EMBEDDING_PROVIDER != "fake":
        raise EmbedderMissing("This index was made with the fake model for tests. Process the project again.")
    if model in (LOCAL_MODEL, LOCAL_MODEL_BEFORE):
        return _embedder("local", LOCAL_MODEL)
    return _embedder("fake" if model == FAKE_MODEL else "openai", model)


def warm() -> None:
    """Load the configured model, so that the first question does not wait for it. What is wrong is logged."""
    try:
        configured()
    except EmbeddingError as error:
        log.warning("Questions cannot be embedded: %s", error)


def prepared(texts: Sequence[str]) -> list[str]:
    """`texts` as every adapter takes them: lone surrogates replaced. Raises InputRefused when one is blank."""
    if not all(text.strip() for text in texts):
        raise InputRefused("One of them is empty.")
    return [text.encode("utf-8", "replace").decode() for text in texts]


def check(vectors: Sequence[Vector], count: int, dimensions: int) -> None:
    """Raises BadVectors unless there are `count` vectors of `dimensions` finite floats that are not all zero."""
    if len(vectors) != count:
        raise BadVectors(f"There were {len(vectors)} for {count} texts.")
    for vector in vectors:
        if len(vector) != dimensions:
            raise BadVectors(f"One has {len(vector)} dimensions instead of {dimensions}.")
        # Also refuses NaN and infinities, which no comparison or only one holds for.
        if not SHORTEST <= math.hypot(*vector) <= LONGEST:
            raise BadVectors("One is zero or not finite.")


def _embedder(provider: str, model: str) -> Embedder:
    # By everything that a client is built from, so that a changed setting is never answered by an old client.
    key = (provider, model, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.RAG_TIMEOUT)
    with _building:
        if key not in _built:
            _built[key] = _build(provider, model)
        return _built[key]


def _build(provider: str, model: str) -> Embedder:
    try:
        adapter = importlib.import_module(f"rag.embeddings.{provider}")
    except ImportError as error:
        raise EmbedderMissing(
            f"The package {error.name} is not installed. Install requirements-local.txt, or set OPENAI_API_KEY."
        ) from error
    embedder: Embedder = adapter.build(model)
    return embedder
