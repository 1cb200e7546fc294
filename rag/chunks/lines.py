"""A text as lines that can be cited, and runs of lines cut where it costs least."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

TAB = 4  # columns
MAX_DEPTH = 64  # deeper nesting is cut as if it were flat, which bounds the passes over a file
BLANK_ABOVE, TIGHT, GLUED = 0, 1, 3  # added to STEP × depth
STEP = 4
OPENS = 8  # a run of an eighth of the limit opens a chunk
SCRAP = 8  # one below goes to a neighbour
_CLOSING = re.compile(r"[\s)\]}>;,]+$|\s*(end|fi|done|esac)\b")
COMMENT_GAP = 2  # lines from the end of a comment to what it is about: some leave one blank


class Line(NamedTuple):
    """A line that is not blank, or a part of one too long for a chunk: 1-based number, offsets without the line end."""

    number: int
    start: int
    end: int


class Run(NamedTuple):
    """Neighbouring lines: indices into the list of lines, both inclusive."""

    first: int
    last: int


def table(text: str, longest: int, part: int | None = None) -> list[Line]:
    """The lines of `text` that are not blank, in order; only "\\n" ends a line.

    One longer than `longest` characters comes in parts of at most `part`.
    """
    lines: list[Line] = []
    start = 0
    for number, content in enumerate(text.split("\n"), start=1):
        end = start + len(content)
        if not content or content.isspace():
            pass
        elif len(content) <= longest:
            lines.append(Line(number, start, end))
        else:
            parts = parts_of(text, start, end, part or longest)
            lines.extend(Line(number, a, b) for a, b in parts if not text[a:b].isspace())
        start = end + 1
    return lines


def parts_of(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Offsets of pieces of at most `longest` characters, cut after a sentence or a space in the second half if any."""
    while end - start > longest:
        middle, limit = start + longest // 2, start + longest
        cut = max(text.rfind(mark, middle, limit) + len(mark) for mark in (". ", "! ", "? ", "。"))
        cut = cut if cut > middle else text.rfind(" ", middle, limit) + 1
        cut = cut if cut > middle else limit
        yield start, cut
        start = cut
    yield start, end


def size(lines: Sequence[Line], run: Run) -> int:
    """In characters, the blank lines between included."""
    return lines[run.last].end - lines[run.first].start


def costs(text: str, lines: Sequence[Line], depths: Sequence[int], comments: frozenset[int]) -> list[int]:
    """What it costs to cut above each line, given its nesting depth.

    A blank line above makes a cut cheaper. A comment belongs to what follows it and a closing bracket to what it
    closes, so a cut there is dearer, but still cheaper than one a level deeper.
    """
    found = [0]
    for above, line, depth in zip(lines, lines[1:], depths[1:], strict=False):
        glued = above.number in comments and above.number + COMMENT_GAP >= line.number
        closing = _CLOSING.match(text, line.start, line.end) is not None
        loose = above.number + 1 < line.number
        extra = GLUED if glued or closing else BLANK_ABOVE if loose else TIGHT
        found.append(STEP * min(depth, MAX_DEPTH) + extra)
    return found


def indentation(text: str, lines: Sequence[Line]) -> list[int]:
    """Depth of each line by its indentation, in columns: the structure of a text that no parser read."""
    found = []
    for line in lines:
        content = text[line.start : line.end].expandtabs(TAB)
        found.append(len(content) - len(content.lstrip()))
    return found


def cut(lines: Sequence[Line], costs: Sequence[int], limit: int) -> list[Run]:
    """Runs of at most `limit` characters (an eighth more where a scrap is taken in) that cover all lines."""
    runs: list[Run] = []
    todo = [Run(0, len(lines) - 1)] if lines else []
    while todo:
        run = todo.pop()
        if run.first == run.last or size(lines, run) <= limit:
            runs.append(run)
        else:
            todo.extend(reversed(_merged(lines, _siblings(run, costs), limit)))
    return _absorbed(lines, runs, costs, limit)


def _siblings(run: Run, costs: Sequence[int]) -> Iterator[Run]:
    """`run` cut at all of its cheapest places."""
    cheapest = min(costs[run.first + 1 : run.last + 1])
    first = run.first
    for index in range(run.first + 1, run.last + 1):
        if costs[index] == cheapest:
            yield Run(first, index - 1)
            first = index
    yield Run(first, run.last)


def _merged(lines: Sequence[Line], runs: Iterator[Run], limit: int) -> list[Run]:
    """Small neighbours joined up to `limit`.

    A run of some size always opens a new one: an edit then moves the cuts around it and no others.
    """
    found: list[Run] = []
    for run in runs:
        joined = Run(found[-1].first, run.last) if found else run
        if found and size(lines, run) < limit // OPENS and size(lines, joined) <= limit:
            found[-1] = joined
        else:
            found.append(run)
    return found


def _absorbed(lines: Sequence[Line], runs: Sequence[Run], costs: Sequence[int], limit: int) -> list[Run]:
    """Scraps (a lone header, bracket or import) joined to the neighbour they are bound to most."""
    found: list[Run] = []
    for index, run in enumerate(runs):
        after = costs[runs[index + 1].first] if index + 1 < len(runs) else -1
        goes_back = _is_scrap(lines, run, limit) and costs[run.first] >= after
        if found and (goes_back or _is_scrap(lines, found[-1], limit)) and _fits(lines, found[-1], run, limit):
            found[-1] = Run(found[-1].first, run.last)
        else:
            found.append(run)
    return found


def _is_scrap(lines: Sequence[Line], run: Run, limit: int) -> bool:
    return size(lines, run) < limit // SCRAP


def _fits(lines: Sequence[Line], left: Run, right: Run, limit: int) -> bool:
    return size(lines, Run(left.first, right.last)) <= limit + limit // SCRAP
