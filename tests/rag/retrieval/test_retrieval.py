"""The passages of a revision, from the database."""

import pytest
from pytest_django import DjangoAssertNumQueries

from portfolio.models import Project
from rag import lexical, models, retrieval
from rag.embeddings import fake
from rag.retrieval import candidates, confidence
from tests import factories

pytestmark = pytest.mark.django_db

QUEUE = "def claim_job(queue):\n    return queue.pop_oldest_job_with_lease()"
MAIL = "def send_mail(address):\n    smtp.deliver(address)"
FILES = {"queue.py": QUEUE, "mail.py": MAIL, "colours.py": "RED = '#f00'\nGREEN = '#0f0'"}


@pytest.fixture
def revision() -> models.Revision:
    return factories.make_live_revision(factories.make_project(), FILES)


def test_the_best_passage_comes_first_with_its_place(revision: models.Revision) -> None:
    best = retrieval.search(revision, "How is a job claimed from the queue?").passages[0]
    assert (best.path, best.start_line, best.end_line, best.text) == ("queue.py", 1, 2, QUEUE)
    assert (best.symbol, best.language, best.commit) == ("claim_job", "Python", factories.COMMIT)


def test_scores_fall(revision: models.Revision) -> None:
    scores = [each.score for each in retrieval.search(revision, "send mail to an address").passages]
    assert scores == sorted(scores, reverse=True)


def test_the_similarity_is_the_cosine(revision: models.Revision) -> None:
    exact = retrieval.search(revision, f"mail.py\n{MAIL}").passages[0]
    assert exact.similarity == pytest.approx(1, abs=0.01)


def test_chunks_with_only_blank_lines_between_them_are_one_passage() -> None:
    functions = [f"def step_{n}(value):\n" + f"    value += {n}\n" * 60 for n in range(2)]
    text = "\n\n".join(functions)
    revision = factories.make_live_revision(factories.make_project(), {"steps.py": text})
    assert models.Chunk.objects.filter(file__revisions=revision).count() > 1
    (found,) = retrieval.search(revision, "What does step_0 do to the value?").passages
    assert found.text == text.strip("\n")


def test_it_gives_at_most_the_limit(revision: models.Revision) -> None:
    assert len(retrieval.search(revision, "job", limit=2).passages) == 2


def test_a_question_without_a_single_term_is_answered_by_the_vectors(revision: models.Revision) -> None:
    assert len(retrieval.search(revision, "is it?").passages) == 3


def test_words_count_less_in_a_question_whose_other_words_are_nowhere(revision: models.Revision) -> None:
    def by_words(question: str) -> float:
        found = candidates.find(revision, fake.build("fake").embed_query(question), lexical.asked(question))
        return max(each.score - each.similarity for each in found.passages)

    assert by_words("smtp") > by_words("smtp zeppelin") > by_words("smtp zeppelin gramophone") > 0
    assert by_words("zeppelin") == 0


@pytest.mark.parametrize(
    "question", ["'; DROP TABLE rag_chunk; --", "a & b | !c <-> d:*", "%s %(x)s", "\\", "😀" * 300]
)
def test_no_question_is_part_of_the_statement(revision: models.Revision, question: str) -> None:
    assert retrieval.search(revision, question).passages


def test_other_projects_are_never_seen(revision: models.Revision) -> None:
    factories.make_live_revision(factories.make_project(), {"other.py": QUEUE})
    assert {each.path for each in retrieval.search(revision, "claim job queue").passages} <= set(FILES)


def test_other_revisions_of_the_project_are_never_seen(revision: models.Revision) -> None:
    newer = factories.make_live_revision(revision.rag.project, {"queue2.py": QUEUE})
    assert [each.path for each in retrieval.search(newer, "claim job queue").passages] == ["queue2.py"]


def test_a_live_revision_with_vectors_of_another_length_answers_who_asked_the_one_before(
    revision: models.Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "DIMENSIONS", 96)
    newer = factories.make_live_revision(revision.rag.project, {"wide.py": QUEUE})
    found = retrieval.search(revision, "claim job queue")
    assert (found.revision, found.passages[0].path) == (newer, "wide.py")


def test_a_revision_that_went_meanwhile_is_replaced_by_the_live_one(revision: models.Revision) -> None:
    newer = factories.make_live_revision(revision.rag.project, {"queue2.py": QUEUE})
    old, old.pk = models.Revision.objects.get(pk=revision.pk), revision.pk
    models.Revision.objects.filter(pk=revision.pk).delete()
    found = retrieval.search(old, "claim job queue")
    assert (found.revision, found.passages[0].path) == (newer, "queue2.py")


def test_a_project_that_was_reset_meanwhile_is_not_indexed(revision: models.Revision) -> None:
    factories.set_state(revision.rag.project, "pending", live_revision=None)
    old = models.Revision.objects.get(pk=revision.pk)
    models.Revision.objects.filter(pk=revision.pk).delete()
    with pytest.raises(retrieval.NotIndexed):
        retrieval.search(old, "claim job queue")


def test_it_takes_one_query_however_many_files(
    revision: models.Revision, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    large = factories.make_live_revision(_project(), {f"{n}.py": f"{QUEUE}\n# {n}" for n in range(30)})
    for each in (revision, large):
        with django_assert_num_queries(1):
            retrieval.search(each, "claim job queue")


def _project() -> Project:
    return factories.make_project()


def test_what_is_far_from_everything_is_not_found(revision: models.Revision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(confidence.SCALES, "fake", confidence.Scale(unrelated=0.1, related=0.5, trust=1.0))
    assert not retrieval.search(revision, "Where do a zebra and a giraffe eat hippopotamus salad?").confident
    assert retrieval.search(revision, f"mail.py {MAIL}").confident


def test_an_empty_index_is_never_confident() -> None:
    empty = factories.make_live_revision(factories.make_project(), {})
    assert not retrieval.search(empty, "How?").confident
