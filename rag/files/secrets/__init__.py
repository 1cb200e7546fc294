"""Keys, tokens and passwords that somebody committed are masked before anybody reads the file.

private_keys  what is known by the lines around it
kinds         what is known by its form alone: a provider's prefix, a private key, a signed token
assignments   what is known by the name it is given: password, token, api_key
commands      what is known by the command that is given it, or by the user before it
tables        what is known by the name of its column
manifests     what is known by the kind of document it is in
pieces        those of kinds and assignments that the code puts together
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.files.secrets import assignments, commands, kinds, manifests, pieces, private_keys, tables

MASK = "********"  # as long whatever it hides, so that not even a length is told

MOST_TOLD = 10


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Where a secret was, by its lines (from 1, inclusive), and what kind of one."""

    kind: str
    start_line: int
    end_line: int

    def __str__(self) -> str:
        if self.start_line == self.end_line:
            return f"{self.kind} in line {self.start_line}"
        return f"{self.kind} in lines {self.start_line}–{self.end_line}"


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text without its secrets, with as many lines as before, and what was masked."""

    text: str
    findings: tuple[Finding, ...] = ()

    @property
    def sentence(self) -> str:
        """What was masked and where, for the admin; "" for nothing."""
        told = "; ".join(map(str, self.findings[:MOST_TOLD]))
        rest = len(self.findings) - MOST_TOLD
        return f"{told}; and {rest} more" if rest > 0 else told


def masked(text: str) -> Masked:
    """`text` with a mask in the place of each secret, or of each line of one."""
    spans = list(_apart(_everything(text)))
    if not spans:
        return Masked(text=text)
    pieces, findings, end, line = [], [], 0, 1
    for span in spans:
        line += text.count("\n", end, span.start)
        hidden = text[span.start : span.end]
        findings.append(Finding(kind=span.kind, start_line=line, end_line=line + hidden.count("\n")))
        pieces += [text[end : span.start], "\n".join(MASK if row.strip() else row for row in hidden.split("\n"))]
        line += hidden.count("\n")
        end = span.end
    return Masked(text="".join([*pieces, text[end:]]), findings=tuple(findings))


def _everything(text: str) -> Iterator[kinds.Span]:
    for scanner in (kinds, private_keys, assignments, commands, tables, manifests, pieces):
        yield from scanner.found(text)


def _apart(spans: Iterable[kinds.Span]) -> Iterator[kinds.Span]:
    """In order; those that overlap are one, of the kind that begins first."""
    last: kinds.Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if last is None or span.start >= last.end:
            if last:
                yield last
            last = span
        elif span.end > last.end:
            last = last._replace(end=span.end)
    if last:
        yield last
