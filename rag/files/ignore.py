"""The repository's own .docentignore, in the syntax of .gitignore.

A rule is followed or the whole is refused: what its owner wants left out must not be published because of a slip.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.files import globs
from rag.sources import RulesRefused

_MAX_RULES = 1_000
_MAX_LENGTH = 256  # characters of a pattern
_MAX_STEPS = 4_000_000_000  # of all rules on all paths: some twenty seconds at worst
_STEPS_A_PATH, _STEPS_A_MATCH = 200, 30  # what it costs to look at one, and to try a rule on it
# Spaces at the end count only behind a backslash.
_TRAILING = re.compile(r"(?P<pattern>(?:\\.|[^\\ ]| +(?! |$)|\\$)*) *", re.DOTALL)
_UNTYPED = re.compile("[\x00-\x08\x0a-\x1f\x7f\ufffd]")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`brings_back` when the line began with "!"."""

    glob: globs.Glob
    brings_back: bool


def ignored(text: str, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that `text`, a .docentignore, leaves out. Raises RulesRefused."""
    rules = list(_rules(text))
    return _Walk(rules).left_out(paths) if rules else set()


class _Walk:
    """Goes through the paths folder by folder: nothing brings back what lies in one that is left out."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = [  # the last one that fits decides
            (rule.glob.regex.fullmatch, rule.glob.of_name, rule.glob.folders_only, not rule.brings_back)
            for rule in reversed(rules)
        ]
        self._name_weight = sum(rule.glob.weight for rule in rules if rule.glob.of_name)
        self._path_weight = sum(rule.glob.weight for rule in rules if not rule.glob.of_name)
        self._steps_left = _MAX_STEPS

    def left_out(self, paths: Iterable[str]) -> set[str]:
        found = set()
        above: list[tuple[str, bool]] = []  # the folders of the path at hand, and whether each is left out
        for path in sorted(paths):
            while above and not path.startswith(above[-1][0]):
                above.pop()
            start, is_out = (len(above[-1][0]), above[-1][1]) if above else (0, False)
            while not is_out and (slash := path.find("/", start)) >= 0:
                start = slash + 1
                is_out = self._is_out(path[:start], is_folder=True)
                above.append((path[:start], is_out))
            if is_out or self._is_out(f"{path}/", is_folder=False):
                found.add(path)
        return found

    def _is_out(self, path: str, *, is_folder: bool) -> bool:
        name = path[path.rfind("/", 0, -1) + 1 :]
        self._spend(len(path) * self._path_weight + len(name) * self._name_weight)
        for matches, of_name, folders_only, leaves_out in self._rules:
            if (is_folder or not folders_only) and matches(name if of_name else path):
                return leaves_out
        return False

    def _spend(self, steps: int) -> None:
        self._steps_left -= steps + _STEPS_A_PATH + _STEPS_A_MATCH * len(self._rules)
        if self._steps_left < 0:
            raise RulesRefused(".docentignore takes too long to follow here. Use fewer rules, or shorter ones.")


def _rules(text: str) -> Iterator[Rule]:
    count = 0
    for number, ended in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = ended.removesuffix("\r")
        if line.startswith("#") or not line.strip(" "):
            continue
        count += 1
        if count > _MAX_RULES:
            raise RulesRefused(f".docentignore has more than {_MAX_RULES:,} rules. Use fewer; a folder needs only one.")
        try:
            yield _rule(line)
        except globs.BadPattern as bad:
            raise RulesRefused(
                f"Line {number} of .docentignore cannot be followed: it {bad}. Mend it or take it out; nothing is read "
                "before, so that nothing you want left out is published."
            ) from None


def _rule(line: str) -> Rule:
    if _UNTYPED.search(line):
        raise globs.BadPattern("is not UTF-8 text")
    if len(line) > _MAX_LENGTH:
        raise globs.BadPattern(f"is longer than {_MAX_LENGTH} characters")
    found = _TRAILING.fullmatch(line)
    pattern = found["pattern"] if found else line
    return Rule(glob=globs.glob(pattern.removeprefix("!")), brings_back=pattern.startswith("!"))
