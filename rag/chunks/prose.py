"""Prose and unknown text: overlapping windows that end at a heading, a paragraph, a sentence or a line."""

import re
from collections.abc import Iterator, Sequence

from rag.chunks import lines
from rag.chunks.lines import Line, Run

HEADING, PARAGRAPH, SENTENCE, LINE, WORD = range(5)  # how good a place to cut above a line is; the smallest is the best
_MARKED = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*?)[ \t#]*$")
_UNDERLINE = re.compile(r"([=\-~^\"*+#])\1{2,}[ \t\r]*$")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_SENTENCE_END = re.compile(r"[.!?:。][\"')\]*_`]*[ \t\r]*$")


def headings(text: str, table: Sequence[Line]) -> dict[int, tuple[int, str]]:
    """Index of a line → level (1 is the highest) and title, for Markdown's and reStructuredText's headings."""
    found: dict[int, tuple[int, str]] = {}
    levels: dict[str, int] = {}
    fenced = False
    for index, line in enumerate(table):
        content = text[line.start : line.end]
        if _FENCE.match(content):
            fenced = not fenced
        elif not fenced and (match := _MARKED.match(content)):
            found[index] = (len(match[1]), match[2])
        elif not fenced and index + 1 < len(table) and _underlined(text, line, table[index + 1]):
            mark = text[table[index + 1].start]
            found[index] = (levels.setdefault(mark, len(levels) + 1), content.strip())
    return found


def _underlined(text: str, line: Line, below: Line) -> bool:
    mark = text[below.start : below.end]
    content = text[line.start : line.end].rstrip()
    return (
        below.number == line.number + 1
        and _UNDERLINE.match(mark) is not None
        and _UNDERLINE.match(content) is None
        and content[:1].isalnum()
        and len(content) <= len(mark.rstrip()) * 2
    )


def breaks(text: str, table: Sequence[Line], titles: dict[int, tuple[int, str]]) -> list[int]:
    """How good a place to cut is above each line."""
    found = [HEADING]
    for index in range(1, len(table)):
        above, line = table[index - 1], table[index]
        if index in titles:
            found.append(HEADING)
        elif above.number + 1 < line.number:
            found.append(PARAGRAPH)
        else:
            rest = WORD if above.number == line.number else LINE
            found.append(SENTENCE if _SENTENCE_END.search(text[above.start : above.end]) else rest)
    return found


def windows(table: Sequence[Line], breaks: Sequence[int], size: int, overlap: int) -> Iterator[Run]:
    """Runs of at most `size` characters; each starts with up to `overlap` characters of whole lines of the one before.

    Nothing is repeated across a heading: what stands above it is about something else.
    """
    start = end = 0
    while end < len(table):
        end = _end(table, breaks, start, end + 1, size)
        yield Run(start, end - 1)
        if end < len(table):
            start = end if breaks[end] == HEADING else _back(table, start, end, size, overlap)


def _end(table: Sequence[Line], breaks: Sequence[int], start: int, least: int, size: int) -> int:
    """Index after the last line of the window: the best place in its second half, the last one among equals."""
    end = least
    while end < len(table) and table[end].end - table[start].start <= size:
        end += 1
    if end == len(table):
        return end
    late = [i for i in range(least, end + 1) if table[i - 1].end - table[start].start >= size // 2] or [end]
    return min(reversed(late), key=lambda index: breaks[index])


def _back(table: Sequence[Line], start: int, end: int, size: int, overlap: int) -> int:
    """Where the next window starts, so that it also has room for the line at `end`."""
    back = end
    while (
        back - 1 > start
        and table[end - 1].end - table[back - 1].start <= overlap
        and table[end].end - table[back - 1].start <= size
    ):
        back -= 1
    return back


def title(titles: dict[int, tuple[int, str]], run: Run) -> str:
    """The headings over the first line of `run`, the outermost first."""
    trail: list[tuple[int, str]] = []
    for index, (level, name) in titles.items():
        if index <= run.first:
            trail = [(above, text) for above, text in trail if above < level] + [(level, name)]
    return ": ".join(name for _, name in trail)[:200]


def split(text: str, size: int, overlap: int, *, headed: bool) -> list[tuple[Line, Line, str]]:
    """First line, last line and headings of every window. A line longer than `size` is taken sentence by sentence.

    `headed`: whether to look for headings; in a file of an unknown kind `# …` is more often a comment.
    """
    overlap = min(overlap, size // 2)
    table = lines.table(text, size, part=max(overlap, size // 5))
    titles = headings(text, table) if headed else {}
    found = windows(table, breaks(text, table, titles), size, overlap)
    return [(table[run.first], table[run.last], title(titles, run)) for run in found]
