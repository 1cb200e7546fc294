"""Vectors by OpenAI, Azure, or whatever else speaks their protocol: who it is, is a row of rag/providers.

Nothing is tried again here but a question that failed at once: for documents the caller decides when, so that a run
can be stopped while it waits.
"""

import array
import base64
import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from random import random
from typing import Any

import httpx2
import openai
from django.conf import settings

from config.faults import point
from rag import embeddings, providers, throttle, tokens
from rag.embeddings import known
from rag.providers import clients, faults, limits, usage
from rag.providers.faults import Fault

KIT = clients.Kit(sdk=openai, http=httpx2)
ANSWER_BYTES_A_FLOAT = 32  # more than JSON needs for one
MOST_DIMENSIONS = 3_500  # a vector stays in its row, which has 8 KB
QUERY_PATIENCE = 3.0  # seconds: a visitor is waiting
CONNECTIONS = 100
QUESTIONS = 256  # whose vectors are kept: 2 MB at most
ERRORS: dict[Fault, type[embeddings.EmbeddingError]] = {
    Fault.KEY: embeddings.KeyRefused,
    Fault.QUOTA: embeddings.QuotaExhausted,
    Fault.RATE: embeddings.RateLimited,
    Fault.MODEL: embeddings.ModelMissing,
    Fault.FILTERED: embeddings.InputRefused,
    Fault.CONTENT: embeddings.InputRefused,
    Fault.TOO_LARGE: embeddings.InputRefused,
    Fault.REQUEST: embeddings.RequestRefused,
    Fault.TIMEOUT: embeddings.ProviderUnavailable,
    Fault.PASSING: embeddings.ProviderUnavailable,
}

log = logging.getLogger(__name__)


def build(access: providers.Access, dimensions: int) -> "OpenAIEmbedder":
    """`dimensions`: how many its vectors are to have, 0 for the model's own. `access` has no problem."""
    return OpenAIEmbedder(access, dimensions, deadline=settings.RAG_TIMEOUT, text_tokens=settings.EMBEDDING_TEXT_TOKENS)


