"""What an owner reads: how often the right place was found, in plain words, with how sure each figure is."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from rag.evaluation import measures
from rag.evaluation.trials import Trial

Sets = Mapping[str, Sequence[Trial]]  # what the questions are → how they went

_ROWS = (
    ("The right file is the first answer", "first"),
    ("The right file is among the first five", "five"),
    ("The right file is not among the first ten", "missed"),
    ("The right lines are among the first five passages", "lines"),
)


def lines(sets: Sets) -> list[str]:
    """A table with a column for each set that has questions, then a sentence that sums it up."""
    asked = {name: [trial for trial in trials if trial.score] for name, trials in sets.items()}
    asked = {name: trials for name, trials in asked.items() if trials}
    if not asked:
        return []
    rows = [["", *asked], ["Questions", *(str(len(trials)) for trials in asked.values())]]
    rows += [[label, *(_share(figures(trials)[key]) for trials in asked.values())] for label, key in _ROWS]
    rows.append(["A search takes", *(_times(trials) for trials in asked.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, "", *(_sentence(name, trials) for name, trials in asked.items()), _EXPLANATION]


def figures(trials: Sequence[Trial]) -> dict[str, list[bool]]:
    """Measure → for each question whether it holds; nothing for what the questions do not tell."""
    scores = [trial.score for trial in trials if trial.score]
    return {
        "first": [score.reciprocal_rank == 1 for score in scores],
        "five": [score.reciprocal_rank >= 1 / 5 for score in scores],
        "missed": [score.reciprocal_rank == 0 for score in scores],
        "lines": [score.lines_at_5 > 0 for score in scores if score.lines_at_5 is not None],
    }


def told_apart(trials: Sequence[Trial]) -> list[str]:
    """For sets that also ask what the code does not answer: how well those are told from the others."""
    answered = [trial for trial in trials if trial.score]
    absent = [trial for trial in trials if trial.score is None]
    if not absent or not answered:
        return []
    refused, wrongly = (sum(not trial.confident for trial in kind) for kind in (absent, answered))
    area = measures.auc_interval([each.confidence for each in answered], [each.confidence for each in absent])
    return [
        f'It would say "I did not find this" to {refused} of the {len(absent)} questions that the code does not '
        f"answer, and wrongly to {wrongly} of the {len(answered)} others. ROC AUC of the confidence: {area.value:.2f} "
        f"({area.low:.2f}–{area.high:.2f})."
    ]


def _share(holds: Sequence[bool]) -> str:
    if not holds:
        return "–"
    between = measures.share(sum(holds), len(holds))
    return f"{sum(holds)} of {len(holds)} ({between.low * 100:.0f}–{between.high * 100:.0f} %)"


def _times(trials: Sequence[Trial]) -> str:
    spent = [trial.seconds * 1_000 for trial in trials]
    return f"{measures.percentile(spent, 0.5):.0f} ms, 95 % within {measures.percentile(spent, 0.95):.0f} ms"


def _sentence(name: str, trials: Sequence[Trial]) -> str:
    five = figures(trials)["five"]
    mean_rank = fmean(trial.score.reciprocal_rank for trial in trials if trial.score)
    return (
        f"{name}: the right file is among the first five answers for {sum(five)} of {len(five)} questions "
        f"(MRR@10 {mean_rank:.2f})."
    )


_EXPLANATION = (
    "In brackets: with as many other questions of the same kind the figure would be in there 95 times of 100."
)
