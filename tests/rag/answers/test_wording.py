"""Which questions are the same whoever asks them."""

import itertools
import json

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cache
from rag.answers import wording

QUESTIONS = settings.BASE_DIR / "benchmarks" / "questions"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("How does it start?", "  how does\nit START ?"),
        ("What\u2019s a \u201ctask\u201d?", "what's a task ?!"),
        ("What does `huey.task` do?", "What does huey.task do?"),
        ("What does `close()` do?", "what does close do"),
        ("How do I add an option?", "how to add an option"),
        ("Can you tell me how to add an option, please?", "How can I add an option?"),
        ("Which values are valid?", "What values are valid?"),
        ("Why isn't it read?", "Why is not it read?"),
        ("What happens if the queue is empty?", "what happens when queue is empty"),
    ],
)
def test_what_changes_no_meaning_goes(first: str, second: str) -> None:
    assert wording.same(first) == wording.same(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What does `Path` do?", "What does `path` do?"),
        ("What does sort! do?", "What does sort do?"),
        ("What does `*` do?", "What does `**` do?"),
        ("Is a < b?", "Is a > b?"),
        ("Is it 1.5?", "Is it 15?"),
        ("Does it support C++?", "Does it support C#?"),
        ("What does --color do?", "What does --no-color do?"),
        ("What does redirectTo do?", "What does redirectto do?"),
        ("How do I redirect?", "How does it redirect?"),
        ("Can I retry?", "How can I retry?"),
        ("Who calls it?", "What calls it?"),
        ("What is sort!?", "What is sort?"),
        ("What does option a do?", "What does the option do?"),
        ("How does one call end?", "How do I call end?"),
    ],
)
def test_what_may_change_the_meaning_stays(first: str, second: str) -> None:
    assert wording.same(first) != wording.same(second)


def test_no_near_miss_is_confused() -> None:
    misses = json.loads((QUESTIONS / "repeats.json").read_text())["near_misses"]

    assert len(misses) >= 40
    assert [each for each in misses if len({wording.same(text) for text in each["questions"]}) == 1] == []


def test_no_two_questions_of_the_benchmark_are_confused() -> None:
    asked = cache.pairs()
    forms = {text: wording.same(text) for text in itertools.chain.from_iterable(asked.different)}

    assert [pair for pair in asked.different if forms[pair[0]] == forms[pair[1]]] == []


@given(st.text())
def test_any_text_has_a_form_and_its_form_is_its_own(text: str) -> None:
    form = wording.same(text)

    assert wording.same(form) == form or "`" in text or "\0" in text


@given(st.text(alphabet="abc `'\"(),", max_size=30))
def test_spaces_and_a_question_mark_change_nothing(text: str) -> None:
    assert wording.same(f"  {text.strip()} ?") == wording.same(text)
