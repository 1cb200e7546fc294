"""Counting the question's words in the lines, whatever they stand in, as one greps: no index at all.

Windows of 30 lines, by how many different words of the question stand in them, then by how often.
"""

import re
from typing import Any

from benchmarks.retrieval.systems import DEEP, Corpus, Hit
from benchmarks.retrieval.vectors import Vectors

LINES = 30
_COMMON = """
a an and any are as at be been being but by can could did do does else every for from get gets had has have how if in
into is it its like make makes may more most no not of on one only or other out so some such than that the their them
then there these they this to under up use used uses using was we what when where whether which while who why will with
without would you your
"""


class Grep:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        self._files: dict[str, list[dict[str, str]]] = {}

    def index(self, corpus: Corpus) -> int:
        self._files[corpus.name] = corpus.files
        return 0

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        words = {word for word in re.findall(r"\w{2,}", question.lower()) if word not in _COMMON.split()}
        if not words:
            return []
        pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
        hits = [hit for file in self._files[corpus] for hit in _windows(file, pattern)]
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        return self.search(corpus, question, DEEP)

    def confidence(self, corpus: str, question: str) -> float:
        return max((hit.score for hit in self.search(corpus, question, 1)), default=0.0)


def _windows(file: dict[str, str], pattern: re.Pattern[str]) -> list[Hit]:
    lines = file["text"].split("\n")
    hits = []
    for start in range(0, len(lines), LINES):
        text = "\n".join(lines[start : start + LINES])
        found = pattern.findall(text.lower())
        if found:
            score = len(set(found)) + min(len(found), 999) / 1_000
            end = min(start + LINES, len(lines))
            hits.append(Hit(path=file["path"], start=start + 1, end=end, text=text, score=score))
    return hits


make = Grep
