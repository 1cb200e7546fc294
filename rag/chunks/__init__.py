"""A file → the passages that are embedded and cited: their lines, exactly, and what they define.

Code is cut where its syntax tree is cut, prose in overlapping windows, and code that no parser can read by its
indentation. An edit moves the cuts near it only, so that little has to be embedded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from rag import files
from rag.chunks import lines, prose, syntax

VERSION = "1"  # goes up with every change of what comes out

PROSE = frozenset({"markdown", "rst"})
PLAIN = PROSE | {"", "text"}  # languages that are cut as prose is
SHOWN_NAMES = 4  # of a chunk that defines many things
LONGEST_SYMBOL = 200  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Whole lines of a file, 1-based and inclusive; `text[start:end]` is those lines without the last line end.

    Only a line longer than a chunk may be is shared by several. `symbol` is what the lines define or belong to
    (`Consumer.run`), for prose the headings above them, else "".
    """

    symbol: str
    start_line: int
    end_line: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """The chunks of a file in its order; `fell_back` when a grammar is there but could not read it."""

    chunks: tuple[Chunk, ...]
    fell_back: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """In characters: of a chunk of prose, of what two of them share, of a chunk of code."""

    prose: int
    overlap: int
    code: int

    @classmethod
    def from_settings(cls) -> "Sizes":
        return cls(prose=settings.RAG_CHUNK_SIZE, overlap=settings.RAG_CHUNK_OVERLAP, code=settings.RAG_CODE_CHUNK_SIZE)


def split(file: files.SourceFile, sizes: Sizes) -> Split:
    """At least one chunk of every file that is not blank. Never raises for what the text contains."""
    if file.kind != "code" or file.language in PLAIN:
        return Split(chunks=_prose(file, sizes), fell_back=False)
    try:
        structure = syntax.read(file.text, file.language)
    except syntax.NoGrammar:
        return Split(chunks=_code(file.text, sizes, None), fell_back=False)
    except syntax.Unreadable:
        return Split(chunks=_code(file.text, sizes, None), fell_back=True)
    return Split(chunks=_code(file.text, sizes, structure), fell_back=False)


def embedded_text(file: files.SourceFile, chunk: Chunk) -> str:
    """What the embedding model reads: where the lines stand, what they define, then the lines."""
    header = f"{file.path}: {chunk.symbol}" if chunk.symbol else file.path
    return f"{header}\n{file.text[chunk.start : chunk.end]}"


def _prose(file: files.SourceFile, sizes: Sizes) -> tuple[Chunk, ...]:
    headed = file.kind != "code" or file.language in PROSE
    windows = prose.split(file.text, sizes.prose, sizes.overlap, headed=headed)
    return tuple(_chunk(first, last, headings) for first, last, headings in windows)


def _code(text: str, sizes: Sizes, structure: syntax.Structure | None) -> tuple[Chunk, ...]:
    table = lines.table(text, sizes.code)
    if structure is None:
        costs = lines.costs(text, table, lines.indentation(text, table), frozenset())
    else:
        depths = structure.depths()
        costs = lines.costs(text, table, [depths[line.number] for line in table], frozenset(structure.comments))
    runs = lines.cut(table, costs, sizes.code)
    found = structure.definitions if structure else []
    ends = ((table[run.first], table[run.last]) for run in runs)
    return tuple(_chunk(first, last, _symbol(found, first.number, last.number)) for first, last in ends)


def _chunk(first: lines.Line, last: lines.Line, symbol: str) -> Chunk:
    return Chunk(symbol=symbol, start_line=first.number, end_line=last.number, start=first.start, end=last.end)


def _symbol(definitions: Sequence[syntax.Definition], first: int, last: int) -> str:
    """What is defined in these lines, after what ends in them; or else the innermost definition they are part of."""
    around: list[syntax.Definition] = []
    inside: list[syntax.Definition] = []
    for definition in definitions:  # parents come before their children
        if definition.start_line < first <= definition.end_line:
            around.append(definition)
        elif first <= definition.start_line <= last and not _within(definition, inside, last):
            inside.append(definition)
    ending = [each for each in around[-1:] if each.end_line < last]
    return _listed(list(dict.fromkeys(each.name for each in (ending + inside or around[-1:]))))


def _within(definition: syntax.Definition, inside: Sequence[syntax.Definition], last: int) -> bool:
    """Whether it is a detail of one that is there whole."""
    return bool(inside) and definition.end_line <= inside[-1].end_line <= last


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > SHOWN_NAMES else ""
    return (", ".join(names[:SHOWN_NAMES])[:LONGEST_SYMBOL]) + more
