from collections.abc import Iterator

import pytest

from tests.hostile import line as lines


@pytest.fixture(scope="module")
def line() -> Iterator[lines.Line]:
    """One for all tests of a module."""
    with lines.opened() as opened:
        yield opened
