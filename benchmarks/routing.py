"""How sixty real questions are routed by LLM_PROVIDER=conditional, and what that saves.

    python -m benchmarks.routing [--threshold 0.7] [--length 100]

The questions are of questions/, twelve for each package; questions/complexity.json says which of them are complex, by
somebody who had read the answers and no score. Weights were made on every second one; the others judge them. Tokens are
those of the prompts that would be sent, and some for the answer. Prints the tables of ROUTING.md.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import corpora, machine
from benchmarks.retrieval import indexed, measure
from rag.evaluation.questions import Question

if TYPE_CHECKING:
    from rag import routing

ANSWER = 250  # tokens: what an answer takes that is written out, in the middle
SIMPLE, COMPLEX = ("groq", "openai/gpt-oss-20b"), ("groq", "openai/gpt-oss-120b")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question. `made`: on which the weights were made; the others judge them. `tokens`: of its prompt."""

    corpus: str
    text: str
    hard: bool
    made: bool
    signs: "routing.Signs"
    score: float
    tokens: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threshold", type=float, default=0.7, help="COMPLEXITY_THRESHOLD (%(default)s)")
    parser.add_argument("--length", type=int, default=100, help="QUERY_LENGTH_THRESHOLD (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docent-routing-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with measure.surroundings(folder):
            cases = _cases(folder, options.length)
            print(f"{machine.describe()}\n")
            tables = (_judged(cases, options), _saved(cases, options.threshold), _table(cases, options.threshold))
            print("\n".join(chain.from_iterable(tables)))


def _cases(folder: Path, length: int) -> list[Case]:
    labels = json.loads((corpora.QUESTIONS / "complexity.json").read_text())
    cases = []
    with indexed.serving(folder) as index:
        for name in labels:
            index.add(name)
            asked = [question for question in corpora.questions(name) if _is_labelled(question, labels[name])]
            cases += [
                _case(name, question.text, question.text in labels[name]["complex"], place % 2 == 0, length)
                for place, question in enumerate(asked)
            ]
    return cases


def _is_labelled(question: Question, labels: dict[str, list[str]]) -> bool:
    return question.text in labels["simple"] or question.text in labels["complex"]


def _case(corpus: str, text: str, hard: bool, made: bool, length: int) -> Case:  # noqa: FBT001
    from benchmarks.retrieval.systems import docent
    from rag import prompts, retrieval, routing

    found = retrieval.search(docent.live(corpus), text)
    prompt = prompts.build(text, found.passages, [], 6_000)
    signs = routing.signs(text, length)
    return Case(
        corpus=corpus, text=text, hard=hard, made=made, signs=signs, score=routing.complexity(signs),
        tokens=prompts.cost(prompt.messages),
    )  # fmt: skip


def _judged(cases: Sequence[Case], options: argparse.Namespace) -> Iterator[str]:
    """How well each rule tells the complex questions; area: how often a complex one has more than a simple one."""
    yield "| rule | area, made on | area, judged | complex ones found | simple ones sent along |\n|---|---|---|---|---|"
    score, length = (lambda case: case.score), (lambda case: float(len(case.text)))
    rules: dict[str, tuple[Callable[[Case], float] | None, Callable[[Case], bool]]] = {
        f"the score, from {options.threshold:g}": (score, lambda case: case.score >= options.threshold),
        f"length alone, above {options.length}": (length, lambda case: len(case.text) > options.length),
        "either": (None, lambda case: case.score >= options.threshold or len(case.text) > options.length),
    }
    halves = [[case for case in cases if case.made is made] for made in (True, False)]
    hard, easy = ([case for case in cases if case.hard is kind] for kind in (True, False))
    for name, (value, sent) in rules.items():
        areas = [f"{_area(half, value):.2f}" if value else "" for half in halves]
        found, along = sum(map(sent, hard)), sum(map(sent, easy))
        yield f"| {name} | {' | '.join(areas)} | {found} of {len(hard)} | {along} of {len(easy)} |"


def _area(cases: Sequence[Case], value: Callable[[Case], float]) -> float:
    hard, easy = ([value(case) for case in cases if case.hard is kind] for kind in (True, False))
    return sum((one > other) + 0.5 * (one == other) for one in hard for other in easy) / len(hard) / len(easy)


def _saved(cases: Sequence[Case], threshold: float) -> Iterator[str]:
    from rag.spending import prices

    dear = [case for case in cases if case.score >= threshold]
    tokens = [sum(case.tokens + ANSWER for case in group) for group in (dear, cases)]

    def price(case: Case, who: tuple[str, str]) -> float:
        return float(prices.of(*who).cost(case.tokens * 1_000, ANSWER * 1_000))  # of a thousand such questions

    routed = sum(price(case, COMPLEX if case.score >= threshold else SIMPLE) for case in cases) / len(cases)
    whole = sum(price(case, COMPLEX) for case in cases) / len(cases)
    free = sum(price(case, COMPLEX) for case in dear) / len(cases)
    yield "\n| | all complex | routed | saved |\n|---|---|---|---|"
    yield f"| questions for the complex one | {len(cases)} | {len(dear)} | {1 - len(dear) / len(cases):.0%} |"
    yield f"| its tokens | {tokens[1]:,} | {tokens[0]:,} | {1 - tokens[0] / tokens[1]:.0%} |"
    names = f"{COMPLEX[1].split('/')[1]}, simple ones {SIMPLE[1].split('/')[1]}"
    yield f"| a thousand questions, {names} | ${whole:.2f} | ${routed:.2f} | {1 - routed / whole:.0%} |"
    yield f"| the same, simple ones by a model of one's own | ${whole:.2f} | ${free:.2f} | {1 - free / whole:.0%} |"


def _table(cases: Sequence[Case], threshold: float) -> Iterator[str]:
    yield "\n| score | goes to | labelled | signs | half | package | question |\n|---|---|---|---|---|---|---|"
    for case in sorted(cases, key=lambda case: -case.score):
        goes = "complex" if case.score >= threshold else "simple"
        label = "complex" if case.hard else "simple"
        mark = label if label == goes else f"**{label}**"
        signs = ", ".join(_sign(case.signs, each.name) for each in fields(case.signs) if getattr(case.signs, each.name))
        half = "made" if case.made else "judged"
        text = case.text.replace("|", "\\|")
        yield f"| {case.score:.2f} | {goes} | {mark} | {signs} | {half} | {case.corpus} | {text} |"


def _sign(signs: "routing.Signs", name: str) -> str:
    value = getattr(signs, name)
    return name if value == 1 and name != "length" else f"{name} {value:.2f}"


if __name__ == "__main__":
    main()
