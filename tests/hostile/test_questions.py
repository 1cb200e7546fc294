"""Whatever is asked: it is answered, or refused with a sentence and not stored."""

import pytest

from tests.hostile import questions

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(db: None) -> None:
    questions.prepare()


@pytest.mark.parametrize("case", list(questions.questions()), ids=str)
def test_a_question(asked: None, case: questions.Case) -> None:
    seen = questions.tried(case)

    assert seen.unhandled == [], seen.status
