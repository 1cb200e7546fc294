"""Candidates → the passages that are shown, best first.

Pure. The weights are those that did best on questions about several repositories; see benchmarks/.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

# A file that is hit several times is likelier to be the right one: its second and third best chunks count in part.
FILE_SUPPORT = (0.2, 0.1)
ASIDE = 0.8  # for tests, examples, `__init__` and prose, unless they are asked for
MENTION = 0.15  # for a symbol or a file that the question names
OVERVIEW = 0.3  # for the README, when the question is about the project as a whole
CHUNKS_A_FILE = 3  # before those of other files have had their turn
LONGEST = 3_000  # characters of a joined passage: two chunks of code. A model reads several places better than one file

_ASIDES = (
    (re.compile(r"(^|/)(tests?|testing|spec|specs|__tests__)/|(^|/)(test_[^/]*|conftest\.py)$|[._-](test|spec)s?\.\w+$"),
     re.compile(r"\btest(s|ed|ing)?\b|\bfixtures?\b|\bspecs?\b", re.IGNORECASE)),
    (re.compile(r"(^|/)(examples?|samples?|demos?|benchmarks?|fixtures|docs?|docs_src)/"),
     re.compile(r"\b(examples?|samples?|demos?|benchmark(s|ed|ing)?|tutorial)\b", re.IGNORECASE)),
    (re.compile(r"(^|/)__init__\.pyi?$"), re.compile(r"__init__|\bpackage\b|\bexport(s|ed)?\b", re.IGNORECASE)),
)  # fmt: skip
_PROSE = re.compile(
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
class Passage:
    """Lines of a file as they are in the commit. `similarity`: cosine to the question, −1…1; `score`: what ranks it.

    `chunks`: the places of its first and last chunk in the file. `best`: first and last line of the chunk that gave the
    score, when there are several; else None.
    """

    path: str
    language: str
    kind: str
    symbol: str
    start_line: int
    end_line: int
    text: str
    score: float
    similarity: float
    commit: str
    chunks: tuple[int, int] = (0, 0)
    best: tuple[int, int] | None = None


def rank(candidates: Sequence[Passage], question: str, limit: int) -> list[Passage]:
    """At most `limit` passages, best first; what stands together in a file is joined.

    Of a file three chunks at most, unless the other files have no more.
    """
    named = names(question)
    weighed = [replace(each, score=weigh(each, question, named)) for each in candidates]
    best_first = sorted(_supported(weighed), key=lambda each: -each.score)
    chosen: list[Passage] = []
    for passage in _in_turn(best_first):
        if not _merge_into(chosen, passage):
            chosen.append(passage)
        if len(chosen) >= limit:
            break
    return chosen


def _in_turn(best_first: Sequence[Passage]) -> Iterator[Passage]:
    """The best of each file, then the others."""
    seen: Counter[str] = Counter()
    late: list[Passage] = []
    for passage in best_first:
        seen[passage.path] += 1
        if seen[passage.path] <= CHUNKS_A_FILE:
            yield passage
        else:
            late.append(passage)
    yield from late


def weigh(passage: Passage, question: str, named: frozenset[str]) -> float:
    """Its score, less for what is usually not meant and more for what the question names."""
    aside = any(place.search(passage.path) and not asked.search(question) for place, asked in _ASIDES)
    if passage.kind == "readme" and is_overview(question):
        return passage.score + OVERVIEW
    aside = aside or (passage.kind != "code" and not _PROSE.search(question))
    return passage.score * (ASIDE if aside else 1) + (MENTION if named & _answers_to(passage) else 0)


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


def _supported(passages: Sequence[Passage]) -> list[Passage]:
    """Each with what the next best of its file add."""
    scores: dict[str, list[float]] = defaultdict(list)
    for passage in passages:
        scores[passage.path].append(passage.score)
    support = {
        path: sum(weight * score for weight, score in zip(FILE_SUPPORT, sorted(all_, reverse=True)[1:], strict=False))
        for path, all_ in scores.items()
    }
    return [replace(each, score=each.score + support[each.path]) for each in passages]


def _merge_into(chosen: list[Passage], passage: Passage) -> bool:
    """Join it to one that was chosen before, when they stand together. The better one gives symbol and score."""
    for place, other in enumerate(chosen):
        joined = merge(other, passage) if other.path == passage.path else None
        if joined:
            chosen[place] = joined
            return True
    return False


def merge(first: Passage, second: Passage) -> Passage | None:
    """One passage of both, or None: they do not touch, disagree on their common lines, or would be too long."""
    upper, lower = sorted((first, second), key=lambda each: each.start_line)
    # Between a chunk and the next there is nothing but blank lines.
    if lower.start_line > upper.end_line + 1 and lower.chunks[0] != upper.chunks[1] + 1:
        return None
    mine, others = _lines(first), _lines(second)
    if mine is None or others is None or any(mine[at] != others[at] for at in mine.keys() & others.keys()):
        return None
    between = dict.fromkeys(range(upper.end_line + 1, lower.start_line), "")
    lines = mine | others | between
    text = "\n".join(lines[at] for at in sorted(lines))
    if len(text) > LONGEST:
        return None
    return replace(
        first,
        text=text,
        start_line=min(lines),
        end_line=max(lines),
        chunks=(min(first.chunks[0], second.chunks[0]), max(first.chunks[1], second.chunks[1])),
        best=first.best or (first.start_line, first.end_line),
    )


def _lines(passage: Passage) -> dict[int, str] | None:
    """Line number → line; None when the text is not whole lines, as a piece of one very long line is."""
    lines = passage.text.removesuffix("\n").split("\n")
    if len(lines) != passage.end_line - passage.start_line + 1:
        return None
    return dict(enumerate(lines, passage.start_line))
