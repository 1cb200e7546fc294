"""Texts to vectors, by the model that the settings name.

    embeddings.configured()                                the model for new indexes
    embeddings.for_model(model, provider, dimensions)      the one that an index was made with, for its questions

A vector is an `array("f")` of `dimensions` floats. Adapters are imported when they are first asked for: one costs tens
of megabytes, and the local one needs packages that a server with a key does not install.
"""

import array
import contextlib
import dataclasses
import importlib
import logging
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from rag import providers, throttle
from rag.embeddings import known
from rag.embeddings.errors import (
    BadVectors,
    EmbedderMissing,
    EmbeddingError,
    InputRefused,
    KeyRefused,
    ModelMissing,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
)

if TYPE_CHECKING:
    Vector = array.array[float]
else:
    Vector = array.array  # typecode "f"; takes no parameter before Python 3.12

__all__ = [
    "BadVectors",
    "Embedder",
    "EmbedderMissing",
    "EmbeddingError",
    "InputRefused",
    "KeyRefused",
    "ModelMissing",
    "ProviderUnavailable",
    "QuotaExhausted",
    "RateLimited",
    "RequestRefused",
    "Told",
    "Vector",
]

# An index keeps the name of what made it, and vectors are only reused under the same one. Those of the published
# weights and of the same in 8 bits differ a little: a question may go to either, an index holds one kind.
LOCAL_MODEL, LOCAL_MODEL_BEFORE = providers.LOCAL_MODEL, "all-MiniLM-L6-v2"
FAKE_MODEL = "fake"

# Vectors are stored in halves: longer ones overflow, shorter ones vanish. A real one is about 1 long.
SHORTEST, LONGEST = 1e-3, 65_504.0


class Embedder(Protocol):
    """Safe to share between threads."""

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
    def told(self) -> throttle.Answer:
        """What this thread's last call brought besides vectors: tokens billed, and the provider's quota."""

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One checked vector a text, in order. Raises EmbeddingError."""

    def embed_query(self, text: str) -> Vector:
        """The vector of a question. Raises EmbeddingError."""

    def remembered(self, text: str) -> Vector | None:
        """The vector of a question that was asked lately, which costs nothing; None: it has to be embedded."""


class Told(threading.local):
    """For adapters: what each thread's last call was told."""

    answer = throttle.Answer()


log = logging.getLogger(__name__)
_built: dict[tuple[object, ...], Embedder] = {}
_building = threading.Lock()


def configured() -> Embedder:
    """The embedder for new indexes, one a process. Raises EmbedderMissing."""
    try:
        access = providers.embedding()
    except KeyError as error:
        names = ", ".join(providers.EMBEDDING)
        unknown = f"EMBEDDING_PROVIDER={settings.EMBEDDING_PROVIDER!r} is unknown. Set it to auto or one of: {names}."
        raise EmbedderMissing(unknown) from error
    problem = access.problem() or known.dimensions_problem(access)
    if problem:
        raise EmbedderMissing(str(problem))
    return _embedder(access, access.identity, settings.EMBEDDING_DIMENSIONS)


def for_model(model: str, provider: str = "", dimensions: int = 0) -> Embedder:
    """The embedder that makes the vectors of `model`, whatever is configured for new ones. Raises EmbedderMissing.

    `provider`: who made them, where that is known; asked only when the configured one does not have this model.
    `dimensions`: how many they have, 0 for the model's own.
    """
    access = reached(model, provider)
    return _embedder(access, LOCAL_MODEL if model == LOCAL_MODEL_BEFORE else model, dimensions)


def reached(model: str, provider: str = "") -> providers.Access:
    """How the model of an index is reached, as the settings are. Loads and asks nothing. Raises EmbedderMissing."""
    if model == FAKE_MODEL and settings.EMBEDDING_PROVIDER != "fake":
        raise EmbedderMissing("This index was made with the fake model for tests. Process the project again.")
    if model == LOCAL_MODEL_BEFORE:
        model = LOCAL_MODEL
    access = _access(model, provider or maker(model))
    problem = access.problem()
    if problem:
        raise EmbedderMissing(f"This index was made with {model}. {problem} Or process the project again.")
    return access


def maker(model: str) -> str:
    """The provider of a model, for indexes of the time before it was recorded."""
    return {LOCAL_MODEL: "local", LOCAL_MODEL_BEFORE: "local", FAKE_MODEL: "fake"}.get(model, "openai")


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


def _access(model: str, provider: str) -> providers.Access:
    """How `model` is reached: as configured when that is the same one, else as its own provider's settings say."""
    for name in (providers.chosen_embedding(), provider):
        with contextlib.suppress(KeyError):
            access = providers.embedding(name)
            if access.identity == model and not access.problem():
                return access
    try:
        access = providers.embedding(provider)
    except KeyError as error:
        raise EmbedderMissing(f"This index was made by {provider}, which is unknown here. Process it again.") from error
    named = dataclasses.replace(access, model=model.removeprefix(f"{provider}:"), really="")
    if named.identity == model:
        return named
    raise EmbedderMissing(
        f"This index was made with {model}. Set {access.reach.really} to it, with the {access.reach.model} of that "
        "model, or process the project again."
    )


def _embedder(access: providers.Access, model: str, dimensions: int) -> Embedder:
    if access.provider.protocol == "here" or dimensions == known.dimensions(access):
        dimensions = 0  # its own: one model is not to be loaded twice
    # By everything that a client is built from, so that a changed setting is never answered by an old client.
    key = (access, model, dimensions, settings.RAG_TIMEOUT, settings.EMBEDDING_TEXT_TOKENS)
    with _building:
        if key not in _built:
            _built[key] = _build(access, model, dimensions)
        return _built[key]


def _build(access: providers.Access, model: str, dimensions: int) -> Embedder:
    is_here = access.provider.protocol == "here"
    try:
        adapter = importlib.import_module(f"rag.embeddings.{access.provider.name if is_here else 'openai'}")
    except ImportError as error:
        raise EmbedderMissing(
            f"The package {error.name} is not installed. Install requirements-local.txt, or set EMBEDDING_PROVIDER to "
            "a provider with a key."
        ) from error
    embedder: Embedder = adapter.build(model) if is_here else adapter.build(access, dimensions)
    return embedder
