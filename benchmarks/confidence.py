"""Fits rag/retrieval/confidence.py: how likely a repository answers a question, from what was found in it.

    python -m benchmarks.confidence              fit on click, starlette and koa, and print the numbers to put there
    python -m benchmarks.confidence --judge      what is there now, on the two packages that were held out
    python -m benchmarks.confidence --by-words   what is there now, for questions that may not be embedded
    python -m benchmarks.confidence --provider openai     fit for another model; with its key, and it costs a cent or so

The questions without an answer are those of questions/, and of questions/visitors.json: what a visitor could think
that the package does, what has nothing to do with code, and questions about one package put to another. Run it again
when the model, the terms or the ranking change; it takes a minute. Nothing of the computer's own database is touched.
"""

import argparse
import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmarks import corpora
from benchmarks.retrieval import indexed, measure
from rag.evaluation import measures

if TYPE_CHECKING:
    from rag.retrieval import confidence

COUNTS = {"set": 1.0, "visitor": 1.0, "elsewhere": 0.6, "nothing": 0.35}  # how much a question of a kind counts
ALIKE = {"starlette", "koa"}  # both answer much of what the other is asked
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
STEPS, RATE, RIDGE = 3_000, 2.0, 0.002


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question put to a corpus, of a `kind`; `similarity` is the first passage's, as it is."""

    corpus: str
    kind: str
    answered: bool
    similarity: float
    signs: "confidence.Signs"
    judged: float


def main() -> None:
    options = _options()
    names = corpora.HELD_OUT if options.judge else corpora.TUNED_ON
    with tempfile.TemporaryDirectory(prefix="docent-confidence-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with measure.surroundings(folder, options.provider), _refused_vectors() if options.by_words else nullcontext():
            model, cases = _cases(folder, names)
            lines = _judged(cases) if options.judge or options.by_words else _fitted(cases, model)
            print("\n".join(lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="what is in use, on the packages that were held out")
    parser.add_argument("--by-words", action="store_true", help="what is in use when no question may be embedded")
    parser.add_argument("--provider", default="local", choices=["local", "openai"])
    return parser.parse_args()


def asked(name: str) -> Iterator[tuple[str, bool, str]]:
    """Question, whether the corpus answers it, and its kind."""
    yield from ((question.text, bool(question.gold), "set") for question in corpora.questions(name))
    visitors = json.loads((corpora.QUESTIONS / "visitors.json").read_text())
    if name not in visitors:
        return
    yield from ((text, True, "visitor") for text in visitors[name]["answered"])
    yield from ((text, False, "visitor") for text in visitors[name]["absent"])
    yield from ((text, False, "nothing") for text in visitors["anywhere"])
    for other in corpora.TUNED_ON:
        if other != name and {name, other} != ALIKE:
            texts = [*(each.text for each in corpora.answered(other)), *visitors[other]["answered"]]
            yield from ((text, False, "elsewhere") for text in texts if text not in visitors["shared"])


def _cases(folder: Path, names: Iterable[str]) -> tuple[str, list[Case]]:
    """The model that was asked, and what came out."""
    from rag import embeddings

    cases = []
    with indexed.serving(folder) as index:
        for name in names:
            index.add(name)
            cases += [_case(name, *each) for each in asked(name)]
    return embeddings.configured().model, cases


def _case(corpus: str, question: str, answered: bool, kind: str) -> Case:  # noqa: FBT001
    from benchmarks.retrieval.systems import docent
    from rag import retrieval
    from rag.retrieval import confidence

    with patch.object(confidence, "of", wraps=confidence.of) as of:
        found = retrieval.search(docent.live(corpus), question)
    if not found.passages:  # by words, where no word is known
        nothing = confidence.Signs(similarity=0, matched=0, rarest=1, misnamed=0)
        return Case(corpus=corpus, kind=kind, answered=answered, similarity=0, signs=nothing, judged=found.confidence)
    _, passages, words, model = of.call_args.args
    scale = confidence.SCALES.get(model, confidence.Scale(unrelated=0.0, related=1.0, trust=1.0))
    return Case(
        corpus=corpus, kind=kind, answered=answered, similarity=passages[0].similarity,
        signs=confidence.read(question, passages, words, scale), judged=found.confidence,
    )  # fmt: skip


@contextmanager
def _refused_vectors() -> Iterator[None]:
    """As when the budget is used up."""
    from rag.retrieval import meaning
    from rag.spending import budgets

    with patch.object(meaning, "vector", side_effect=budgets.SwitchedOff("Off.", retry_after=1)):
        yield


def _judged(cases: Sequence[Case]) -> Iterator[str]:
    judged = [case.judged for case in cases]
    yield from _areas("In use", cases, judged)
    yield from _tables(cases, judged)


def _fitted(cases: Sequence[Case], model: str) -> Iterator[str]:
    from rag.retrieval import confidence

    likely, unlikely = (_mean_similarity(cases, answered=answered) for answered in (True, False))
    scale = confidence.SCALES.get(model, confidence.Scale(unrelated=0.0, related=1.0, trust=1.0))
    yield f'SCALES["{model}"] = Scale(unrelated={unlikely:.2f}, related={likely:.2f}, trust=1.0); fitted with {scale}'
    signs = tuple(field.name for field in fields(confidence.Signs))
    for title, used in {"ALL": signs, "WORDS": signs[1:], "SIMILARITY": signs[:1]}.items():
        base, *weights = fit(cases, used)
        told = ", ".join(f"{name}={weight:.2f}" for name, weight in zip(used, weights, strict=True))
        yield f"\n{title} = Weights(base={base:.2f}, {told})"
        yield from _areas("Each corpus by what the other two teach", cases, _crossed(cases, used))
        if used == signs:
            yield from _tables(cases, _crossed(cases, used))
    yield ""
    yield from _judged(cases)


def _mean_similarity(cases: Iterable[Case], *, answered: bool) -> float:
    return fmean(case.similarity for case in cases if case.answered == answered)


def fit(cases: Sequence[Case], used: Sequence[str]) -> list[float]:
    """Base and weights of a logistic regression by gradient descent. The answered ones count for their share."""
    rows = [_row(case, used) for case in cases]
    counts, weights = _counts(cases), [0.0] * (len(used) + 1)
    for _ in range(STEPS):
        slopes = [0.0, *(RIDGE * weight for weight in weights[1:])]
        for row, case, count in zip(rows, cases, counts, strict=True):
            error = count * (probability(row, weights) - case.answered)
            for place, value in enumerate(row):
                slopes[place] += error * value
        weights = [weight - RATE * slope for weight, slope in zip(weights, slopes, strict=True)]
    return weights


def probability(row: Sequence[float], weights: Sequence[float]) -> float:
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, row, strict=True))))


