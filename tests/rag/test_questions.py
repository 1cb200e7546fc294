"""What may be asked."""

import pytest
from pytest_django import Settings

from rag import questions


@pytest.mark.parametrize("question", ["Why?", "Wo ist es? 你好", "a\nb", "x" * 1_000])
def test_a_question_is_fine(question: str) -> None:
    assert questions.problem(question) == ""


@pytest.mark.parametrize("question", ["", "x" * 1_001, "a\0b", "a\ud800b"])
def test_a_question_that_cannot_be_asked_gets_a_sentence(question: str) -> None:
    assert questions.problem(question).endswith(".")


def test_the_cap_is_a_setting(settings: Settings) -> None:
    settings.RAG_MAX_QUESTION_CHARACTERS = 5

    assert "5 are the most" in questions.problem("too long")


def test_line_ends_become_one_kind_and_the_rest_is_kept() -> None:
    assert questions.cleaned("  a\r\n  b \n") == "a\n  b"
