"""What is shown of a completion's chunks."""

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import llm
from rag.llm import reader

ALOUD = "<think>\nThe user asks…\n</think>\n\nIt is `claim`. [1] <think>"


def said(*pieces: str) -> str:
    thoughts = reader.Thoughts()
    return "".join(thoughts.visible(piece) for piece in pieces) + thoughts.rest()


@given(st.sets(st.integers(1, len(ALOUD) - 1)))
def test_thinking_aloud_is_left_out_however_it_is_cut(cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), len(ALOUD)]
    pieces = [ALOUD[start:end] for start, end in itertools.pairwise(ends)]
    assert said(*pieces) == "It is `claim`. [1] <think>"


@pytest.mark.parametrize("text", ["<thin", "<b>bold</b>", "a <think> b </think>", "<", "Hello"])
def test_what_only_looks_like_it_is_shown(text: str) -> None:
    assert said(*text) == text
    assert said(text) == text


def test_thoughts_without_an_end_are_none_of_the_answer() -> None:
    assert said("<think>", "on and on") == ""


def test_the_answer_begins_with_its_first_piece() -> None:
    thoughts = reader.Thoughts()
    assert [thoughts.visible(piece) for piece in ("Hel", "lo")] == ["Hel", "lo"]


@pytest.mark.parametrize(
    "counted",
    [(-5, 3), (5, -3), (10**12, 3), (5, 10**12), (float("inf"), 3), (None, 3), ("5", 3), (True, 3), (0, 0), (1.5, 2)],
)
def test_a_count_that_cannot_be_true_is_none(counted: tuple[object, object]) -> None:
    usage = SimpleNamespace(prompt_tokens=counted[0], completion_tokens=counted[1])
    assert reader._usage(SimpleNamespace(usage=usage)) is None


@pytest.mark.parametrize("usage", [[1], "many", 5])
def test_usage_of_another_shape_is_none(usage: object) -> None:
    assert reader._usage(SimpleNamespace(usage=usage)) is None


def test_thoughts_are_told_once_a_chunk_and_words_as_they_are() -> None:
    deltas = [{"content": "<think>So"}, {"content": " it is</think>"}, {"content": "Here"}, {"content": ""}, {}]
    deltas += [{"reasoning": "hm"}, {"content": " it is", "reasoning_content": "hm"}]
    read = reader.Reader()
    chunks = [
        SimpleNamespace(choices=[SimpleNamespace(finish_reason=None, delta=SimpleNamespace(**d))]) for d in deltas
    ]
    pieces = [list(read.pieces(chunk)) for chunk in chunks]
    assert pieces == [[llm.Thinking()], [llm.Thinking()], ["Here"], [], [], [llm.Thinking()], [" it is"]]
