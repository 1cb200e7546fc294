"""What a model wrote → the same with those citations only that stand for a passage it was given.

Pure. However a model writes them ([1, 2], [1-3], 【1】, [source 2], a link on a number), they leave as [1][2]. Code is
left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NUMBERS = r"\d{1,9}(?:\s*(?:,|;|&|and|-|–|—)\s*(?:(?:source|passage)s?\s*)?\d{1,9})*"
_INSIDE = rf"\^?(?:(?:source|passage)s?\s*)?{_NUMBERS}"
_CITATION = re.compile(
    rf"(?:\[\[(?P<double>{_INSIDE})\]\]|\[(?P<single>{_INSIDE})\]|【(?P<lens>{_INSIDE})[^】\n]{{0,40}}】)"
    r"(?:\([^()\s]*(?:\s+\"[^\"\n]*\")?\))?",
    re.IGNORECASE,
)
_RUN = re.compile(rf"(?P<space>(?<![ \t])[ \t]*)(?P<run>(?:{_CITATION.pattern})+)", re.IGNORECASE)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r"[\s>]*(`{3,}(?!.*`)|~{3,})")  # however deep: models indent them in lists
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
MOST = 100  # of one range


@dataclass(frozen=True, kw_only=True)
class Checked:
    """`cited`: the numbers that remain, each once, in rising order."""

    text: str
    cited: tuple[int, ...]


def check(answer: str, count: int) -> Checked:
    """Markdown with citations of passages 1…`count`; the others are taken out."""
    cited: set[int] = set()

    def rewrite(match: re.Match[str]) -> str:
        written = [each["double"] or each["single"] or each["lens"] for each in _CITATION.finditer(match["run"])]
        given = [number for one in written for number in numbers(one) if 1 <= number <= count]
        cited.update(given)
        return match["space"] + "".join(f"[{number}]" for number in given) if given else ""

    # Again until nothing changes: taking one out may leave another behind, as in [[99]98].
    text, before = answer, ""
    while text != before:
        cited.clear()
        before, text = text, _outside_code(text, lambda prose: _RUN.sub(rewrite, prose))
    return Checked(text=text, cited=tuple(sorted(cited)))


def numbers(written: str) -> list[int]:
    """ "1, 3-5" → [1, 3, 4, 5], each once."""
    found: dict[int, None] = {}
    for first, last in re.findall(r"(\d+)(?:\s*[-–—]\s*\D*?(\d+))?", written):
        start, end = int(first), int(last or first)
        found |= dict.fromkeys(range(start, min(end, start + MOST) + 1) if end >= start else (start, end))
    return list(found)


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    return "".join(text if is_code else _outside_spans(text, change) for is_code, text in _blocks(markdown))


def _blocks(markdown: str) -> Iterator[tuple[bool, str]]:
    """(is it a fenced block, its text) in order, nothing lost. A fence that is never closed goes to the end."""
    run: list[str] = []
    fence = ""
    for line in _LINES.findall(markdown):
        opening = _FENCE.match(line)
        if not fence and opening:
            yield False, "".join(run)
            run, fence = [line], opening[1]
        elif fence and _closes(line, fence):
            yield True, "".join([*run, line])
            run, fence = [], ""
        else:
            run.append(line)
    yield bool(fence), "".join(run)


def _closes(line: str, fence: str) -> bool:
    mark = line.strip().lstrip("> ")
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def _outside_spans(prose: str, change: Callable[[str], str]) -> str:
    end, parts = 0, []
    for span in _CODE_SPAN.finditer(prose):
        parts += [change(prose[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*parts, change(prose[end:])])
