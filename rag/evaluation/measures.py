"""Ranks, recall, token budgets and how sure they are: functions of what was asked and what was found."""

import math
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rag.evaluation.questions import Lines, Question

RESAMPLES = 2_000
NORMAL_95 = 1.96
SEED = 7  # the same figures give the same interval
BUDGETS = (1_000, 2_000, 4_000)  # tokens

Statistic = Callable[[Sequence[float]], float]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A passage that was found, and its size."""

    lines: Lines
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one question that has an answer, each 0…1. `lines_at_5` and `within` are None when only files are known.

    `within`: share of the answer's lines among the first 1,000, 2,000 and 4,000 tokens of passages.
    """

    reciprocal_rank: float
    files_at_1: float
    files_at_5: float
    files_at_10: float
    lines_at_5: float | None
    within: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure, and what it would be between in 95 of 100 draws of as many questions."""

    value: float
    low: float
    high: float


def score(question: Question, ranked_files: Sequence[str], passages: Sequence[Found]) -> Score:
    """`ranked_files`: each once, best first. `passages`: best first, as they are shown."""
    gold, has_lines = question.files, question.has_lines
    return Score(
        reciprocal_rank=reciprocal_rank(ranked_files, gold),
        files_at_1=recall(ranked_files[:1], gold),
        files_at_5=recall(ranked_files[:5], gold),
        files_at_10=recall(ranked_files[:10], gold),
        lines_at_5=lines_recall([each.lines for each in passages[:5]], question.gold) if has_lines else None,
        within=tuple(covered(passages, question.gold, budget) for budget in BUDGETS) if has_lines else None,
    )


def ranked_files(passages: Iterable[Lines]) -> list[str]:
    """The files of passages, each once, where its best passage is."""
    return list(dict.fromkeys(each.path for each in passages))


def reciprocal_rank(ranked: Sequence[str], gold: Collection[str], limit: int = 10) -> float:
    """1 for a right first one, 1/2 for a right second one …, 0 when none of the first `limit` is right."""
    return next((1 / rank for rank, item in enumerate(ranked[:limit], start=1) if item in gold), 0.0)


def recall(found: Collection[str], gold: Collection[str]) -> float:
    """Share of `gold` that was found."""
    return sum(item in found for item in gold) / len(gold)


def lines_recall(found: Sequence[Lines], gold: Sequence[Lines]) -> float:
    """Share of the places in `gold` that a found passage has a line of."""
    return sum(any(each.overlaps(place) for each in found) for place in gold) / len(gold)


def covered(passages: Sequence[Found], gold: Sequence[Lines], budget: int) -> float:
    """Share of the gold lines that stand in the first `budget` tokens; a passage that is cut keeps its first lines."""
    shown: set[tuple[str, int]] = set()
    for passage in passages:
        lines = passage.lines
        count = lines.end - lines.start + 1
        kept = count if passage.tokens <= budget else count * budget // passage.tokens
        shown.update((lines.path, line) for line in range(lines.start, lines.start + kept))
        budget -= passage.tokens
        if budget <= 0:
            break
    wanted = {(place.path, line) for place in gold for line in range(place.start, place.end + 1)}
    return len(wanted & shown) / len(wanted)


def auc(answered: Sequence[float], absent: Sequence[float]) -> float:
    """How often a question with an answer has the higher confidence than one without; 0.5 is a coin's, 1 the best."""
    pairs = [(high > low) + 0.5 * (high == low) for high in answered for low in absent]
    return fmean(pairs) if pairs else float("nan")


def interval(values: Sequence[float], statistic: Statistic = fmean) -> Interval:
    """Percentile bootstrap over the questions' values."""
    draw = random.Random(SEED)  # noqa: S311 — a sample, not a secret
    return _between(statistic(values), (statistic(draw.choices(values, k=len(values))) for _ in range(RESAMPLES)))


def share(count: int, total: int) -> Interval:
    """Of `count` of `total` questions, by Wilson's formula, which also holds for a handful or when all are right."""
    if not total:
        return Interval(value=0.0, low=0.0, high=1.0)
    part, square = count / total, NORMAL_95**2 / total
    middle = (part + square / 2) / (1 + square)
    width = NORMAL_95 / (1 + square) * math.sqrt(part * (1 - part) / total + square / total / 4)
    return Interval(value=part, low=max(0.0, middle - width), high=min(1.0, middle + width))


def ratio(ours: Sequence[float], others: Sequence[float]) -> Interval:
    """Of two means over the same questions, resampled together."""
    draw, places = random.Random(SEED), range(len(ours))  # noqa: S311
    samples = (draw.choices(places, k=len(places)) for _ in range(RESAMPLES))
    return _between(_ratio(ours, others, places), (_ratio(ours, others, sample) for sample in samples))


def auc_interval(answered: Sequence[float], absent: Sequence[float]) -> Interval:
    """Both kinds of questions are resampled."""
    draw = random.Random(SEED)  # noqa: S311
    drawn = (
        auc(draw.choices(answered, k=len(answered)), draw.choices(absent, k=len(absent))) for _ in range(RESAMPLES)
    )
    return _between(auc(answered, absent), drawn)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0…1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _ratio(ours: Sequence[float], others: Sequence[float], places: Sequence[int]) -> float:
    below = sum(others[place] for place in places)
    return sum(ours[place] for place in places) / below if below else float("inf")


def _between(value: float, drawn: Iterable[float]) -> Interval:
    ordered = sorted(drawn)
    edge = round(len(ordered) * 0.025)
    return Interval(value=value, low=ordered[edge], high=ordered[-edge - 1])
