"""SECURITY.md: every promise names what tries it, and that is there."""

import re

import pytest
from django.conf import settings

TEXT = (settings.BASE_DIR / "SECURITY.md").read_text()
TESTS = re.compile(r"`(tests/[\w/.]+(?:::\w+)?)`")


def rows() -> list[list[str]]:
    """The cells of each promise."""
    lines = [line for line in TEXT.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "promise" and not row[0].startswith("---")]


def test_there_are_promises_of_every_kind() -> None:
    assert len(rows()) > 20


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:50])
def test_a_promise_says_how_and_what_tries_it(row: list[str]) -> None:
    _, how, tried = row

    assert how
    assert TESTS.findall(tried) and not TESTS.sub("", tried).strip(", ")


@pytest.mark.parametrize("named", sorted(set(TESTS.findall(TEXT))))
def test_what_tries_it_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    place = settings.BASE_DIR / path

    files = [place] if place.is_file() else list(place.glob("test_*.py"))
    wanted = re.compile(rf"^def {name}\b" if name else r"^def test_", re.MULTILINE)
    assert any(wanted.search(file.read_text()) for file in files)
