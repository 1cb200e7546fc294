"""Vectors for tests and demonstrations of the machinery: texts that share words are near. Chosen by name only.

A word is a fixed pattern of 64 signs, a text the sum of its words' patterns: the same in every process.
"""

import array
import hashlib
import re
from collections.abc import Sequence

from rag import embeddings, throttle, tokens

DIMENSIONS = 64
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def build(model: str) -> "FakeEmbedder":
    return FakeEmbedder(model)


class FakeEmbedder:
    """See `embeddings.Embedder`."""

    provider = "fake"
    dimensions = DIMENSIONS
    waits = False
    max_batch = 64
    max_batch_tokens = 300_000

    def __init__(self, model: str) -> None:
        self.model = model
        self._told = embeddings.Told()

    @property
    def told(self) -> throttle.Answer:
        return self._told.answer

    def embed_documents(self, texts: Sequence[str]) -> list[embeddings.Vector]:
        vectors = [_vector(text) for text in embeddings.prepared(texts)]
        embeddings.check(vectors, len(texts), DIMENSIONS)
        self._told.answer = throttle.Answer(tokens=sum(map(tokens.count, texts)))
        return vectors

    def embed_query(self, text: str) -> embeddings.Vector:
        return self.embed_documents([text])[0]

    def remembered(self, text: str) -> embeddings.Vector | None:
        return None  # it costs nothing here


def _vector(text: str) -> embeddings.Vector:
    patterns = [_pattern(word.lower()) for word in WORD.findall(text)]
    sums = [sum(signs) for signs in zip(*patterns, strict=True)]
    if not any(sums):  # no words, or words that cancel each other out
        sums = _pattern(text)
    length = sum(value * value for value in sums) ** 0.5
    return array.array("f", (value / length for value in sums))


def _pattern(word: str) -> list[int]:
    bits = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=DIMENSIONS // 8).digest(), "big")
    return [1 if bits >> place & 1 else -1 for place in range(DIMENSIONS)]
