"""What unpacks to more than any machine has stops at the limits, within seconds and little memory."""

import sys
from pathlib import Path

import pytest

from tests.hostile import bombs

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc"),
]


@pytest.mark.parametrize("bomb", list(bombs.bombs()), ids=str)
def test_a_bomb(bomb: bombs.Bomb, tmp_path: Path) -> None:
    seen = bombs.tried(bomb, tmp_path)

    assert seen.is_as_expected(bomb), seen
