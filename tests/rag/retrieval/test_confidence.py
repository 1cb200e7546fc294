"""How likely a repository answers a question."""

from collections.abc import Mapping
from typing import Any

import pytest

from rag import embeddings, lexical
from rag.retrieval import confidence
from rag.retrieval.candidates import Words
from tests.rag.passages import passage

LOCAL = "all-MiniLM-L6-v2"
QUESTION = "How is a job claimed from the queue?"
CODE = "def claim_job(queue):\n    return queue.pop()"


def words(question: str = QUESTION, known: Mapping[str, int] | None = None, chunks: int = 500) -> Words:
    """Each of the question's terms in ten chunks, unless `known` says otherwise."""
    frequencies = {term: 10 if known is None else known.get(term, 0) for term in lexical.asked(question)}
    return Words(chunk_count=chunks, frequencies=frequencies, scores=[])


def likely(similarity: float = 0.35, question: str = QUESTION, text: str = CODE, **options: Any) -> float:
    model = options.pop("model", LOCAL)
    found = [passage("work.py", text, similarity=similarity)]
    return confidence.of(question, found, options.pop("words", None) or words(question, **options), model)


def signs(question: str, text: str = CODE, **options: Any) -> confidence.Signs:
    scale = confidence.SCALES[LOCAL]
    return confidence.read(question, [passage("work.py", text)], words(question, **options), scale)


def test_nothing_found_answers_nothing() -> None:
    assert confidence.of(QUESTION, [], words(), LOCAL) == 0


def test_it_is_a_probability_that_grows_with_the_similarity() -> None:
    grown = [likely(similarity) for similarity in (-1, 0, 0.2, 0.4, 0.6, 1)]

    assert grown == sorted(set(grown)) and 0 < grown[0] < 0.02 and 0.98 < grown[-1] < 1


def test_words_that_stand_in_the_passage_speak_for_it() -> None:
    assert likely(text=CODE) > likely(text="def paint(wall):\n    return wall.colour()") + 0.1


def test_a_word_that_the_repository_does_not_know_speaks_against_it() -> None:
    known = dict.fromkeys(lexical.asked(QUESTION), 10)

    assert likely(known=known) > likely(known={**known, "claim": 0}, text="job from the queue") + 0.1


def test_a_name_that_is_nowhere_speaks_against_it() -> None:
    assert (signs("What does `claim_job` do?").misnamed, signs("What does `paint_wall` do?").misnamed) == (0, 1)
    assert signs("How are jobs claimed?").misnamed == 0


def test_the_similarity_is_read_on_the_model_s_own_scale() -> None:
    scale = confidence.Scale(unrelated=0.6, related=0.8, trust=1.0)
    found = [passage(similarity=0.7)]

    assert confidence.read(QUESTION, found, words(), scale).similarity == pytest.approx(0.5)


def test_of_a_model_that_was_not_measured_only_the_words_are_believed() -> None:
    assert likely(0.1, model="unheard-of") == likely(0.9, model="unheard-of")
    assert likely(model="unheard-of") > likely(model="unheard-of", text="nothing") + 0.1


def test_the_local_model_is_measured() -> None:
    scales = [confidence.SCALES[name] for name in (embeddings.LOCAL_MODEL, embeddings.LOCAL_MODEL_BEFORE)]

    assert {scale.trust for scale in scales} == {1.0}


def test_a_guessed_scale_counts_in_part() -> None:
    guessed, measured = (
        likely(0.6, model=model, text="nothing") - likely(0.1, model=model, text="nothing")
        for model in ("text-embedding-3-small", LOCAL)
    )
    assert 0.1 < guessed < measured


def test_words_of_another_language_do_not_speak_against_it() -> None:
    question = "Wie werden Aufgaben aus der Warteschlange geholt?"

    assert likely(0.5, question, known={}) > 0.9
    assert likely(0.5, "How are tasks taken away from the lane?", known={}, text="nothing") < 0.9
    assert likely(question=question, known={}, model="unheard-of") == pytest.approx(1 - confidence.UNANSWERABLE)


@pytest.mark.parametrize(
    "question", ["这个项目如何处理重试？", "どのように動作しますか", "Как это работает?", "Wofür ist das?"]
)
def test_a_few_words_in_other_letters_are_another_language(question: str) -> None:
    assert likely(question=question, known={}, model="unheard-of") == pytest.approx(1 - confidence.UNANSWERABLE)


@pytest.mark.parametrize("question", ["“middleware” order…", "middleware", "How does 中文 break?"])
def test_a_few_english_words_speak_against_it_when_they_are_nowhere(question: str) -> None:
    assert likely(question=question, known={}, text="nothing", model="unheard-of") < 0.2


def test_a_question_without_words_is_judged_by_its_similarity() -> None:
    assert likely(question="!", model="unheard-of") == pytest.approx(1 - confidence.UNANSWERABLE)


def test_the_readme_answers_what_the_project_is_for() -> None:
    readme = [passage("README.md", "# Thing", kind="readme", similarity=0.1)]

    assert confidence.of("What is this project for?", readme, words(), LOCAL) == confidence.OVERVIEW


def test_rarity_goes_from_one_for_an_unknown_term_to_nearly_none() -> None:
    counts = {"red": 0, "blue": 1, "green": 100, "gold": 500}
    rarities = [confidence.rarity(term, words("red blue green gold", known=counts)) for term in counts]

    assert rarities[0] == pytest.approx(1) and rarities == sorted(rarities, reverse=True) and 0 < rarities[-1] < 0.01


def test_in_a_small_repository_a_word_is_not_common_because_every_file_has_it() -> None:
    assert confidence.rarity("job", words("job", known={"job": 2}, chunks=2)) > 0.6


@pytest.mark.parametrize("question", ["", "?", "is it", "😀" * 50, "`", "a" * 5_000])
def test_any_question_has_one(question: str) -> None:
    assert 0 <= likely(question=question) <= 1


def test_far_below_everything_it_does_not_overflow() -> None:
    scale = confidence.Scale(unrelated=0.5, related=0.5001, trust=1.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(confidence.SCALES, LOCAL, scale)
        assert likely(-1) == pytest.approx(0)
