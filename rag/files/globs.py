"""One pattern of a .gitignore as a regular expression that takes time in proportion to the path and the pattern.

What stands between two stars is looked for once, where it comes first, and never given back (atomic groups), as any
later place would do no better. "?" is a character, not a byte as for git. A path is matched with a slash at its end, so
that every name in it ends with one.
"""

import re
from dataclasses import dataclass
from itertools import groupby

_FOLDERS = "(?:[^/]+/)*?"
_CLASS = re.compile(r"\[([!^]?)((?:\\.|[^\\])(?:\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBERS = re.compile(r"(\\.|.)(?:-(\\.|[^\]]))?", re.DOTALL)
_ATOM = re.compile(r"\*+|\\.|[^\\]", re.DOTALL)


class BadPattern(Exception):
    """The pattern says nothing; the message says why, after "it"."""


@dataclass(frozen=True, kw_only=True)
class Glob:
    """What to match: the name alone if `of_name`, else the path. `weight` bounds the steps for each character of it."""

    regex: re.Pattern[str]
    of_name: bool
    folders_only: bool
    weight: int


def glob(pattern: str) -> Glob:
    """`pattern` without "!" and trailing spaces. Raises BadPattern."""
    inner = pattern.removesuffix("/")
    segments = inner.removeprefix("/").split("/")
    if not {"", ".", ".."}.isdisjoint(segments):
        raise BadPattern("names no path inside the repository")
    of_name = "/" not in inner
    return Glob(
        regex=re.compile(_segment(inner) if of_name else _path(segments), re.DOTALL),
        of_name=of_name,
        folders_only=pattern != inner,
        weight=len(pattern) if re.search(r"[*?\[]", pattern) else 1,
    )


def _path(segments: list[str]) -> str:
    """Runs of names between "**": each is at the first place that fits, the last one at the end."""
    runs: list[list[str]] = [[]]
    for is_any, group in groupby(segments, key="**".__eq__):
        runs[-1] += [] if is_any else map(_segment, group)
        if is_any:
            runs.append([])
    first, *others = ["".join(run) for run in runs]
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>{_FOLDERS}{run})" for run in middle) + (f"{_FOLDERS}{last}" if last else ".+")


def _segment(segment: str) -> str:
    """One name and the slash behind it."""
    pieces = [""]
    for atom in _atoms(segment):
        if atom == "*":
            pieces.append("")
        else:
            pieces[-1] += atom
    first, *others = pieces
    if not others:
        return f"{first}/"
    *middle, last = others
    found = "".join(f"(?>[^/]*?{piece})" for piece in middle)
    return f"(?>(?=[^/]){first}{found}[^/]*{last}/)"  # a star alone stands for a name, and no name is empty


def _atoms(segment: str) -> list[str]:
    """The regular expressions of single characters, and "*" for any number of them."""
    atoms = []
    position = 0
    while position < len(segment):
        found = (_CLASS if segment[position] == "[" else _ATOM).match(segment, position)
        if not found:
            raise BadPattern('has a "[" without its "]"' if segment[position] == "[" else "ends with a backslash")
        atoms.append(_class(found) if segment[position] == "[" else _atom(found[0]))
        position = found.end()
    return atoms


def _atom(text: str) -> str:
    if text.startswith("*"):
        return "*"
    return "[^/]" if text == "?" else re.escape(text.removeprefix("\\") or text)


def _class(found: re.Match[str]) -> str:
    if "[:" in found[2]:
        raise BadPattern("has a class of characters by name, which is not known here; list them")
    members = ""
    for low, high in _MEMBERS.findall(found[2]):
        first, last = low[-1], high[-1:] or low[-1]
        if first > last:
            raise BadPattern("has a range that runs backwards")
        members += re.escape(first) + (f"-{re.escape(last)}" if high else "")
    return f"(?!/)[{'^' if found[1] else ''}{members}]"  # a range may have the slash in it
