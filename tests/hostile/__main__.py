"""Prints what came of every odd input, with the limits as they are shipped.

python -m tests.hostile             all of it: some minutes
python -m tests.hostile questions   only that part: files, repositories, caps, questions or bombs
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from django.test.utils import setup_test_environment

from tests import conftest  # noqa: F401 — the settings of the tests
from tests.hostile import bombs, caps, contents, database, line, questions, repositories
from tests.hostile.cases import GOOD, Case


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One input: `lost` good files of those that stood `beside` it, and what it took where that is of interest."""

    section: str
    name: str
    is_expected: bool
    unhandled: list[str]
    lost: int = 0
    beside: int = 0
    cost: str = ""


def main(wanted: list[str]) -> int:
    setup_test_environment(debug=False)
    logging.getLogger().handlers.clear()  # what is logged as an error is kept with its input
    started = time.monotonic()
    with database.opened():
        tried = list(chain.from_iterable(PARTS[name]() for name in wanted or PARTS))
    table(tried)
    say(f"\n{time.monotonic() - started:.0f} s")
    return 0 if all(each.is_expected for each in tried) else 1


def files() -> Iterator[Tried]:
    yield from _through_the_line(file.case for file in contents.contents())


def odd_repositories() -> Iterator[Tried]:
    yield from _through_the_line(repositories.repositories())


def limits() -> Iterator[Tried]:
    yield from _through_the_line(chain(caps.small(), caps.shipped()))


def asked() -> Iterator[Tried]:
    questions.prepare()
    for case in questions.questions():
        seen = questions.tried(case)
        yield told(
            Tried(section=case.section, name=str(case), is_expected=not seen.unhandled, unhandled=seen.unhandled)
        )  # fmt: skip
    questions.clear()


def bombed() -> Iterator[Tried]:
    with tempfile.TemporaryDirectory() as folder:
        for bomb in chain(bombs.bombs(), bombs.slow()):
            seen = bombs.tried(bomb, Path(folder))
            end = seen.code or "the rest is read"
            cost = f"{seen.packed:,} bytes: {end}, {seen.seconds:.1f} s, {seen.megabytes:.0f} MB"
            unhandled = [seen.log] if "Traceback" in seen.log else []
            yield told(
                Tried(
                    section=bomb.section, name=bomb.name, is_expected=seen.is_as_expected(bomb), unhandled=unhandled,
                    lost=len(seen.lost), beside=0 if bomb.code else len(GOOD), cost=cost,
                )
            )  # fmt: skip


PARTS: dict[str, Callable[[], Iterator[Tried]]] = {
    "files": files, "repositories": odd_repositories, "caps": limits, "questions": asked, "bombs": bombed,
}  # fmt: skip


def _through_the_line(cases: Iterator[Case]) -> Iterator[Tried]:
    with line.opened() as opened:
        for case in cases:
            seen = opened.tried(case)
            beside = 0 if case.code and not case.was_read else len(GOOD)
            yield told(
                Tried(
                    section=case.section, name=str(case), is_expected=seen.is_as_expected(case),
                    unhandled=seen.unhandled, lost=len(seen.lost), beside=beside,
                )
            )  # fmt: skip


def told(tried: Tried) -> Tried:
    """Say at once what is not as expected, and what something took."""
    if tried.cost:
        say(f"{tried.name}: {tried.cost}")
    if not tried.is_expected:
        say(f"NOT AS EXPECTED: {tried.name} {tried.unhandled}")
    return tried


def table(tried: list[Tried]) -> None:
    say("\n| Inputs | tried | as expected | unhandled | good files beside them | lost |\n|---|--:|--:|--:|--:|--:|")
    for section in [*dict.fromkeys(each.section for each in tried), ""]:
        part = [each for each in tried if section in ("", each.section)]
        as_expected, unhandled = sum(each.is_expected for each in part), sum(bool(each.unhandled) for each in part)
        beside, lost = sum(each.beside for each in part), sum(each.lost for each in part)
        say(f"| {section or 'All'} | {len(part)} | {as_expected} | {unhandled} | {beside} | {lost} |")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
