"""Which passages are shown, and in which order."""

import time
from typing import Any

import pytest

from rag.retrieval import ranking
from rag.retrieval.passages import Passage
from tests.rag.passages import passage


def at(path: str, score: float, start: int = 1, **fields: Any) -> Passage:
    return passage(path, score=score, start_line=start, **fields)


def paths(candidates: list[Passage], question: str = "How?", limit: int = 8) -> list[str]:
    return [each.path for each in ranking.rank(candidates, question, limit)]


def test_the_best_comes_first() -> None:
    assert paths([at("a.py", 0.3), at("b.py", 0.6), at("c.py", 0.5)]) == ["b.py", "c.py", "a.py"]


def test_there_are_at_most_as_many_as_asked_for() -> None:
    assert len(paths([at(f"{n}.py", 0.5) for n in range(20)], limit=4)) == 4


def test_a_file_with_several_hits_comes_before_one_with_a_single_slightly_better() -> None:
    candidates = [at("one.py", 0.6), at("many.py", 0.55), at("many.py", 0.5, start=50), at("many.py", 0.5, start=90)]
    assert paths(candidates)[0] == "many.py"


def test_tests_come_later_unless_they_are_asked_for() -> None:
    candidates = [at("tests/test_queue.py", 0.6), at("queue.py", 0.55)]
    assert paths(candidates)[0] == "queue.py"
    assert paths(candidates, "How is the queue tested?")[0] == "tests/test_queue.py"


def test_examples_and_the_readme_come_later() -> None:
    for path, kind in [("examples/a.py", "code"), ("README.md", "readme")]:
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


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is in src/rag/?", "src/rag"),
        ("Who reads /etc/hosts.allow?", "etc/hosts.allow"),
        ("Is `queue.py` read?", "queue.py"),
        ("Why is it a-b.c-d?", "a-b.c"),
        ("Where is v2.settings.base?", "v2.settings.base"),
        ("What is ../up/one?", "../up/one"),
    ],
)
def test_a_name_is_found_with_what_stands_around_it(question: str, name: str) -> None:
    assert name in ranking.names(question)


PIECES = [
    *"aA1_-./`(é",
    "a/",
    "a.",
    "a-",
    "-/",
    "./",
    "1.",
    "a1",
    "aA",
    "a_",
    "1/",
    "1-",
    "a-/",
    "a.b/",
    "`a",
    "a()",
    "a\n",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "!", "/", "."])
def test_no_question_takes_long_to_search_for_names(piece: str, end: str) -> None:
    question = piece * (2_000 // len(piece)) + end
    start = time.thread_time()
    ranking.names(question)
    assert time.thread_time() - start < 0.1


@pytest.mark.parametrize("piece", ["a", "test", "install", "document", "_", " ", "__init__"])
def test_no_question_takes_long_to_weigh(piece: str) -> None:
    candidates = [at(path, 0.5, kind="readme") for path in ("tests/a.py", "docs/a.md", "a/__init__.py")] * 60
    question = piece * (2_000 // len(piece))
    start = time.thread_time()
    ranking.rank(candidates, question, 8)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize(
    "question",
    ["What is Click for?", "what does this project do?", "What is this?", "Give me an overview", "what's it about"],
)
def test_a_question_about_the_whole_is_known(question: str) -> None:
    assert ranking.is_overview(question)


@pytest.mark.parametrize(
    "question",
    ["What is the lease for a worker's claim?", "What does `Consumer` do?", "How does koa compose middleware?", "hi"],
)
def test_a_question_about_a_part_is_not_about_the_whole(question: str) -> None:
    assert not ranking.is_overview(question)
