"""The limits of a repository: they are those that are promised, and nothing good is lost where one is reached."""

import pytest
from django.conf import settings

from tests.hostile import caps
from tests.hostile.cases import Case
from tests.hostile.line import Line


@pytest.mark.parametrize(("name", "value"), caps.SHIPPED.items())
def test_the_limits_are_those_that_are_promised(name: str, value: int) -> None:
    assert getattr(settings, name) == value


@pytest.mark.django_db
@pytest.mark.parametrize("case", list(caps.small()), ids=str)
def test_a_limit(line: Line, case: Case) -> None:
    seen = line.tried(case)

    assert seen.is_as_expected(case), seen
