"""Storing alone: the same texts with the same vectors, both in memory, into each system's own table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.retrieval.systems import Corpus
from benchmarks.retrieval.vectors import Vectors

SIZE = 1_000  # characters


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A text of a file, the how manieth it is there, and its vector."""

    path: str
    number: int
    text: str
    vector: Any


class Store(Protocol):
    def storing(self, pieces: list[Piece]) -> Callable[[], None]:
        """Get ready (a new table, objects of its own); what is returned stores them."""


def pieces(corpus: Corpus, vectors: Vectors) -> list[Piece]:
    cut = [
        (file["path"], number, file["text"][start : start + SIZE])
        for file in corpus.files
        for number, start in enumerate(range(0, len(file["text"]), SIZE))
    ]
    made = vectors.documents([text for _, _, text in cut])
    return [
        Piece(path=path, number=number, text=text, vector=vector)
        for (path, number, text), vector in zip(cut, made, strict=True)
    ]
