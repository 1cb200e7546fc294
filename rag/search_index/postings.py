"""Terms of chunks → postings: for each term, the chunks that have it and how much it says about each.

The weights are BM25's, so that a term counts more in a short chunk and its tenth occurrence less than its first.
Everything in them is of the chunk alone, the mean length being a constant: what other chunks are added or go changes
no weight. The part that depends on all chunks, how rare a term is, is counted when it is searched. Pure.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from rag import lexical, packing

VERSION = "1"  # goes up with every change of what comes out
K1, B = 1.2, 0.75  # BM25's own: how soon repetition stops counting, how much length does
MEAN_LENGTH = 130  # terms of a chunk, about what real repositories have
SCALE = 1_000  # weights are stored as whole numbers
# In memory. A text of numbers or of names has as many terms as postings.
BYTES_A_TERM, BYTES_A_POSTING = 300, 20


def fingerprint() -> str:
    """Of every rule that decides what a chunk's postings are; another one means to make them anew."""
    rules = (VERSION, lexical.VERSION, K1, B, MEAN_LENGTH, SCALE)
    return hashlib.sha256(repr(rules).encode()).hexdigest()[:16]


def weights(terms: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each term with its weight, which is at most SCALE × (K1 + 1)."""
    length_norm = K1 * (1 - B + B * len(terms) / MEAN_LENGTH)
    by_count: dict[int, int] = {}  # most terms are there once or twice
    for term, count in Counter(terms).items():
        if count not in by_count:
            by_count[count] = round(SCALE * count * (K1 + 1) / (count + length_norm))
        yield term, by_count[count]


@dataclass(kw_only=True)
class Postings:
    """Those of some chunks, by term: ids and weights side by side, packed as they come. `size`: bytes, about."""

    size: int = 0
    _of: dict[str, tuple[bytearray, bytearray]] = field(default_factory=dict)

    def add(self, chunk: int, terms: Sequence[str]) -> None:
        """Add a chunk, by its id."""
        known, packed = self._of, packing.bigint(chunk)
        for term, weight in weights(terms):
            if (found := known.get(term)) is None:
                found = known[term] = (bytearray(), bytearray())
                self.size += BYTES_A_TERM
            chunks, its_weights = found
            chunks += packed
            its_weights += _packed(weight)
            self.size += BYTES_A_POSTING

    def rows(self) -> Iterator[bytes]:
        """One a term, packed: term, array of ids, array of weights."""
        for term, (chunks, its_weights) in self._of.items():
            yield packing.row(term.encode(), packing.bigints(chunks), packing.smallints(its_weights))


@cache
def _packed(weight: int) -> bytes:
    return packing.smallint(weight)
