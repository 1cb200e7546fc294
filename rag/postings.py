"""Terms of chunks → postings: for each term, the chunks that have it and how much it says about each.

The weights are BM25's, so that a term counts more in a short chunk and its tenth occurrence less than its first.
Everything in them is of the chunk alone, the mean length being a constant: what other chunks are added or go changes
no weight. The part that depends on all chunks, how rare a term is, is counted when it is searched. Pure.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag import lexical

VERSION = "1"  # goes up with every change of what comes out
K1, B = 1.2, 0.75  # BM25's own: how soon repetition stops counting, how much length does
MEAN_LENGTH = 130  # terms of a chunk, about what real repositories have
SCALE = 1_000  # weights are stored as whole numbers
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def fingerprint() -> str:
    """Of every rule that decides what a chunk's postings are; another one means to make them anew."""
    rules = (VERSION, lexical.VERSION, K1, B, MEAN_LENGTH, SCALE)
    return hashlib.sha256(repr(rules).encode()).hexdigest()[:16]


def weights(terms: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each term with its weight, which is at most SCALE × (K1 + 1)."""
    length_norm = K1 * (1 - B + B * len(terms) / MEAN_LENGTH)
    for term, count in Counter(terms).items():
        yield term, round(SCALE * count * (K1 + 1) / (count + length_norm))


@dataclass(kw_only=True)
class Postings:
    """Those of some chunks, by term: ids and weights side by side."""

    count: int = 0
    _of: dict[str, tuple["array[int]", "array[int]"]] = field(default_factory=dict)

    def add(self, chunk: int, terms: Sequence[str]) -> None:
        """Add a chunk, by its id."""
        for term, weight in weights(terms):
            if term not in self._of:
                self._of[term] = (array("q"), array("h"))
            chunks, its_weights = self._of[term]
            chunks.append(chunk)
            its_weights.append(weight)
            self.count += 1

    def lines(self) -> Iterator[bytes]:
        """One a term, as PostgreSQL's COPY reads them: term, array of ids, array of weights."""
        for term, (chunks, its_weights) in self._of.items():
            yield f"{term.translate(_ESCAPES)}\t{_array(chunks)}\t{_array(its_weights)}\n".encode()


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"
