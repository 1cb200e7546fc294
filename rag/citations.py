"""What a model wrote → the same with those citations only that stand for a passage it was given.

Pure. However a model writes them ([1, 2], [1-3], 【1】, [source 2], a link on a number), they leave as [1][2]. Code is
left alone, and what code is says the parser that the answer is shown with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from portfolio import markdown

_NUMBERS = r"\d{1,9}(?:\s*(?:,|;|&|and|-|–|—)\s*(?:(?:source|passage)s?\s*)?\d{1,9})*"
_INSIDE = rf"\^?(?:(?:source|passage)s?\s*)?{_NUMBERS}"
_CITATION = re.compile(
    r"(?<!(?<!\\)\\)"  # a bracket that is not escaped
    rf"(?:\[\[(?P<double>{_INSIDE})\]\]|\[(?P<single>{_INSIDE})\]|【(?P<lens>{_INSIDE})[^】\n]{{0,40}}】)"
    r"(?:\([^()\s]*(?:\s+\"[^\"\n]*\")?\))?",
    re.IGNORECASE,
)
_RUN = re.compile(rf"(?P<space>(?<![ \t])[ \t]*)(?P<run>(?:{_CITATION.pattern})+)", re.IGNORECASE)
# Stands in the place of a run while the parser looks at the text around it. Unicode keeps it from ever being a text's.
_MARK = "\ufdd0"
_MARKED = re.compile(rf"(?P<space>(?<![ \t])[ \t]*){_MARK}(?P<place>\d+){_MARK}")
MOST = 100  # of one range
PASSES = (
    20  # taking one out may leave another behind, as in [[99]98]; what goes deeper is no answer's, and cites nothing
)
_NO_BRACKETS = str.maketrans("[]【】", "()()")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """`cited`: the numbers that remain, each once, in rising order."""

    text: str
    cited: tuple[int, ...]


def check(answer: str, count: int) -> Checked:
    """Markdown with citations of passages 1…`count`; the others are taken out."""
    checked = Checked(text=answer.replace(_MARK, ""), cited=())
    for _ in range(PASSES):
        before, checked = checked.text, _checked_once(checked.text, count)
        if checked.text == before:
            return checked
    return Checked(text=checked.text.translate(_NO_BRACKETS), cited=())


def numbers(written: str) -> list[int]:
    """ "1, 3-5" → [1, 3, 4, 5], each once."""
    found: dict[int, None] = {}
    for first, last in re.findall(r"(\d+)(?:\s*[-–—]\s*\D*?(\d+))?", written):
        start, end = int(first), int(last or first)
        found |= dict.fromkeys(range(start, min(end, start + MOST) + 1) if end >= start else (start, end))
    return list(found)


def _checked_once(text: str, count: int) -> Checked:
    runs: list[str] = []
    cited: set[int] = set()

    def hide(match: re.Match[str]) -> str:
        runs.append(match["run"])
        return f"{match['space']}{_MARK}{len(runs) - 1}{_MARK}"

    def show(match: re.Match[str]) -> str:
        place = int(match["place"])
        if place not in prose:
            return match["space"] + runs[place]
        given = [number for number in _written(runs[place]) if 1 <= number <= count]
        cited.update(given)
        return match["space"] + "".join(f"[{number}]" for number in given) if given else ""

    hidden = _RUN.sub(hide, text)
    prose = set(_marks(_parser().parse(hidden))) if runs else set()
    return Checked(text=_MARKED.sub(show, hidden), cited=tuple(sorted(cited)))


def _written(run: str) -> list[int]:
    return [
        number
        for each in _CITATION.finditer(run)
        for number in numbers(each["double"] or each["single"] or each["lens"])
    ]


def _marks(tokens: list[Token]) -> Iterator[int]:
    """The places of the runs that are shown as text: not as code, and not as a part of an address."""
    for block in tokens:
        is_address = False
        for token in block.children or ():
            if token.type in ("link_open", "link_close"):
                is_address = token.type == "link_open" and token.info == "auto"
            if token.type == "text" and not is_address:
                yield from (int(mark["place"]) for mark in _MARKED.finditer(token.content))


def _parser() -> MarkdownIt:
    """Reads as portfolio.markdown does, which shows the answer."""
    options = {"html": False, "maxNesting": markdown.MAX_NESTING}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).disable("reference")
