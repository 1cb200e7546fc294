"""Candidates → the passages that are shown, best first.

Pure. The weights are those that did best on questions about several repositories; see benchmarks/.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag.retrieval import passages
from rag.retrieval.passages import Passage

# A file that is hit several times is likelier to be the right one: its second and third best chunks count in part.
FILE_SUPPORT = (0.2, 0.1)
TESTS, EXAMPLES, PROSE = 0.7, 0.8, 0.8  # of their scores, unless they are asked for
MENTION = 0.15  # for a symbol or a file that the question names
OVERVIEW = 0.3  # for the README, when the question is about the project as a whole

_IN_TESTS = re.compile(
    r"(^|/)(tests?|testing|spec|specs|__tests__)/|(^|/)(test_[^/]*|conftest\.py)$|[._-](test|spec)s?\.\w+$"
)
_ASKS_FOR_TESTS = re.compile(r"\btest(s|ed|ing)?\b|\bfixtures?\b|\bspecs?\b", re.IGNORECASE)
_IN_EXAMPLES = re.compile(r"(^|/)(examples?|samples?|demos?|benchmarks?|fixtures|docs?|docs_src)/")
_ASKS_FOR_EXAMPLES = re.compile(r"\b(examples?|samples?|demos?|benchmark(s|ed|ing)?|tutorial)\b", re.IGNORECASE)
_ASKS_FOR_PROSE = re.compile(
    r"\b(readme|install\w*|licen[cs]e|changelog|contribut\w+|document\w+|about|requirements?)\b", re.IGNORECASE
)
_OVERVIEW = re.compile(
    r"\bwhat(['’]s| is| are) (this|it)\W*$|\bwhat(['’]s| is| are) [\w.`-]{1,60}( \w{1,30})? (for|about)\W*$"
    r"|\b(this|the|your) (project|repo(sitory)?|library|package|program|app(lication)?|tool)\b.{0,20}\b(do|for|about)\b"
    r"|\boverview\b|\b(summari[sz]e|introduce) (this|the|it)\b",
    re.IGNORECASE,
)
# What a question names on purpose: `quoted`, call(), dotted.name, snake_case, camelCase, a/path or file.py
# Anybody may ask anything: each alternative starts at one place of a word and never goes back into what it has read.
_NAMED = re.compile(
    r"`([^`\s]+)`|\b([A-Za-z_]\w*+)\(\)|(?<![\w-])((?:[\w-]++/)*+(?:[\w-]*-)?+\d*+[^\W\d]\w*+(?:\.\w++)++)"
    r"|(?<![\w.-])((?:[\w.-]++/)+[\w.-]++)|\b(\w*[A-Za-z0-9]_\w+|_+\w+)|\b([A-Za-z]+[a-z0-9][A-Z]\w*)"
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a question says about where its answer stands."""

    named: frozenset[str]
    overview: bool
    tests: bool
    examples: bool
    prose: bool

    @classmethod
    def of(cls, question: str) -> "Asked":
        patterns = {"tests": _ASKS_FOR_TESTS, "examples": _ASKS_FOR_EXAMPLES, "prose": _ASKS_FOR_PROSE}
        found = {name: bool(pattern.search(question)) for name, pattern in patterns.items()}
        return cls(named=names(question), overview=is_overview(question), **found)


def rank(candidates: Sequence[Passage], question: str, limit: int) -> list[Passage]:
    """At most `limit` passages, best first; what stands together in a file is joined."""
    asked = Asked.of(question)
    scores = [weigh(each, asked) for each in candidates]
    support = _support(candidates, scores)
    pairs = zip(candidates, scores, strict=True)
    weighed = [replace(each, score=score + support[each.path]) for each, score in pairs]
    return passages.choose(sorted(weighed, key=lambda each: -each.score), limit)


def weigh(passage: Passage, asked: Asked) -> float:
    """Its score, less for what is usually not meant and more for what the question names."""
    if passage.kind == "readme" and asked.overview:
        return passage.score + OVERVIEW
    named = asked.named and not asked.named.isdisjoint(_answers_to(passage))
    return passage.score * _worth(passage, asked) + (MENTION if named else 0)


def _worth(passage: Passage, asked: Asked) -> float:
    place = _place(passage.path)
    if place == "tests" and not asked.tests:
        return TESTS
    if place == "examples" and not asked.examples:
        return EXAMPLES
    return PROSE if passage.kind != "code" and not asked.prose else 1.0


@lru_cache(maxsize=10_000)
def _place(path: str) -> str:
    return "tests" if _IN_TESTS.search(path) else "examples" if _IN_EXAMPLES.search(path) else ""


def is_overview(question: str) -> bool:
    """Whether it is about the project as a whole, which its README answers."""
    return bool(_OVERVIEW.search(question))


def names(question: str) -> frozenset[str]:
    """Symbols and files that the question names, lower-cased; a dotted name or a path also by its last part."""
    found = {part.lower() for match in _NAMED.finditer(question) for part in match.groups() if part}
    return frozenset(found | {last for name in found if len(last := re.split(r"[./]", name)[-1]) > 3})


def _answers_to(passage: Passage) -> set[str]:
    symbol, path = passage.symbol.lower(), passage.path.lower()
    parts = path.split("/")
    paths = {"/".join(parts[start:]) for start in range(len(parts))}
    symbols = re.split(r"[,\s]+", symbol)
    return {*paths, *symbols, *(each.split(".")[-1] for each in symbols)} - {""}


def _support(candidates: Sequence[Passage], scores: Sequence[float]) -> dict[str, float]:
    """File → what its next best candidates add to each of them."""
    of_file: dict[str, list[float]] = defaultdict(list)
    for candidate, score in zip(candidates, scores, strict=True):
        of_file[candidate.path].append(score)
    return {
        path: sum(weight * score for weight, score in zip(FILE_SUPPORT, sorted(found, reverse=True)[1:], strict=False))
        for path, found in of_file.items()
    }
