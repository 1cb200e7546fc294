"""Where code nests and what it defines, read off a tree-sitter syntax tree."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import cast

import semble_grammars
import tree_sitter

from rag.chunks import names

logger = logging.getLogger(__name__)

# The parser is stopped after so many of its own steps (in hundreds), counted and not timed so that a file is always
# cut the same way; 50 KB of ordinary code takes about 1,000.
MAX_STEPS = 100_000
# A wrapper around what its parent already is: counting it would put a cut between a header and its body.
WRAPPERS = frozenset({"body", "definition", "declaration"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A named thing and the lines it stands in, 1-based and inclusive; the name starts with its parents'."""

    name: str
    start_line: int
    end_line: int


@dataclass(kw_only=True)
class Structure:
    """What a tree says about lines. `edges` holds, by line, nodes that open above it minus those that closed."""

    edges: list[int]
    comments: set[int] = field(default_factory=set)  # lines that hold nothing else
    definitions: list[Definition] = field(default_factory=list)
    last_row: int = -1  # of the node read last that fits on one
    unread: int = 0  # lines in which the grammar made no sense

    def depths(self) -> list[int]:
        """By 1-based line number: how many nodes a cut above that line would go through."""
        return list(accumulate(self.edges))


class NoGrammar(Exception):
    """There is no grammar for the language, so nothing was tried."""


class Unreadable(Exception):
    """The grammar could not be loaded, or its parser did not make sense of the text."""


def read(text: str, language: str) -> Structure:
    """Raises NoGrammar or Unreadable."""
    grammar = _grammar(language)
    try:
        tree = _parse(text.encode("utf-8", "replace"), grammar)
        structure = _structure(tree, line_count=text.count("\n") + 1)
    except Exception as error:  # a grammar may cost its file the tree, but nothing more
        raise Unreadable(f"The {language} parser gave up: {error}") from error
    if structure.unread * 2 > text.count("\n") + 1:
        raise Unreadable(f"The {language} parser made no sense of most lines.")
    return structure


def _grammar(language: str) -> tree_sitter.Language:
    found = _loaded(language)
    if isinstance(found, Exception):
        raise type(found)(*found.args)  # raised itself, it would keep the frames of every raise
    return found


@cache
def _loaded(language: str) -> tree_sitter.Language | NoGrammar | Unreadable:
    """Failures are kept too: a folder that cannot be written is tried and logged once, not for every file."""
    try:
        grammar: tree_sitter.Language = semble_grammars.get_language(language)
    except semble_grammars.LanguageNotFoundError:
        return NoGrammar(language)
    except Exception as error:  # noqa: BLE001 — whatever it is, lines will do
        logger.warning("Files in %s are cut by lines: %s (%s)", language, error, error.__cause__)
        return Unreadable(f"The {language} grammar could not be loaded: {error}")
    return grammar


def _parse(source: bytes, grammar: tree_sitter.Language) -> tree_sitter.Tree:
    """A parser of its own for each call: a parser serves one thread at a time, and making one costs microseconds."""
    steps = iter(range(MAX_STEPS))
    return tree_sitter.Parser(grammar).parse(
        lambda offset, _: source[offset : offset + 65_536],
        progress_callback=lambda _offset, _error: next(steps, None) is None,
    )


def _structure(tree: tree_sitter.Tree, line_count: int) -> Structure:
    structure = Structure(edges=[0] * (line_count + 2))
    for step in _steps(tree.walk()):
        _note(step, structure)
    return structure


@dataclass(slots=True)
class _Step:
    """A node on the way through the tree: in what role, under which name, in a part that could not be read or not."""

    node: tree_sitter.Node
    role: str | None
    parents: str
    broken: bool
    first: int  # rows
    last: int


def _steps(cursor: tree_sitter.TreeCursor) -> Iterator[_Step]:
    """Every node that takes several lines and its children, parents first; a loop, for any depth of nesting."""
    path: list[_Step] = []
    while True:
        step = _step(cursor, path[-1] if path else None)
        yield step
        if step.last > step.first and cursor.goto_first_child():
            path.append(step)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            path.pop()


def _step(cursor: tree_sitter.TreeCursor, above: _Step | None) -> _Step:
    node = cast(tree_sitter.Node, cursor.node)  # a cursor that has not left its tree has one
    start, end = node.start_point, node.end_point
    last = end.row - 1 if end.column == 0 and end.row > start.row else end.row
    parents = above.parents if above else ""
    return _Step(node, cursor.field_name, parents, bool(above and above.broken), start.row, last)


def _note(step: _Step, structure: Structure) -> None:
    """Records the node, and leaves its name and its state in `step` for its children."""
    node = step.node
    if step.last > step.first and step.role not in WRAPPERS:
        structure.edges[step.first + 2] += 1
        structure.edges[step.last + 2] -= 1
    if names.is_comment(node.type):
        if step.first != structure.last_row:  # else it stands behind code and is about that
            structure.comments.update(range(step.first + 1, step.last + 2))
    elif step.last == step.first:
        structure.last_row = step.last
    if node.is_error and not step.broken:
        step.broken = True
        structure.unread += step.last - step.first + 1
    name = names.of(node, several_lines=step.last > step.first)
    if name:
        step.parents = f"{step.parents}.{name}" if step.parents else name
        structure.definitions.append(Definition(name=step.parents, start_line=step.first + 1, end_line=step.last + 1))
