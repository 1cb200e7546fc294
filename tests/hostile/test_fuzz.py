"""A short run of what `python -m tests.hostile.fuzz` does for longer."""

import pytest

from tests.hostile import fuzz, questions


@pytest.mark.django_db(transaction=True)
def test_made_up_requests_to_each_operation_end_as_described() -> None:
    questions.prepare()

    seen = list(fuzz.fuzzed(24))

    assert len(seen) == 3 and all(each.count == 24 for each in seen)
    assert [problem for each in seen for problem in each.problems] == []
