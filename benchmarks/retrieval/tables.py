"""The answers of every system → the tables of RESULTS.md."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks import corpora
from rag import tokens
from rag.evaluation import descriptions, measures
from rag.evaluation.questions import Lines, Question

NAMES = {
    "docent": "**Docent**", "first": "Docent's first version", "langchain": "LangChain", "llamaindex": "LlamaIndex",
    "bm25": "BM25", "grep": "words counted",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One question and what a system made of it. `score` is None for a question without an answer.

    `shown`: share of the right files among the passages that an answer gets.
    """

    score: measures.Score | None
    lines_at_5: float
    shown: float
    ceiling_files: float
    ceiling_lines: float
    confidence: float


Rows = dict[str, list[Row]]  # corpus → its questions


def lines(told: dict[str, Any]) -> Iterator[str]:
    rows = {name: _rows(system, told["corpora"]) for name, system in told["systems"].items()}
    compared = {name: each for name, each in rows.items() if name in NAMES}
    wanted = {"Tuned on": corpora.TUNED_ON, "Held out": corpora.HELD_OUT, "All": (*corpora.TUNED_ON, *corpora.HELD_OUT)}
    groups = {title: [name for name in names if name in told["corpora"]] for title, names in wanted.items()}
    groups = {title: names for title, names in groups.items() if names}
    yield told["machine"]
    for title, names in (groups | {name: [name] for name in told["corpora"]}).items():
        yield from _quality(title, names, compared)
    yield from _ceiling(told)
    yield from _ratios(groups, compared)
    yield from _absent(groups, compared)
    yield "\n### What it costs, without the embedding model\n"
    yield from _costs({name: each for name, each in told["systems"].items() if name in NAMES})
    if told["many"]:
        yield "\n### The same for one repository of about 10,000 chunks\n"
        yield from _costs(told["many"])
        yield from _stored(told)
    yield from _ablations(groups, rows)


def _rows(system: dict[str, Any], names: Sequence[str]) -> Rows:
    return {
        name: [_row(*pair) for pair in zip(corpora.questions(name), system["answers"][name], strict=True)]
        for name in names
    }


def _row(question: Question, answer: dict[str, Any]) -> Row:
    shown, long = ([_lines(hit["path"], hit["start"], hit["end"]) for hit in answer[key]] for key in ("shown", "long"))
    deep, candidates = ([_lines(*place) for place in answer[key]] for key in ("deep", "candidates"))
    if not question.gold:
        return Row(score=None, lines_at_5=0, shown=0, ceiling_files=0, ceiling_lines=0, confidence=answer["confidence"])
    passages = [
        measures.Found(lines=place, tokens=tokens.count(hit["text"]))
        for place, hit in zip(long, answer["long"], strict=True)
    ]
    return Row(
        score=measures.score(question, measures.ranked_files(deep), passages),
        lines_at_5=measures.lines_recall(shown[:5], question.gold),
        shown=measures.recall({place.path for place in shown}, question.files),
        ceiling_files=measures.recall({place.path for place in candidates}, question.files),
        ceiling_lines=measures.lines_recall(candidates, question.gold),
        confidence=answer["confidence"],
    )


def _lines(path: str, start: int, end: int) -> Lines:
    return Lines(path=path, start=start, end=end)


FIGURES: dict[str, Callable[[Row, measures.Score], float]] = {
    "MRR@10": lambda row, score: score.reciprocal_rank,
    "R@1": lambda row, score: score.files_at_1,
    "R@5": lambda row, score: score.files_at_5,
    "R@10": lambda row, score: score.files_at_10,
    "lines R@5": lambda row, score: row.lines_at_5,
    "shown": lambda row, score: row.shown,
    "in 1k": lambda row, score: score.within[0] if score.within else 0,
    "in 2k": lambda row, score: score.within[1] if score.within else 0,
    "in 4k": lambda row, score: score.within[2] if score.within else 0,
    "files @100": lambda row, score: row.ceiling_files,
    "lines @100": lambda row, score: row.ceiling_lines,
}
SURE = ("MRR@10", "R@5", "lines R@5")  # with their intervals
CHANGED = (*SURE, "shown")  # by a rule


def _values(rows: Rows, names: Sequence[str], figure: str) -> list[float]:
    return [FIGURES[figure](row, row.score) for name in names for row in rows[name] if row.score]


def _quality(title: str, names: Sequence[str], compared: dict[str, Rows]) -> Iterator[str]:
    count = len(_values(next(iter(compared.values())), names, "R@5"))
    yield f"\n### {title}{'' if title in names else ': ' + ', '.join(names)} ({count} questions)\n"
    yield f"| | {' | '.join(FIGURES)} |\n|---|{'---|' * len(FIGURES)}"
    for name, rows in compared.items():
        cells = (_cell(_values(rows, names, figure), sure=figure in SURE) for figure in FIGURES)
        yield f"| {NAMES[name]} | {' | '.join(cells)} |"


def _cell(values: Sequence[float], *, sure: bool) -> str:
    return _between(measures.interval(values)) if sure else f"{fmean(values):.3f}"


def _between(found: measures.Interval) -> str:
    return f"{found.value:.3f} ({found.low:.2f}–{found.high:.2f})"


def _ceiling(told: dict[str, Any]) -> Iterator[str]:
    """What keeps right files out before anything is searched, and how much of the candidates is tests."""
    yield "\n### What there is to find\n"
    yield "| | files | aside | right files not indexed | aside among Docent's first 100 candidates |"
    yield "|---|---|---|---|---|"
    for name, paths in told["paths"].items():
        gold = [path for question in corpora.questions(name) for path in question.files]
        candidates = [
            place[0] for answer in told["systems"]["docent"]["answers"][name] for place in answer["candidates"]
        ]
        aside = sum(map(descriptions.is_aside, paths))
        yield (
            f"| {name} | {len(paths)} | {aside} | {sum(path not in paths for path in gold)} of {len(gold)} | "
            f"{fmean(map(descriptions.is_aside, candidates)):.0%} |"
        )
    yield "\nAside: tests, examples and documentation, by their paths."


