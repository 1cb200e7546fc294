"""script/coverage measures what it says: a part that has moved is not left out in silence."""

import re
import tomllib

import pytest
from django.conf import settings

MEASURED = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["coverage"]
SCRIPT = (settings.BASE_DIR / "script/coverage").read_text()


@pytest.mark.parametrize("pattern", MEASURED["run"]["include"])
def test_every_part_is_there(pattern: str) -> None:
    assert list(settings.BASE_DIR.glob(pattern))


@pytest.mark.parametrize("pattern", re.findall(r"tests/[\w/.*]+", SCRIPT))
def test_the_tests_of_these_parts_are_there(pattern: str) -> None:
    assert list(settings.BASE_DIR.glob(pattern))


def test_nothing_less_than_every_branch_will_do() -> None:
    assert (MEASURED["run"]["branch"], MEASURED["report"]["fail_under"]) == (True, 100)


@pytest.mark.parametrize("pattern", MEASURED["run"]["include"])
def test_no_line_of_them_is_taken_out(pattern: str) -> None:
    assert not [path for path in settings.BASE_DIR.glob(pattern) if path.is_file() and "pragma: no" in path.read_text()]
