"""Which passages are shown, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from rag import ranking
from rag.ranking import Passage
from tests.rag.passages import passage


def at(path: str, score: float, start: int = 1, **fields: str) -> Passage:
    return passage(path, score=score, start_line=start, **fields)


def paths(candidates: list[Passage], question: str = "How?", limit: int = 8) -> list[str]:
    return [each.path for each in ranking.rank(candidates, question, limit)]


def test_the_best_comes_first() -> None:
    assert paths([at("a.py", 0.3), at("b.py", 0.6), at("c.py", 0.5)]) == ["b.py", "c.py", "a.py"]


def test_there_are_at_most_as_many_as_asked_for() -> None:
    assert len(paths([at(f"{n}.py", 0.5) for n in range(20)], limit=4)) == 4


def test_there_are_at_most_three_of_a_file() -> None:
    candidates = [at("a.py", 0.9, start=10 * n) for n in range(1, 9)]
    assert paths([*candidates, at("b.py", 0.1)]) == ["a.py", "a.py", "a.py", "b.py"]


def test_a_file_with_several_hits_comes_before_one_with_a_single_slightly_better() -> None:
    candidates = [at("one.py", 0.6), at("many.py", 0.55), at("many.py", 0.5, start=50), at("many.py", 0.5, start=90)]
    assert paths(candidates)[0] == "many.py"


def test_tests_come_later_unless_they_are_asked_for() -> None:
    candidates = [at("tests/test_queue.py", 0.6), at("queue.py", 0.55)]
    assert paths(candidates)[0] == "queue.py"
    assert paths(candidates, "How is the queue tested?")[0] == "tests/test_queue.py"


def test_examples_init_files_and_the_readme_come_later() -> None:
    for path, kind in [("examples/a.py", "code"), ("pkg/__init__.py", "code"), ("README.md", "readme")]:
        assert paths([at(path, 0.6, kind=kind), at("queue.py", 0.55)])[0] == "queue.py"


def test_the_readme_is_first_when_it_is_asked_for() -> None:
    candidates = [at("README.md", 0.6, kind="readme"), at("setup.py", 0.55)]
    assert paths(candidates, "How do I install it?")[0] == "README.md"


def test_a_symbol_that_is_named_comes_first() -> None:
    candidates = [at("a.py", 0.6), at("b.py", 0.5, symbol="Job.claim_next")]
    assert paths(candidates, "What does claim_next return?")[0] == "b.py"


def test_a_file_that_is_named_comes_first() -> None:
    candidates = [at("src/a.py", 0.6), at("src/pkg/b.py", 0.5)]
    assert paths(candidates, "What is in pkg/b.py?")[0] == "src/pkg/b.py"


def test_names_are_what_looks_like_code() -> None:
    asked = "Why does `run` call Job.claimNext() and load_all before settings.py, says the readme?"
    assert ranking.names(asked) >= {"run", "claimnext", "load_all", "settings.py", "job.claimnext"}
    assert not ranking.names(asked) & {"why", "does", "call", "before", "readme"}


def test_passages_that_touch_are_one() -> None:
    first, second = at("a.py", 0.6, start=10), at("a.py", 0.5, start=12)
    (merged,) = ranking.rank([first, second], "How?", 8)
    assert (merged.start_line, merged.end_line, merged.text) == (10, 13, f"{first.text}\n{second.text}")


def test_passages_that_overlap_are_one_with_each_line_once() -> None:
    first = passage(text="a\nb\nc", start_line=1)
    second = passage(text="c\nd", start_line=3, score=0.4)
    (merged,) = ranking.rank([first, second], "How?", 8)
    assert (merged.start_line, merged.end_line, merged.text) == (1, 4, "a\nb\nc\nd")


def test_pieces_of_one_long_line_are_not_joined() -> None:
    first = passage(text="aaaa", start_line=3)
    second = passage(text="bbbb", start_line=3)
    assert ranking.merge(first, second) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=12))
def test_a_merged_passage_holds_exactly_its_lines(spans: list[tuple[int, int]]) -> None:
    lines = [f"line {n}" for n in range(60)]
    candidates = [
        passage(text="\n".join(lines[start : start + size]), start_line=start + 1, score=1 / (n + 1))
        for n, (start, size) in enumerate(spans)
    ]
    for each in ranking.rank(candidates, "How?", 8):
        assert each.text.split("\n") == lines[each.start_line - 1 : each.end_line]