class OpenAIEmbedder:
    """See `embeddings.Embedder`. `deadline`: seconds for a whole call, so that a trickling answer ends too."""

    max_batch_tokens = 300_000

    def __init__(self, access: providers.Access, dimensions: int, *, deadline: float, text_tokens: int) -> None:
        self.provider, self.model = access.provider.name, access.identity
        self.waits, self.max_batch = access.provider.waits, access.provider.max_batch
        self._access = access
        self._deadline, self._text_tokens = deadline, text_tokens
        self._dimensions = dimensions or known.dimensions(access)
        self._request = _request(access, dimensions)
        bounds = clients.Limits(silence=deadline, connections=CONNECTIONS, kept=CONNECTIONS)
        self._client = KIT.client(access, bounds, clients.hurry)
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, embeddings.Vector] = OrderedDict()
        self._told = embeddings.Told()

    @property
    def dimensions(self) -> int:
        """Of an unknown model: learned by embedding one word. Raises EmbeddingError when that fails."""
        if not self._dimensions:
            self.embed_documents(["dimensions"])
        return self._dimensions

    @property
    def told(self) -> throttle.Answer:
        return self._told.answer

    def embed_documents(self, texts: Sequence[str]) -> list[embeddings.Vector]:
        try:
            return self._embedded(texts)
        except embeddings.EmbeddingError as error:
            error.names = self._access.names
            raise

    def embed_query(self, text: str) -> embeddings.Vector:
        """Those of the last QUESTIONS are known: what a page suggests is asked by many."""
        vector = self.remembered(text)
        if vector is not None:
            return vector
        vector = self._embed_query(text)
        with self._lock:
            self._asked[text] = vector
            if len(self._asked) > QUESTIONS:
                self._asked.popitem(last=False)
        return vector

    def remembered(self, text: str) -> embeddings.Vector | None:
        with self._lock:
            if text in self._asked:
                self._asked.move_to_end(text)
            return self._asked.get(text)

    def _embed_query(self, text: str) -> embeddings.Vector:
        started = time.monotonic()
        try:
            return self.embed_documents([text])[0]
        except embeddings.EmbeddingError as error:
            wait = (error.retry_after or 0.25) + random() / 2  # noqa: S311 — spreads waits
            if error.permanent or time.monotonic() - started + wait > QUERY_PATIENCE:
                raise
        time.sleep(wait)
        return self.embed_documents([text])[0]

    def _embedded(self, texts: Sequence[str]) -> list[embeddings.Vector]:
        if not texts:
            return []
        inputs = [self._fitting(text) for text in embeddings.prepared(texts)]
        self._refuse_too_many(inputs)
        body, quota = self._answer(inputs)
        vectors, used = _read(body, count=len(inputs))
        found = len(vectors[0])
        if found > MOST_DIMENSIONS:
            raise embeddings.BadVectors(f"They have {found} dimensions; {MOST_DIMENSIONS} is the most.")
        embeddings.check(vectors, len(inputs), self._dimensions or found)
        used = sum(map(tokens.count, inputs)) if used is None else used
        with self._lock:
            self._dimensions = found
        self._told.answer = throttle.Answer(tokens=used, quota=quota)
        return vectors

    def _fitting(self, text: str) -> str:
        """`text`, cut when it is over the model's limit: its beginning says best what it is."""
        shortened = text
        while not _within([shortened], self._text_tokens):
            shortened = shortened[: len(shortened) * self._text_tokens // tokens.count(shortened)]
        if len(shortened) < len(text):
            log.warning("A text of %d characters was cut to %d before embedding it.", len(text), len(shortened))
        return shortened

    def _refuse_too_many(self, inputs: list[str]) -> None:
        if len(inputs) > self.max_batch:
            raise embeddings.InputRefused(f"They are {len(inputs)}; {self.max_batch} is the most at once.")
        if not _within(inputs, self.max_batch_tokens):
            raise embeddings.InputRefused(f"Together they have more than {self.max_batch_tokens} tokens.")

    def _answer(self, inputs: list[str]) -> tuple[bytes, throttle.Quota | None]:
        """The body of the provider's answer, read within the deadline and a size that such an answer can have."""
        most = 100_000 + len(inputs) * (self._dimensions or MOST_DIMENSIONS) * ANSWER_BYTES_A_FLOAT
        create = self._client.embeddings.with_streaming_response.create
        body = bytearray()
        try:
            with clients.deadline(self._deadline), create(input=inputs, **self._request) as response:
                quota = limits.quota(response.headers)
                point("embedding-in-flight")
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > most:
                        raise embeddings.BadVectors("The answer was too large.")
        except KIT.known() as error:
            raise _translated(error) from error
        return bytes(body), quota


def _request(access: providers.Access, dimensions: int) -> dict[str, Any]:
    """What every call says. Servers that know no base64 refuse it or do not heed it, so they are not asked for it."""
    model = known.of(access)
    request: dict[str, Any] = {"model": access.model}
    request["encoding_format"] = "base64" if access.provider.packs else "float"
    if dimensions and model and model.shortens and dimensions != model.dimensions:
        request["dimensions"] = dimensions
    return request


def _within(texts: list[str], limit: int) -> bool:
    # A token is a byte at least: counting is only for what is near the limit.
    return sum(len(text.encode()) for text in texts) <= limit or sum(map(tokens.count, texts)) <= limit


def _read(body: bytes, *, count: int) -> tuple[list[embeddings.Vector], int | None]:
    """The vectors in the order of their texts, and the tokens billed where the answer says so. Raises BadVectors."""
    try:
        answer = json.loads(body)
        by_index = {int(item["index"]): _vector(item["embedding"]) for item in answer["data"]}
        used = usage.tokens((answer.get("usage") or {}).get("prompt_tokens"), least=1)
        found = len(answer["data"])
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise embeddings.BadVectors("The answer could not be read.") from error
    if found != count or by_index.keys() != set(range(count)):
        raise embeddings.BadVectors(f"There were {found} for {count} texts, or two for the same.")
    return [by_index[index] for index in range(count)], used


def _vector(packed: str | list[float]) -> embeddings.Vector:
    """Little-endian floats in base64, or the plain list of servers that know no base64."""
    if not isinstance(packed, str):
        return array.array("f", packed)
    vector = array.array("f", base64.b64decode(packed, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _translated(error: Exception) -> embeddings.EmbeddingError:
    """What the SDK raised, in our words: the provider's own may repeat the key or the texts."""
    if KIT.is_timeout(error):
        return embeddings.ProviderUnavailable("(No answer within RAG_TIMEOUT.)")
    if isinstance(error, openai.APIStatusError):
        fault = faults.of(error.status_code, error.body)
        said = f"(The provider answered {error.status_code}.)"
        refusal = ERRORS[fault](said, retry_after=faults.retry_after(error.response.headers))
        refusal.quota = limits.quota(error.response.headers)
        return refusal
    if KIT.is_lost_connection(error):
        return embeddings.ProviderUnavailable("(The connection failed.)")
    return embeddings.EmbeddingError(f"({type(error).__name__})")
