"""Secrets that are known by the name of their column: of CSV, of Markdown, of an INSERT."""

import re
from collections.abc import Iterator

from rag.files.secrets import names, values
from rag.files.secrets.kinds import Span

_HEADER = re.compile(r"[\w \t.,;|\"+-]{1,1000}")
_RULE = re.compile(r"[|+:=\- ]+")
_CELL = {
    separator: re.compile(rf"[ ]*(\"[^\"\n]*\"|'(?:[^'\n]|'')*'|[^{separator}\n]*)(?:{separator}|$)")
    for separator in "|\t;,"
}
_EDGE = " \t\"'`"
_VALUES = re.compile(r"\bvalues\s{0,20}(?=\()", re.IGNORECASE)
_TUPLE = re.compile(r"\(([^()\n]{1,1000})\)[ ]?,?\s{0,20}")
_MOST_COLUMNS, _MOST_NAME = 1_000, 30  # characters

Column = tuple[int, bool]  # which, and whether of passwords


def found(text: str) -> Iterator[Span]:
    reached = 0
    for start, end in names.places(text):
        for at, line in _lines(text, max(start, reached), end):
            separator = _separator(line)
            if at >= reached and separator and (columns := list(_columns(line, separator))):
                rows, reached = _rows(text, at + len(line) + 1, separator, len(_cells(line, separator)))
                yield from (span for row in rows for span in _of_row(*row, separator, columns))
    if "values" in text or "VALUES" in text:
        yield from _inserted(text)


def _inserted(text: str) -> Iterator[Span]:
    """INSERT INTO users (name, password) VALUES ('…', '…'), ('…', '…')"""
    for match in _VALUES.finditer(text):
        before = text[max(0, match.start() - _MOST_COLUMNS) : match.start()].rstrip()
        columns = list(_columns(before[before.rfind("(") + 1 : -1], ",")) if before.endswith(")") else []
        row = _TUPLE.match(text, match.end()) if columns else None
        while row:
            yield from _of_row(row.start(1), row[1], ",", columns)
            row = _TUPLE.match(text, row.end())


def _columns(line: str, separator: str) -> Iterator[Column]:
    """The secret ones of a header."""
    for number, (start, end) in enumerate(_cells(line, separator)):
        name = names.EXPRESSION.search(line[start:end])
        if name and name.end() == end - start <= _MOST_NAME and not names.is_of_something_else(name["rest"]):
            yield number, not name["key"]


def _rows(text: str, start: int, separator: str, width: int) -> tuple[list[tuple[int, str]], int]:
    """Where each line with as many cells begins, and the line; and where the first begins that has not."""
    rows: list[tuple[int, str]] = []
    for at, line in _lines(text, start, len(text)):
        if not _RULE.fullmatch(line):
            if len(_cells(line, separator)) != width:
                return rows, at
            rows.append((at, line))
    return rows, len(text)


def _of_row(at: int, line: str, separator: str, columns: list[Column]) -> Iterator[Span]:
    cells = _cells(line, separator)
    for number, is_password in columns:
        start, end = cells[number] if number < len(cells) else (0, 0)
        if values.is_secret(line[start:end], is_password=is_password, is_quoted=False):
            yield Span(at + start, at + end, "password" if is_password else "key or token")


def _cells(line: str, separator: str) -> list[tuple[int, int]]:
    """Without the quotes and spaces around them."""
    spans = []
    for match in _CELL[separator].finditer(line):
        cell = match[1]
        start = match.start(1) + len(cell) - len(cell.lstrip(_EDGE))
        spans.append((start, max(start, match.start(1) + len(cell.rstrip(_EDGE)))))
    return spans


def _separator(line: str) -> str:
    """What is between the cells of a line of names; "" for any other line, such as one that goes on in the next."""
    if not _HEADER.fullmatch(line) or line.rstrip().endswith((",", ";")):
        return ""
    return next((separator for separator in _CELL if separator in line.strip()), "")


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    while start < end:
        stop = text.find("\n", start)
        stop = stop if stop >= 0 else len(text)
        yield start, text[start:stop]
        start = stop + 1
