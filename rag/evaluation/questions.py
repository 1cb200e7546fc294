"""What is asked, and the lines that answer it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class BadQuestions(Exception):
    """A line of the file of questions cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines of a file, 1-based and inclusive."""

    path: str
    start: int
    end: int

    def overlaps(self, other: "Lines") -> bool:
        return self.path == other.path and self.start <= other.end and self.end >= other.start


@dataclass(frozen=True, kw_only=True)
class Question:
    """`gold`: the lines that answer it; none when nothing does. Without `has_lines` only its files are known."""

    text: str
    gold: tuple[Lines, ...]
    has_lines: bool = True

    @property
    def files(self) -> frozenset[str]:
        return frozenset(each.path for each in self.gold)


def read(rows: Iterable[str]) -> list[Question]:
    """One JSON object a line: {"question": …, "gold": [{"path": …, "start": 1, "end": 9}, …]}; other keys may be there.

    Raises BadQuestions, which names the line.
    """
    return [_question(number, row) for number, row in enumerate(rows, start=1) if row.strip()]


def _question(number: int, row: str) -> Question:
    try:
        about = json.loads(row)
        return Question(text=_text(about["question"]), gold=tuple(map(_lines, about["gold"])))
    except (ValueError, KeyError, TypeError) as error:
        raise BadQuestions(
            f'Line {number} is not {{"question": "…", "gold": [{{"path": "…", "start": 1, "end": 9}}]}}: {error}'
        ) from error


def _lines(about: dict[str, Any]) -> Lines:
    lines = Lines(path=str(about["path"]), start=int(about["start"]), end=int(about["end"]))
    if not 1 <= lines.start <= lines.end:
        raise ValueError(f"lines {lines.start} to {lines.end}")
    return lines


def _text(question: Any) -> str:
    if not isinstance(question, str) or not question.strip():
        raise ValueError("no question")
    return question.strip()