def _ratios(groups: dict[str, list[str]], compared: dict[str, Rows]) -> Iterator[str]:
    yield "\n### Docent's figure over each other's, the same questions drawn for both\n"
    figures = ("MRR@10", "lines R@5")
    yield f"| | {' | '.join(f'{title}: {figure}' for title in groups for figure in figures)} |"
    yield f"|---|{'---|' * len(figures) * len(groups)}"
    for name in (each for each in compared if each != "docent"):
        cells = [
            _between(measures.ratio(*(_values(compared[each], names, figure) for each in ("docent", name))))
            for names in groups.values()
            for figure in figures
        ]
        yield f"| over {NAMES[name]} | {' | '.join(cells)} |"


def _confidences(rows: Rows, names: Sequence[str]) -> tuple[list[float], list[float]]:
    every = [row for name in names for row in rows[name]]
    return [row.confidence for row in every if row.score], [row.confidence for row in every if not row.score]


def _absent(groups: dict[str, list[str]], compared: dict[str, Rows]) -> Iterator[str]:
    yield "\n### Questions that the code does not answer, told apart: ROC AUC of the confidence\n"
    yield f"| | {' | '.join(groups)} |\n|---|{'---|' * len(groups)}"
    for name, rows in compared.items():
        cells = [_between(measures.auc_interval(*_confidences(rows, names))) for names in groups.values()]
        yield f"| {NAMES[name]} | {' | '.join(cells)} |"


def _costs(systems: dict[str, Any]) -> Iterator[str]:
    yield (
        "| | rows | indexing, s | CPU, s | the database's CPU, s | rows a CPU second | with the database's | "
        "model, s | peak memory, MB | search p50, ms | p95 | with the question's vector p50 | p95 |"
    )
    yield f"|---|{'---|' * 12}"
    for name, system in systems.items():
        total = {key: sum(each[key] for each in system["indexed"].values()) for key in _INDEXED}
        alone, both = (
            f"{total['rows'] / spent:,.0f}" if total["rows"] and spent else "–"
            for spent in (total["cpu"], total["cpu"] + total["database_cpu"])
        )
        times = [_percentiles(system, key) for key in ("search", "with_question")]
        yield (
            f"| {NAMES[name]} | {total['rows']:,} | {total['seconds']:.2f} | {total['cpu']:.2f} | "
            f"{total['database_cpu']:.2f} | {alone} | {both} | {total['model_seconds']:.1f} | "
            f"{system['peak_mb']:.0f} | {' | '.join(times)} |"
        )


def _stored(told: dict[str, Any]) -> Iterator[str]:
    """Two tables, by the dimensions of a vector. In brackets, how many rows Docent stores in the same time."""
    yield "\n### Rows a second of CPU: all of indexing, Docent's from the git repository on\n"
    yield from _speeds({name: [next(iter(told[each][name]["indexed"].values())) for each in _WIDTHS] for name in _KEEP})
    yield "\n### Rows a second of CPU: storing alone, the same texts of 1,000 characters and their vectors in memory\n"
    yield from _speeds({name: [told[each][name]["stored"] for each in _WIDTHS] for name in _KEEP})


def _speeds(found: dict[str, list[dict[str, float]]]) -> Iterator[str]:
    yield "| | 384: own CPU | with the database's | 1,536: own CPU | with the database's |\n|---|---|---|---|---|"
    speeds = {
        name: [speed for one in each for speed in (one["rows"] / one["cpu"], one["rows"] / _both(one))]
        for name, each in found.items()
    }
    for name, own in speeds.items():
        cells = (f"{speed:,.0f} (1 : {ours / speed:.1f})" for speed, ours in zip(own, speeds["docent"], strict=True))
        yield f"| {NAMES[name]} | {' | '.join(cells)} |"


def _both(one: dict[str, float]) -> float:
    return one["cpu"] + one["database_cpu"]


_KEEP, _WIDTHS = ("docent", "langchain", "llamaindex"), ("many", "wide")


_INDEXED = ("rows", "seconds", "cpu", "database_cpu", "model_seconds")


def _percentiles(system: dict[str, Any], key: str) -> str:
    times = [spent for corpus in system["times"].values() for spent in corpus[key]]
    return " | ".join(f"{measures.percentile(times, share):.1f}" for share in (0.5, 0.95))


def _ablations(groups: dict[str, list[str]], rows: dict[str, Rows]) -> Iterator[str]:
    ablated = {name.partition(":")[2]: each for name, each in rows.items() if name.startswith("ablated:")}
    if not ablated:
        return
    titles = [title for title in groups if title != "All"]
    yield "\n### Docent without one rule: what is lost (−) or gained (+)\n"
    yield f"| without | {' | '.join(f'{title}: {figure}' for title in titles for figure in CHANGED)} |"
    yield f"|---|{'---|' * len(CHANGED) * len(titles)}"
    for rule, each in ablated.items():
        cells = [_change(each, rows["docent"], groups[title], figure) for title in titles for figure in CHANGED]
        yield f"| {rule} | {' | '.join(cells)} |"


def _change(without: Rows, whole: Rows, names: Sequence[str], figure: str) -> str:
    pairs = zip(_values(without, names, figure), _values(whole, names, figure), strict=True)
    found = measures.interval([one - other for one, other in pairs])
    return f"{found.value:+.3f} ({found.low:+.2f} to {found.high:+.2f})"
