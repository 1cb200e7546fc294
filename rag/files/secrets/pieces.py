"""Secrets that are put together in the code: `"ghp_" + "…"`, a string over two lines, `["sk-", "…"].join("")`.

Pieces that stand side by side are read as one. A piece that is all that a provider's keys begin with is tried with
what comes after it, whatever joins the two.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from rag.files.secrets import assignments, kinds
from rag.files.secrets.kinds import Span

_OPERATOR = r"(?:\+\+?|\.\.?|&|\|\||<>)"
_SPACE = r"(?:[ \t]{0,8}\n)?[ \t]{0,80}"
_BETWEEN = rf"(?:{_SPACE}{_OPERATOR}{_SPACE}|[ \t]{{1,8}}|[ \t]{{0,8}}\\?\n[ \t]{{0,80}})"
# Words of a sentence have a space at an end, and are not looked at.
_END, _START = r"(\\?[\"'`])(?<=[^\s\"'`(\[{,][\"'`])", r"[bfrBFRu@$]{0,2}\1(?=[^\s\"'`)\],])"
_JOINT = re.compile(_END + _BETWEEN + _START)
_BEGINNINGS = sorted(hint for hint in kinds.HINTS if re.fullmatch(r"[\w.-]{2,}[_.-]|A[A-Z]{3}|AIza", hint))
_BEGINNING = re.compile(
    rf"[\"'`]((?:{'|'.join(map(re.escape, _BEGINNINGS))})(?:[a-z0-9]{{1,8}}-){{0,2}})(?:\{{\w{{0,9}}\}}|%s)?[\"'`]"
)
_REST = re.compile(r"[\"'`}]([A-Za-z0-9][\w./+=-]{15,255})(?![\w./+=-])")
_NAME = re.compile(r"[a-z]+(?:[_-][a-z0-9]+)*")
_NEAR = 120  # characters from a beginning to its rest


class _Glued(NamedTuple):
    """Lines of a text without the joints in them. Piece `n` begins at `at[n]`, and in the text at `origins[n]`."""

    text: str
    at: list[int]
    origins: list[int]


def found(text: str) -> Iterator[Span]:
    yield from _side_by_side(text)
    for match in _BEGINNING.finditer(text):
        rest = _REST.search(text, match.end() - 1, match.end() + _NEAR)
        if rest and not _NAME.fullmatch(rest[1]) and (kind := _kind(match[1], rest[1])):
            yield Span(*rest.span(1), kind)


def _kind(beginning: str, rest: str) -> str:
    """That of both together, if they are one secret."""
    spans = kinds.found(beginning + rest)
    return next((span.kind for span in spans if span.start == 0 and span.end > len(beginning)), "")


def _side_by_side(text: str) -> Iterator[Span]:
    glued = _glued(text)
    for scanner in (kinds, assignments) if glued.text else ():
        for span in scanner.found(glued.text):
            yield from _apart(span, glued)


def _apart(span: Span, glued: _Glued) -> Iterator[Span]:
    """The pieces of `span` where they stand in the text."""
    inside = [at for at in glued.at[bisect_right(glued.at, span.start) :] if at < span.end]
    for start, end in pairwise([span.start, *inside, span.end]):
        piece = bisect_right(glued.at, start) - 1
        origin = glued.origins[piece] + start - glued.at[piece]
        yield Span(origin, origin + end - start, span.kind)


def _glued(text: str) -> _Glued:
    """The lines that have joints in them. Each ends with its line feed, so that nothing goes on in another."""
    parts: list[str] = []
    at, origins, length = [], [], 0
    for start, end in _pieces(text):
        parts.append(text[start:end])
        at.append(length)
        origins.append(start)
        length += end - start
    return _Glued("".join(parts), at, origins)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """From the start of the line before to a joint, from there to the next, and from the last to its line's end."""
    begun, reached = -1, 0
    for match in _JOINT.finditer(text):
        if begun >= 0 and match.start() >= reached:  # in another line
            yield begun, reached
            begun = -1
        yield (begun if begun >= 0 else max(_line_before(text, match.start()), reached)), match.start()
        begun = match.end()
        reached = text.find("\n", begun) + 1 or len(text)
    if begun >= 0:
        yield begun, reached


def _line_before(text: str, at: int) -> int:
    return text.rfind("\n", 0, max(text.rfind("\n", 0, at), 0)) + 1
