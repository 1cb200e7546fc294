"""The repository's own .docentignore, in the syntax of .gitignore."""

import re
from collections.abc import Iterable
from functools import cache

import pathspec

_MAX_LINES = 1_000
_MAX_LENGTH = 256  # characters of a pattern


def ignored(rules: str, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that the text of a .docentignore leaves out."""
    lines = [simple for line in rules.split("\n")[:_MAX_LINES] if (simple := _simplified(line.rstrip("\r")))]
    if not lines:
        return set()
    spec = pathspec.GitIgnoreSpec.from_lines(_valid(lines))

    @cache
    def is_ignored(path: str) -> bool:
        """Nothing brings back what lies in a folder that is left out."""
        parent = path.rstrip("/").rpartition("/")[0]
        return bool(parent and is_ignored(f"{parent}/")) or spec.match_file(path)

    return {path for path in paths if is_ignored(path)}


def _simplified(line: str) -> str:
    """`line` unless it could take ages to match: then with fewer stars, which leaves out more rather than less.

    A line that brings files back ("!") is dropped instead, for the same reason.
    """
    if len(line) > _MAX_LENGTH:
        return ""
    segments = line.split("/")
    if segments.count("**") <= 2 and all(len(re.findall(r"\*+", segment)) <= 3 for segment in segments):
        return line
    if line.startswith("!"):
        return ""
    return "/".join(segments[: segments.index("**") + 1] if segments.count("**") > 2 else map(_one_star, segments))


def _one_star(segment: str) -> str:
    return re.sub(r"\*.*\*", "*", segment)


def _valid(lines: Iterable[str]) -> list[str]:
    """The lines that are patterns; a mistake in one costs that one only."""
    valid = []
    for line in lines:
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        valid.append(line)
    return valid
