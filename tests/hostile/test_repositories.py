"""Whatever a repository is: its good files are indexed, or a sentence says why not and the old index stays."""

import pytest

from tests.hostile import repositories
from tests.hostile.cases import Case
from tests.hostile.line import Line

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("case", list(repositories.repositories()), ids=str)
def test_a_repository(line: Line, case: Case) -> None:
    seen = line.tried(case)

    assert seen.is_as_expected(case), seen
