"""Answers without any model: says that it quotes, and quotes the lines of the best passages that match the question."""

import itertools
import re
import textwrap
from collections.abc import Iterator

from rag import lexical, llm, prompts
from rag.retrieval.passages import Passage

INTRODUCTION = (
    "No language model is set up here, so this is not a written answer: "
    "these are the places in the code that match your question best."
)
INSTEAD = (
    "The language model cannot answer at the moment, so this is not a written answer: "
    "these are the places in the code that match your question best."
)
PASSAGES = 3
LINES = 12  # of each passage


class ExtractiveStream:
    """An `llm.Stream` over text that is already there."""

    def __init__(self, pieces: Iterator[str | llm.Usage]) -> None:
        self._pieces = pieces
        self._ended = False

    def __iter__(self) -> Iterator[str | llm.Usage]:
        return self

    def __next__(self) -> str | llm.Usage:
        if self._ended:
            raise StopIteration
        return next(self._pieces)

    def close(self) -> None:
        self._ended = True


def build() -> "Extractive":
    return Extractive()


class Extractive:
    """Stands in the place of a model and never pretends to be one."""

    provider = "extractive"
    model = "none"

    def __init__(self, introduction: str = INTRODUCTION) -> None:
        """`introduction`: why no model answers."""
        self._introduction = introduction

    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> ExtractiveStream:
        """Short by itself, whatever `max_tokens`, and made of no tokens at all."""
        wanted = set(lexical.terms_of(prompt.question))
        quotes = (quote(number, passage, wanted) for number, passage in enumerate(prompt.passages[:PASSAGES], 1))
        head: list[str | llm.Usage] = [llm.Usage(tokens_in=0, tokens_out=0), self._introduction]
        return ExtractiveStream(itertools.chain(head, quotes))


def quote(number: int, passage: Passage, wanted: set[str]) -> str:
    """Where it is, and its lines that share most with the question (`wanted`: terms), as a block of code."""
    first, lines = window(passage.text.splitlines(), wanted)
    start = passage.start_line + first
    symbol = f" · `{_plain(passage.symbol)}`" if passage.symbol else ""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", "\n".join(lines))), default=0))
    language = re.sub(r"[^\w+#-]", "", passage.language.lower())
    where = f"`{_plain(passage.path)}`{symbol}, lines {start}–{start + len(lines) - 1} [{number}]"
    return "\n".join(["", "", where, "", f"{fence}{language}", textwrap.dedent("\n".join(lines)), fence])


def window(lines: list[str], wanted: set[str]) -> tuple[int, list[str]]:
    """The run of at most LINES lines with most of the wanted terms, the first of equals, without blank ones
    around it: (its index, the lines)."""
    hits = [len(wanted.intersection(lexical.terms_of(line))) for line in lines]
    starts = range(max(1, len(lines) - LINES + 1))
    best = max(starts, key=lambda start: sum(hits[start : start + LINES]))
    chosen = lines[best : best + LINES]
    blank = next((n for n, line in enumerate(chosen) if line.strip()), 0)
    last = next((n for n in range(len(chosen), 0, -1) if chosen[n - 1].strip()), len(chosen))
    return best + blank, chosen[blank:last]


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ")
