"""Vectors by OpenAI, or by whatever speaks its protocol at OPENAI_BASE_URL.

Nothing is tried again here but a question that failed at once: for documents the caller decides when, so that a run
can be stopped while it waits.
"""

import array
import base64
import email.utils
import json
import logging
import math
import sys
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx2
import openai
from django.conf import settings

from rag import embeddings, tokens

DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
PRICES = {  # USD per million tokens
    "text-embedding-3-small": Decimal("0.02"),
    "text-embedding-3-large": Decimal("0.13"),
    "text-embedding-ada-002": Decimal("0.10"),
}
TEXT_TOKENS = 8_192  # the provider's limit for one text
ANSWER_BYTES_A_FLOAT = 32  # more than JSON needs for one
MOST_DIMENSIONS = 3_500  # a vector stays in its row, which has 8 KB
OF_THE_TEXTS = (400, 413, 422)  # statuses that blame what was sent
QUERY_PATIENCE = 3.0  # seconds: a visitor is waiting

log = logging.getLogger(__name__)


def build(model: str) -> "OpenAIEmbedder":
    """Raises EmbedderMissing or KeyRefused for settings that no request could be made with."""
    key, base_url = settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL
    if not key:
        raise embeddings.EmbedderMissing(
            f"{model} is reached with a key. Set OPENAI_API_KEY, or process again without."
        )
    if not key.isascii():
        raise embeddings.KeyRefused("It holds characters that no key has, such as quotes.")
    try:
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ValueError("no scheme")
        client = openai.OpenAI(api_key=key, base_url=base_url or None, timeout=settings.RAG_TIMEOUT, max_retries=0)
    except (httpx2.InvalidURL, ValueError) as error:
        raise embeddings.EmbedderMissing("OPENAI_BASE_URL is not an address: it begins with https://.") from error
    return OpenAIEmbedder(model, client, deadline=settings.RAG_TIMEOUT)


class OpenAIEmbedder:
    """See `embeddings.Embedder`. `deadline`: seconds for a whole call, so that a trickling answer ends too."""

    provider = "openai"
    waits = True
    max_batch = 2_048
    max_batch_tokens = 300_000

    def __init__(self, model: str, client: openai.OpenAI, *, deadline: float) -> None:
        self.model = model
        self.price_per_million_tokens = PRICES.get(model, Decimal(0))
        self.tokens_used = 0
        self._client = client
        self._deadline = deadline
        self._dimensions = DIMENSIONS.get(model, 0)
        self._lock = threading.Lock()

    @property
    def dimensions(self) -> int:
        """Of an unknown model: learned by embedding one word. Raises EmbeddingError when that fails."""
        if not self._dimensions:
            self.embed_documents(["dimensions"])
        return self._dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[embeddings.Vector]:
        if not texts:
            return []
        inputs = [_fitting(text) for text in embeddings.prepared(texts)]
        self._refuse_too_many(inputs)
        vectors, used = _read(self._answer(inputs), count=len(inputs))
        embeddings.check(vectors, len(inputs), self._dimensions or len(vectors[0]))
        with self._lock:
            self._dimensions = len(vectors[0])
            self.tokens_used += sum(map(tokens.count, inputs)) if used is None else used
        return vectors

    def embed_query(self, text: str) -> embeddings.Vector:
        started = time.monotonic()
        try:
            return self.embed_documents([text])[0]
        except embeddings.EmbeddingError as error:
            wait = 0.5 if error.retry_after is None else error.retry_after
            if error.permanent or time.monotonic() - started + wait > QUERY_PATIENCE:
                raise
        time.sleep(wait)
        return self.embed_documents([text])[0]

    def _refuse_too_many(self, inputs: list[str]) -> None:
        if len(inputs) > self.max_batch:
            raise embeddings.InputRefused(f"They are {len(inputs)}; {self.max_batch} is the most at once.")
        if not _within(inputs, self.max_batch_tokens):
            raise embeddings.InputRefused(f"Together they have more than {self.max_batch_tokens} tokens.")

    def _answer(self, inputs: list[str]) -> bytes:
        """The body of the provider's answer, read within the deadline and a size that such an answer can have."""
        ends = time.monotonic() + self._deadline
        most = 100_000 + len(inputs) * (self._dimensions or MOST_DIMENSIONS) * ANSWER_BYTES_A_FLOAT
        create = self._client.embeddings.with_streaming_response.create
        body = bytearray()
        try:
            with create(model=self.model, input=inputs, encoding_format="base64") as response:
                for piece in response.iter_bytes():
                    body += piece
                    if time.monotonic() > ends:
                        raise embeddings.ProviderUnavailable("(The answer took longer than RAG_TIMEOUT.)")
                    if len(body) > most:
                        raise embeddings.BadVectors("The answer was too large.")
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise _translated(error) from error
        return bytes(body)


def _fitting(text: str) -> str:
    """`text`, cut when it is over the provider's limit: its beginning says best what it is."""
    shortened = text
    while not _within([shortened], TEXT_TOKENS):
        shortened = shortened[: len(shortened) * TEXT_TOKENS // tokens.count(shortened)]
    if len(shortened) < len(text):
        log.warning("A text of %d characters was cut to %d before embedding it.", len(text), len(shortened))
    return shortened


def _within(texts: list[str], limit: int) -> bool:
    # A token is a byte at least: counting is only for what is near the limit.
    return sum(len(text.encode()) for text in texts) <= limit or sum(map(tokens.count, texts)) <= limit


def _read(body: bytes, *, count: int) -> tuple[list[embeddings.Vector], int | None]:
    """The vectors in the order of their texts, and the tokens billed where the answer says so. Raises BadVectors."""
    try:
        answer = json.loads(body)
        by_index = {int(item["index"]): _vector(item["embedding"]) for item in answer["data"]}
        used = (answer.get("usage") or {}).get("prompt_tokens")
        found = len(answer["data"])
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise embeddings.BadVectors("The answer could not be read.") from error
    if found != count or by_index.keys() != set(range(count)):
        raise embeddings.BadVectors(f"There were {found} for {count} texts, or two for the same.")
    return [by_index[index] for index in range(count)], used if isinstance(used, int) else None


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
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return embeddings.ProviderUnavailable("(No answer within RAG_TIMEOUT.)")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error.status_code, error.code or error.type or "", _retry_after(error.response.headers))
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError | httpx2.StreamError):
        return embeddings.ProviderUnavailable("(The connection failed.)")
    return embeddings.EmbeddingError(f"({type(error).__name__})")


def _by_status(status: int, code: str, retry_after: float | None) -> embeddings.EmbeddingError:
    said = f"(The provider answered {status}.)"
    if status == 402 or code == "insufficient_quota":
        return embeddings.QuotaExhausted(said)
    if status == 404 or code == "model_not_found":
        return embeddings.ModelMissing(said)
    if status == 429:
        return embeddings.RateLimited(said, retry_after=retry_after)
    if status in (408, 409) or status >= 500:
        return embeddings.ProviderUnavailable(said, retry_after=retry_after)
    kind = {401: embeddings.KeyRefused, 403: embeddings.KeyRefused} | dict.fromkeys(
        OF_THE_TEXTS, embeddings.InputRefused
    )
    return kind.get(status, embeddings.RequestRefused)(said)


def _retry_after(headers: Any) -> float | None:
    """Seconds from Retry-After, a number or a date; None when it is absent or neither."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
