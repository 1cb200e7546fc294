"""Secrets of Kubernetes: whatever a manifest of that kind holds, under any name, encoded or not."""

import re
from collections.abc import Iterator
from itertools import pairwise

from rag.files.secrets import chance
from rag.files.secrets.kinds import Span

_DOCUMENT = re.compile(r"^---", re.MULTILINE)
_KIND = re.compile(r"^[ \t]{0,40}(?:- )?kind: [\"']?Secret[\"']?[ \t]*$", re.MULTILINE)
_DATA = re.compile(
    r"^([ \t]{0,40})(?:data|stringData):[ \t]*\n((?:\1[ \t]+\S[^\n]*(?:\n|$)|[ \t]*\n){1,500})", re.MULTILINE
)
_NAME = r"[\"']?[\w./-]{1,253}[\"']?:[ \t]+"
_LINE = re.compile(r"\S(?:[^\n]*\S)?")
_PAIR = re.compile(rf"^[ \t]+{_NAME}[\"']?(?![|>][+-]?\s*$)(?P<value>[^\s\"'#][^\n\"']{{3,4000}})", re.MULTILINE)
_BLOCK = re.compile(rf"^([ \t]+){_NAME}[|>][+-]?[ \t]*\n(?P<value>(?:\1[ \t]+\S[^\n]*(?:\n|$)){{1,500}})", re.MULTILINE)


def found(text: str) -> Iterator[Span]:
    """The values under `data` and `stringData` of each document of the kind."""
    if "kind: " not in text or not _KIND.search(text):
        return
    borders = [0, *(match.start() for match in _DOCUMENT.finditer(text)), len(text)]
    for start, end in pairwise(borders):
        if _KIND.search(text, start, end):
            for data in _DATA.finditer(text, start, end):
                yield from _values(text, *data.span(2))


def _values(text: str, start: int, end: int) -> Iterator[Span]:
    for expression in (_PAIR, _BLOCK):
        for match in expression.finditer(text, start, end):
            for line in _LINE.finditer(text, *match.span("value")):
                if not chance.is_stand_in(line[0]):
                    yield Span(*line.span(), "value of a Secret")
