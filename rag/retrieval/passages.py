"""Chunks, best first → the passages that are shown: several of a file, and what stands together as one.

Pure. A place that answers a question is seldom one chunk: what a passage stands beside is read with it when it is good
too, so that a citation holds a whole thought.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

LONGEST = 3_000  # characters of a joined passage: two chunks of code. A model reads several places better than one file
BY_SCORE = 0.75  # of the passages; the others are each of one more file, so that one does not crowd out all others
NEIGHBOURS = 50  # of the best chunks are joined to a passage that they touch, although they would not be one themselves


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


def choose(best_first: Sequence[Passage], limit: int) -> list[Passage]:
    """At most `limit` passages of these chunks, in their order; what touches one of them is joined to it."""
    chosen: list[Passage] = []
    late: list[Passage] = []
    for chunk in best_first:
        if len(chosen) == limit:
            break
        if not _join(chosen, chunk):
            crowds = len(chosen) >= BY_SCORE * limit and any(each.path == chunk.path for each in chosen)
            (late if crowds else chosen).append(chunk)
    for chunk in late:
        if len(chosen) < limit and not _join(chosen, chunk):
            chosen.append(chunk)
    for chunk in best_first[:NEIGHBOURS]:
        _join(chosen, chunk)
    return chosen


def _join(chosen: list[Passage], chunk: Passage) -> bool:
    """Whether it is part of a passage now. The better one, which was there before, gives symbol and score."""
    same = [place for place, other in enumerate(chosen) if other.path == chunk.path]
    if any(_holds(chosen[place], chunk) for place in same):
        return True
    for place in same:
        joined = merge(chosen[place], chunk)
        if joined:
            chosen[place] = joined
            return True
    return False


def _holds(passage: Passage, chunk: Passage) -> bool:
    lines = passage.start_line <= chunk.start_line and chunk.end_line <= passage.end_line
    return lines and passage.chunks[0] <= chunk.chunks[0] and chunk.chunks[1] <= passage.chunks[1]


def merge(first: Passage, second: Passage) -> Passage | None:
    """One passage of both, or None: they do not touch, disagree on their common lines, or would be too long."""
    upper, lower = sorted((first, second), key=lambda each: (each.start_line, each.chunks))
    # Between a chunk and the next there is nothing but blank lines; else there may also be the rest of a long line.
    if lower.chunks[0] > upper.chunks[1] + 1:
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
    """Line number → line, or what there is of it, for the first and the last; None when the text has other lines."""
    lines = passage.text.removesuffix("\n").split("\n")
    if len(lines) != passage.end_line - passage.start_line + 1:
        return None
    return dict(enumerate(lines, passage.start_line))
