"""Which chunks are shown as one passage, and which as passages of their own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval import passages
from rag.retrieval.passages import Passage
from tests.rag.passages import passage


def at(path: str, start: int = 1, **fields: Any) -> Passage:
    """Two lines of a file that is cut every two lines."""
    return passage(path, start_line=start, **{"chunks": (start // 2, start // 2), **fields})


def paths(best_first: list[Passage], limit: int) -> list[str]:
    return [each.path for each in passages.choose(best_first, limit)]


def test_a_file_is_shown_in_as_many_places_as_are_good() -> None:
    chunks = [at("a.py", 10 * n) for n in range(1, 9)]
    assert paths([*chunks, at("b.py")], limit=3) == ["a.py"] * 3


def test_the_last_quarter_is_left_to_other_files() -> None:
    chunks = [at("a.py", 10 * n) for n in range(1, 9)]
    assert paths([*chunks, at("b.py"), at("b.py", 50), at("c.py")], limit=8) == ["a.py"] * 6 + ["b.py", "c.py"]


def test_when_there_are_no_other_files_it_is_shown_more_of_the_same() -> None:
    assert paths([at("a.py", 10 * n) for n in range(1, 12)], limit=8) == ["a.py"] * 8


def test_a_neighbour_is_joined_that_would_not_be_shown_by_itself() -> None:
    chunks = [at("a.py", 10), at("b.py"), at("a.py", 12), at("c.py")]
    found = passages.choose(chunks, 2)
    assert [(each.path, each.start_line, each.end_line) for each in found] == [("a.py", 10, 13), ("b.py", 1, 2)]


def test_a_neighbour_far_down_the_list_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "NEIGHBOURS", 2)
    found = passages.choose([at("a.py", 10), at("b.py"), at("a.py", 12)], 2)
    assert [(each.path, each.start_line, each.end_line) for each in found] == [("a.py", 10, 11), ("b.py", 1, 2)]


def test_no_chunk_is_shown_twice() -> None:
    text = "\n".join(["x" * 99] * 14)  # two are joined, three would be too long
    chunks = [at("a.py", start, text=text, chunks=(n, n)) for n, start in ((1, 1), (3, 29), (2, 15), (4, 43))]
    found = sorted(passages.choose(chunks, 8), key=lambda each: each.start_line)
    assert [(each.start_line, each.end_line) for each in found] == [(1, 28), (29, 56)]


def test_passages_that_touch_are_one() -> None:
    first, second = at("a.py", start=10), at("a.py", start=12)
    (merged,) = passages.choose([first, second], 8)
    assert (merged.start_line, merged.end_line, merged.text) == (10, 13, f"{first.text}\n{second.text}")


def test_passages_that_overlap_are_one_with_each_line_once() -> None:
    first = passage(text="a\nb\nc", start_line=1)
    second = passage(text="c\nd", start_line=3)
    (merged,) = passages.choose([first, second], 8)
    assert (merged.start_line, merged.end_line, merged.text) == (1, 4, "a\nb\nc\nd")


def test_neighbours_are_one_with_the_blank_lines_between_them() -> None:
    first = passage(text="a\nb", start_line=1, chunks=(4, 4))
    second = passage(text="c", start_line=5, chunks=(5, 5))
    (merged,) = passages.choose([first, second], 8)
    assert (merged.start_line, merged.end_line, merged.text) == (1, 5, "a\nb\n\n\nc")
    assert merged.chunks == (4, 5)


def test_passages_with_something_between_them_stay_two() -> None:
    first, second = at("a.py", start=1, chunks=(4, 4)), at("a.py", start=5, chunks=(6, 6))
    assert len(passages.choose([first, second], 8)) == 2


def test_a_joined_passage_keeps_the_lines_of_its_best_chunk() -> None:
    first, second, third = at("a.py", start=10), at("a.py", start=12), at("a.py", start=8)
    (merged,) = passages.choose([first, second, third], 8)
    assert (merged.start_line, merged.end_line, merged.best) == (8, 13, (10, 11))


def test_passages_are_joined_up_to_a_length() -> None:
    text = "\n".join(["x" * 99] * 12)
    candidates = [at("a.py", start=1 + 12 * n, text=text, chunks=(n, n)) for n in range(3)]
    lengths = [len(each.text) for each in passages.choose(candidates, 8)]
    assert lengths == [2_399, 1_199]
    assert max(lengths) <= passages.LONGEST


def test_pieces_of_one_long_line_are_not_joined() -> None:
    first = passage(text="aaaa", start_line=3)
    second = passage(text="bbbb", start_line=3)
    assert passages.merge(first, second) is None


def test_the_end_of_a_long_line_is_not_joined_to_the_line_above() -> None:
    above, end = passage(text="a\nb", start_line=1, chunks=(0, 0)), passage(text="its end", start_line=3, chunks=(2, 2))
    assert passages.merge(above, end) is None
    beginning = passage(text="its beginning", start_line=3, chunks=(1, 1))
    joined = passages.choose([above, end, beginning], 8)
    assert [each.text for each in joined] == ["a\nb\nits beginning", "its end"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=12))
def test_a_merged_passage_holds_exactly_its_lines(spans: list[tuple[int, int]]) -> None:
    lines = [f"line {n}" for n in range(60)]
    candidates = [
        passage(text="\n".join(lines[start : start + size]), start_line=start + 1, chunks=(start, start))
        for start, size in spans
    ]
    for each in passages.choose(candidates, 8):
        assert each.text.split("\n") == lines[each.start_line - 1 : each.end_line]