def _row(case: Case, used: Sequence[str]) -> list[float]:
    return [1.0, *(getattr(case.signs, name) for name in used)]


def _counts(cases: Sequence[Case]) -> list[float]:
    from rag.retrieval.confidence import UNANSWERABLE

    sums: dict[bool, float] = defaultdict(float)
    for case in cases:
        sums[case.answered] += COUNTS[case.kind]
    shares = {True: 1 - UNANSWERABLE, False: UNANSWERABLE}
    return [COUNTS[case.kind] * shares[case.answered] / sums[case.answered] for case in cases]


def _crossed(cases: Sequence[Case], used: Sequence[str]) -> list[float]:
    """Each case's probability, by weights that were fitted without its corpus."""
    made = {
        name: fit([case for case in cases if case.corpus != name], used) for name in {each.corpus for each in cases}
    }
    return [probability(_row(case, used), made[case.corpus]) for case in cases]


def _areas(title: str, cases: Sequence[Case], judged: Sequence[float]) -> Iterator[str]:
    yield f"{title}: ROC AUC (95 % between)"
    answered = [each for case, each in zip(cases, judged, strict=True) if case.answered]
    kinds = {case.kind for case in cases if not case.answered}
    for kind in [*sorted(kinds), "all"]:
        absent = [
            each for case, each in zip(cases, judged, strict=True) if not case.answered and kind in (case.kind, "all")
        ]
        area = measures.auc_interval(answered, absent)
        yield f"  {kind:10} {len(absent):4} {area.value:.3f} ({area.low:.2f}–{area.high:.2f})"


def _tables(cases: Sequence[Case], judged: Sequence[float]) -> Iterator[str]:
    yield from _reliability(cases, judged)
    yield from _refused(cases, judged)


def _reliability(cases: Sequence[Case], judged: Sequence[float]) -> Iterator[str]:
    """Of the questions with a probability between two bounds, the share answered, each counted as in the fit."""
    yield "  said        mean  really  questions"
    rows = list(zip(judged, cases, _counts(cases), strict=True))
    for low, high in pairwise(BINS):
        inside = [(said, case.answered, count) for said, case, count in rows if low <= said < high]
        if total := sum(count for *_, count in inside):
            mean, really = (sum(row[place] * row[2] for row in inside) / total for place in (0, 1))
            yield f"  {low:.1f}–{min(high, 1):.1f}     {mean:.2f}    {really:.2f}  {len(inside):5}"


def _refused(cases: Sequence[Case], judged: Sequence[float]) -> Iterator[str]:
    groups: dict[str, list[float]] = defaultdict(list)
    for case, each in zip(cases, judged, strict=True):
        groups[f"{case.kind} {'answered' if case.answered else 'absent'}"].append(each)
    yield f"  refused below  {'  '.join(f'{name} ({len(values)})' for name, values in groups.items())}"
    for threshold in THRESHOLDS:
        shares = (sum(value < threshold for value in values) for values in groups.values())
        told = "  ".join(f"{share:{len(name) + 6}}" for name, share in zip(groups, shares, strict=True))
        yield f"  {threshold:13.2f}  {told}"


if __name__ == "__main__":
    main()
