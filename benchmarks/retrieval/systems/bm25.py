"""BM25 alone, over the windows of LangChain's splitter with their path in front; English stop words and stems."""

from typing import Any

import bm25s
import Stemmer

from benchmarks.retrieval.systems import DEEP, Corpus, Hit, windows
from benchmarks.retrieval.vectors import Vectors


class BM25:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._indexes: dict[str, tuple[bm25s.BM25, list[Hit]]] = {}

    def index(self, corpus: Corpus) -> int:
        hits, index = list(windows.of(corpus)), bm25s.BM25()
        index.index(self._tokens([f"{hit.path}\n{hit.text}" for hit in hits]), show_progress=False)
        self._indexes[corpus.name] = index, hits
        return len(hits)

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        index, hits = self._indexes[corpus]
        found, scores = index.retrieve(self._tokens([question]), k=min(limit, len(hits)), show_progress=False)
        return [
            Hit(path=hit.path, start=hit.start, end=hit.end, text=hit.text, score=float(score))
            for hit, score in ((hits[place], score) for place, score in zip(found[0], scores[0], strict=True))
            if score > 0
        ]

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        return self.search(corpus, question, DEEP)

    def confidence(self, corpus: str, question: str) -> float:
        return max((hit.score for hit in self.search(corpus, question, 1)), default=0.0)

    def _tokens(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)


make = BM25
