"""Descriptions of functions, to be asked after they were taken out of the text.

A Python docstring, or in other languages the comment above a definition. Its first sentence says in words what the
lines do, as a visitor would, and who wrote it knew the code.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rag import files
from rag.chunks import syntax

FEWEST_WORDS, MOST_WORDS = 5, 40
FEWEST_LINES, MOST_LINES = 3, 120  # of what is described: less says nothing, more is found by any passage

_ASIDE = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|examples?|samples?|demos?|benchmarks?|docs?|fixtures)/"
    r"|(^|/)(test_[^/]*|conftest\.py)$|[._-](test|spec)s?\.\w+$"
)
_MARKS = re.compile(r"^\s*(?:/\*+!?|\*+/|\*(?!\*)|//+!?|#+|--+|;+|\"{3}|'{3})?\s?|\s*\*+/\s*$", re.MULTILINE)
_END = re.compile(r"(?<=[.!?:])(?=\s+[A-Z]|\s*$)|\n\s*\n|\n\s*(?=[@:\\]\w)")
_NOT_WORDS = re.compile(r"https?://|copyright|licen[cs]e|eslint|noqa|todo|fixme|@\w+|>>>|-{3,}|={3,}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What `sentence` says of the lines `start` to `end`, and the lines `first` to `last` that it was read from."""

    sentence: str
    symbol: str
    start: int
    end: int
    first: int
    last: int


def is_aside(path: str) -> bool:
    """Whether a file is there to try or to show the code rather than to be it."""
    return _ASIDE.search(path) is not None


def of(file: files.SourceFile) -> list[Description]:
    """The descriptions in a file that can be asked: whole sentences, on lines of their own."""
    if file.kind != "code" or is_aside(file.path):
        return []
    found = _docstrings(file.text) if file.language == "python" else _comments(file)
    return [each for each in found if _says_something(each)]


def without(file: files.SourceFile, descriptions: Iterable[Description]) -> files.SourceFile:
    """The file with blank lines in their place, so that every other line keeps its number."""
    lines = file.text.split("\n")
    for each in descriptions:
        lines[each.first - 1 : each.last] = [""] * (each.last - each.first + 1)
    text = "\n".join(lines)
    sha = hashlib.sha1(text.encode(errors="replace"), usedforsecurity=False).hexdigest()
    return replace(file, text=text, blob_sha=sha, size=len(text.encode(errors="replace")))


def first_sentence(comment: str, symbol: str) -> str:
    """What a comment says first, without its marks and without the name that it describes."""
    text = _MARKS.sub("", comment).strip()
    words = _END.split(text, maxsplit=1)[0].split()
    name = symbol.rpartition(".")[2]
    if words and words[0].strip("`*:()").lower() == name.lower():
        words = words[1:]
    return " ".join(words)


def _docstrings(text: str) -> Iterator[Description]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and len(node.body) > 1:
            said = node.body[0]
            if (
                isinstance(said, ast.Expr)
                and isinstance(said.value, ast.Constant)
                and isinstance(said.value.value, str)
            ):
                alone = node.lineno < said.lineno and (said.end_lineno or 0) < node.body[1].lineno
                if alone:
                    yield _description(node.name, said.value.value, (node.lineno, node.end_lineno), said)


def _description(name: str, text: str, place: tuple[int, int | None], said: ast.stmt) -> Description:
    start, end = place
    return Description(
        sentence=first_sentence(text, name), symbol=name, start=start, end=end or start, first=said.lineno,
        last=said.end_lineno or said.lineno,
    )  # fmt: skip


def _comments(file: files.SourceFile) -> Iterator[Description]:
    try:
        structure = syntax.read(file.text, file.language)
    except (syntax.NoGrammar, syntax.Unreadable):
        return
    lines = file.text.split("\n")
    for definition in structure.definitions:
        first = last = definition.start_line - 1
        while first in structure.comments and first > 0:
            first -= 1
        if first < last:
            yield Description(
                sentence=first_sentence("\n".join(lines[first:last]), definition.name), symbol=definition.name,
                start=definition.start_line, end=definition.end_line, first=first + 1, last=last,
            )  # fmt: skip


def _says_something(description: Description) -> bool:
    size = description.end - description.start + 1 - (description.last >= description.start) * _own_lines(description)
    words = description.sentence.split()
    return (
        FEWEST_WORDS <= len(words) <= MOST_WORDS
        and FEWEST_LINES <= size <= MOST_LINES
        and not _NOT_WORDS.search(description.sentence)
    )


def _own_lines(description: Description) -> int:
    return description.last - description.first + 1
