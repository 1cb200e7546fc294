"""rag/evaluation/measures.py and questions.py"""

import pytest

from rag.evaluation import measures, questions
from rag.evaluation.measures import Found
from rag.evaluation.questions import Lines, Question

TEN = Lines(path="a.py", start=11, end=20)


def found(start: int, end: int, tokens: int = 100, path: str = "a.py") -> Found:
    return Found(lines=Lines(path=path, start=start, end=end), tokens=tokens)


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        (["a", "b"], 1.0), (["b", "a"], 1 / 2), (["b", "c", "d", "a"], 1 / 4), ([], 0.0),
        ([*"bcdefghij", "a"], 1 / 10), ([*"bcdefghijk", "a"], 0.0),
    ],
)  # fmt: skip
def test_the_reciprocal_rank_is_that_of_the_first_right_file_among_ten(ranked: list[str], expected: float) -> None:
    assert measures.reciprocal_rank(ranked, {"a"}) == expected


def test_several_right_files_count_by_the_best_of_them() -> None:
    assert measures.reciprocal_rank(["x", "b", "a"], {"a", "b"}) == 1 / 2


def test_recall_is_the_share_of_the_right_files_that_was_found() -> None:
    assert measures.recall(["a", "x"], {"a", "b"}) == 0.5


def test_a_file_is_where_its_best_passage_is() -> None:
    passages = [Lines(path=path, start=1, end=2) for path in ("b", "a", "b", "c")]
    assert measures.ranked_files(passages) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("start", "end", "path", "overlaps"),
    [(1, 10, "a.py", 0), (1, 11, "a.py", 1), (20, 30, "a.py", 1), (21, 30, "a.py", 0), (1, 50, "b.py", 0)],
)
def test_a_passage_hits_when_it_shares_a_line_of_the_same_file(start: int, end: int, path: str, overlaps: int) -> None:
    assert measures.lines_recall([Lines(path=path, start=start, end=end)], [TEN]) == overlaps


def test_line_recall_counts_each_place_once() -> None:
    elsewhere = Lines(path="b.py", start=1, end=5)
    assert measures.lines_recall([TEN, TEN], [TEN, elsewhere]) == 0.5


def test_the_budget_is_spent_in_order_and_a_cut_passage_keeps_its_first_lines() -> None:
    passages = [found(1, 10, tokens=100), found(11, 20, tokens=100)]
    assert measures.covered(passages, [TEN], 100) == 0
    assert measures.covered(passages, [TEN], 150) == 0.5
    assert measures.covered(passages, [TEN], 200) == 1


def test_lines_that_two_passages_share_are_covered_once() -> None:
    assert measures.covered([found(11, 15), found(11, 15)], [TEN], 1_000) == 0.5


def test_a_score_says_nothing_of_lines_when_only_files_are_known() -> None:
    score = measures.score(Question(text="?", gold=(TEN,), has_lines=False), ["b.py", "a.py"], [found(11, 12)])
    assert (score.reciprocal_rank, score.files_at_1, score.files_at_5) == (0.5, 0, 1)
    assert (score.lines_at_5, score.within) == (None, None)


def test_only_the_first_five_passages_count_for_lines() -> None:
    late = [found(1, 2)] * 5 + [found(11, 20)]
    assert measures.score(Question(text="?", gold=(TEN,)), ["a.py"], late).lines_at_5 == 0
    assert measures.score(Question(text="?", gold=(TEN,)), ["a.py"], late[1:]).lines_at_5 == 1


@pytest.mark.parametrize(
    ("answered", "absent", "expected"),
    [([0.9, 0.8], [0.1], 1), ([0.1], [0.9], 0), ([0.5], [0.5], 0.5), ([0.9, 0.1], [0.5], 0.5)],
)
def test_the_auc_is_how_often_the_answered_question_is_the_surer_one(
    answered: list[float], absent: list[float], expected: float
) -> None:
    assert measures.auc(answered, absent) == expected


def test_an_interval_holds_its_figure_and_is_the_same_every_time() -> None:
    values = [0.0, 1.0] * 50
    between = measures.interval(values)
    assert (between.value, between) == (0.5, measures.interval(values))
    assert 0.38 < between.low < 0.42
    assert 0.58 < between.high < 0.62


def test_an_interval_narrows_with_more_questions() -> None:
    few, many = measures.interval([0.0, 1.0] * 10), measures.interval([0.0, 1.0] * 1_000)
    assert many.high - many.low < (few.high - few.low) / 5


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(50, 100, 0.404, 0.596), (4, 4, 0.510, 1), (0, 4, 0, 0.490), (0, 0, 0, 1)]
)
def test_a_share_of_few_questions_is_not_sure_of_itself(count: int, total: int, low: float, high: float) -> None:
    between = measures.share(count, total)
    assert (between.low, between.high) == pytest.approx((low, high), abs=1e-3)


def test_a_ratio_resamples_both_sides_together() -> None:
    between = measures.ratio([0.2, 1.0, 0.6], [0.1, 0.5, 0.3])
    assert (between.value, between.low, between.high) == pytest.approx((2, 2, 2))


def test_an_interval_of_the_auc_resamples_both_kinds() -> None:
    between = measures.auc_interval([0.9, 0.8, 0.2], [0.1, 0.3])
    assert between.value == pytest.approx(5 / 6)
    assert between.low < between.value < between.high == 1


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.95, 4), (0.0, 1), (1.0, 4)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert measures.percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def test_questions_are_read_with_their_lines_and_blank_lines_are_nothing() -> None:
    rows = ['{"question": " How? ", "gold": [{"path": "a.py", "start": 11, "end": 20}], "style": "x"}', "", " "]
    assert questions.read(rows) == [Question(text="How?", gold=(TEN,))]


@pytest.mark.parametrize(
    "row",
    [
        "[1]", "nothing", '{"question": "How?"}', '{"question": "", "gold": []}', '{"question": 1, "gold": []}',
        '{"question": "How?", "gold": [{"path": "a", "start": 3, "end": 2}]}', '{"question": "How?", "gold": ["a.py"]}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_question_is_named(row: str) -> None:
    with pytest.raises(questions.BadQuestions, match="Line 2 is not"):
        questions.read(['{"question": "How?", "gold": []}', row])
