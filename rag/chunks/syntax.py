"""Where code nests and what it defines, read off a tree-sitter syntax tree."""

import logging
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

import semble_grammars
import tree_sitter

from rag.chunks import names

logger = logging.getLogger(__name__)

# The parser is stopped after so many of its own steps (in hundreds), counted and not timed so that a file is always
# cut the same way; 50 KB of ordinary code takes about 1,000.
MAX_STEPS = 100_000
PIECE = 1_024  # bytes that the parser is given at once, and that are copied whenever the text of a node is asked for
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

    def define(self, name: str, parents: str, first: int, last: int) -> str:
        """Note what lines define, if they do; the name that what is inside of them is in."""
        if not name:
            return parents
        full = f"{parents}.{name}" if parents else name
        self.definitions.append(Definition(name=full, start_line=first, end_line=last))
        return full


class NoGrammar(Exception):
    """There is no grammar for the language, so nothing was tried."""


class Unreadable(Exception):
    """The grammar could not be loaded, or its parser did not make sense of the text."""


def read(text: str, language: str) -> Structure:
    """Raises NoGrammar or Unreadable."""
    grammar = _grammar(language)
    try:
        source = text.encode("utf-8", "replace")
        structure = _structure(_parse(source, grammar), source, _kinds(language))
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


@cache
def _kinds(_language: str) -> dict[int, names.Kind]:
    """What is known of a grammar's nodes by the number of their kind: asking for its name makes a string each time."""
    return {}


def _parse(source: bytes, grammar: tree_sitter.Language) -> tree_sitter.Tree:
    """A parser of its own for each call: a parser serves one thread at a time, and making one costs microseconds."""
    steps = iter(range(MAX_STEPS))
    return tree_sitter.Parser(grammar).parse(
        lambda offset, _: source[offset : offset + PIECE],
        progress_callback=lambda _offset, _error: next(steps, None) is None,
    )


@dataclass(frozen=True, slots=True)
class _Open:
    """A node of several lines that the walk is in: the names it has and is in, and whether it could not be read."""

    name: str
    broken: bool


def _structure(tree: tree_sitter.Tree, source: bytes, kinds: dict[int, names.Kind]) -> Structure:
    """Walks every node that takes several lines and its children, parents first; a loop, for any depth of nesting.

    Most nodes stand on one line and say nothing: those cost a few comparisons and no object.
    """
    ends = list(accumulate(len(line) + 1 for line in source.split(b"\n")))  # of each row, its line feed included
    structure = Structure(edges=[0] * (len(ends) + 2))
    row, end = 0, ends[0]
    cursor = tree.walk()
    to_child, to_next, to_parent = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
    path = [_Open("", broken=False)]
    while (node := cursor.node) is not None:
        start, number = node.start_byte, node.kind_id
        while start >= end:
            row, end = row + 1, ends[row + 1]
        kind = kinds.get(number) or kinds.setdefault(number, names.kind(node.type))
        if node.end_byte > end:
            path.append(_opened(cursor, node, kind, path[-1], structure))
            if to_child():
                continue
            path.pop()
        elif kind.is_plain:
            structure.last_row = row
        else:
            _note(node, kind, row, path[-1], structure)
        while not to_next():
            if not to_parent():
                return structure
            path.pop()
    return structure


def _opened(
    cursor: tree_sitter.TreeCursor, node: tree_sitter.Node, kind: names.Kind, above: _Open, structure: Structure
) -> _Open:
    """Records the node of several lines that the cursor is at."""
    first, (last, column) = node.start_point.row, node.end_point
    last -= column == 0
    if cursor.field_name not in WRAPPERS:
        structure.edges[first + 2] += 1
        structure.edges[last + 2] -= 1
    if kind.is_comment and first != structure.last_row:  # else it stands behind code and is about that
        structure.comments.update(range(first + 1, last + 2))
    if kind.is_error and not above.broken:
        structure.unread += last - first + 1
    name = names.of(node, kind.on_several) if kind.on_several else ""
    if not (name or kind.is_error):
        return above
    return _Open(structure.define(name, above.name, first + 1, last + 1), broken=above.broken or kind.is_error)


def _note(node: tree_sitter.Node, kind: names.Kind, row: int, above: _Open, structure: Structure) -> None:
    """Records a node on one line."""
    if not kind.is_comment:
        structure.last_row = row
    elif row != structure.last_row:
        structure.comments.add(row + 1)
    if kind.is_error and not above.broken:
        structure.unread += 1
    if kind.on_one_line:
        structure.define(names.of(node, kind.on_one_line), above.name, row + 1, row + 1)
