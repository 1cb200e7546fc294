"""A revision is asked questions, and what it finds is scored."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag import models, retrieval, tokens
from rag.evaluation import measures
from rag.evaluation.questions import Lines, Question

SHOWN = 8  # passages, as an answer gets them
DEEP = 60  # passages in which ten files are found


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One question asked. `score` is None for one that has no answer; `seconds` of one search, embedding included."""

    question: Question
    score: measures.Score | None
    confidence: float
    confident: bool
    seconds: float


class NotMeasured(Exception):
    """Questions could only be searched by their words: their model failed, or may not be paid."""


def run(revision: models.Revision, asked: Iterable[Question]) -> Iterator[Trial]:
    """Raises EmbeddingError or NotMeasured when questions cannot be embedded."""
    for question in asked:
        started = time.perf_counter()
        found = _searched(revision, question, SHOWN)
        seconds = time.perf_counter() - started
        yield Trial(
            question=question,
            score=_score(revision, question, found.passages) if question.gold else None,
            confidence=found.confidence,
            confident=found.confident,
            seconds=seconds,
        )


def lines(passage: retrieval.Passage) -> Lines:
    return Lines(path=passage.path, start=passage.start_line, end=passage.end_line)


def _score(revision: models.Revision, question: Question, passages: Sequence[retrieval.Passage]) -> measures.Score:
    shown = [measures.Found(lines=lines(each), tokens=tokens.count(each.text)) for each in passages]
    deep = _searched(revision, question, DEEP).passages  # more passages, joined more, are another list
    return measures.score(question, measures.ranked_files(map(lines, deep)), shown)


def _searched(revision: models.Revision, question: Question, limit: int) -> retrieval.Found:
    found = retrieval.search(revision, question.text, limit=limit)
    if found.detour:
        raise NotMeasured(f"{NotMeasured.__doc__} ({found.detour})")
    return found
