"""rag/evaluation/selfmade.py, scratch.py and trials.py, on a repository of their own"""

from collections.abc import Callable

import pytest
from django.db import connection

from portfolio.models import Project
from rag import files, models
from rag.evaluation import scratch, selfmade, trials
from rag.evaluation.questions import Lines, Question
from rag.worker import Outcome
from tests.git_fixtures import Repository

pytestmark = pytest.mark.django_db

GREET = '''def greet(name):
    """Say hello to somebody who has just come in."""
    words = ["hello", name]
    line = " ".join(words)
    return line
'''
Run = Callable[..., Outcome]


def source(path: str) -> files.SourceFile:
    return files.SourceFile(path=path, blob_sha=path, size=5, language="python", kind="code", text="x = 1")


def evaluate(project: Project, **options: int) -> selfmade.Results:
    live = project.rag.live_revision
    assert live is not None
    limits = {"most": 10, "before": 10} | options
    return selfmade.evaluate(live, limits["most"], limits["before"], lambda done, total: None, lambda sentence: None)


@pytest.fixture
def grown(project: Project, repository: Repository, run: Run) -> Project:
    """`project` with two more commits, processed."""
    repository.commit({"thing/greet.py": GREET}, message="Greet by words and not by format")
    repository.commit({"thing/part.py": "def part(name):\n    return name\n"}, message="Part without any words at all")
    run(project)
    return project


def test_commits_are_asked_of_the_state_before_them(grown: Project) -> None:
    last, first = evaluate(grown).commits
    assert (last.question.text, last.question.files) == ("Part without any words at all", frozenset({"thing/part.py"}))
    assert first.question.files == {"thing/greet.py"}
    assert all(trial.score and trial.score.files_at_5 == 1 for trial in (last, first))


def test_a_description_is_asked_of_a_text_that_has_it_no_more(grown: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def seen(revision: models.Revision, asked: list[Question]) -> list[trials.Trial]:
        chunks = models.Chunk.objects.filter(file__revisions=revision, file__path="thing/greet.py")
        texts.extend(chunk.text for chunk in chunks if asked[0].has_lines)
        return []

    monkeypatch.setattr(trials, "run", seen)
    evaluate(grown)
    assert "def greet" in "".join(texts)
    assert "Say hello" not in "".join(texts)


def test_a_description_s_answer_is_the_function_s_lines(grown: Project) -> None:
    (trial,) = evaluate(grown).descriptions
    assert trial.question.text == "Say hello to somebody who has just come in."
    assert trial.question.gold == (Lines(path="thing/greet.py", start=1, end=5),)
    assert trial.score and trial.score.lines_at_5 == 1


def test_nothing_is_kept_and_nobody_sees_it(grown: Project) -> None:
    def counts() -> list[int]:
        return [model.objects.count() for model in (Project, models.Revision, models.SourceFile, models.Chunk)]

    before = counts()
    evaluate(grown)
    assert counts() == before


def test_what_the_project_has_embedded_is_not_embedded_again(grown: Project, calls: list[list[str]]) -> None:
    results = evaluate(grown)
    sent = {text.split("\n")[0] for texts in calls for text in texts if "\n" in text}
    assert sent == {"thing/greet.py: greet", "thing/part.py: part"}
    assert results.embedded == 3  # greet without its description, and two files as they were


def test_no_more_is_asked_than_was_wanted(grown: Project) -> None:
    results = evaluate(grown, most=1)
    assert (len(results.descriptions), len(results.commits)) == (1, 1)
    assert len(evaluate(grown, before=1).commits) == 1


def test_it_stops_looking_back_when_too_much_would_have_to_be_embedded(
    grown: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selfmade, "MOST_NEW_CHUNKS", 0)
    assert len(evaluate(grown).commits) == 1


def test_a_scratch_index_has_the_files_that_were_shown_last(grown: Project) -> None:
    live = grown.rag.live_revision
    assert live is not None
    with scratch.opened(live) as index:
        both = [source("a.py"), source("b.py")]
        index.add(both, lambda done, total: None, lambda sentence: None)
        for wanted in ([both[0]], both, [both[1]]):
            index.show([scratch.version(file) for file in wanted])
            shown = index.revision.files.order_by("path").values_list("path", flat=True)
            assert list(shown) == [file.path for file in wanted]


def test_a_scratch_index_may_wait_for_its_provider(grown: Project) -> None:
    live = grown.rag.live_revision
    assert live is not None
    with scratch.opened(live), connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_question_without_an_answer_has_no_score(grown: Project) -> None:
    live = grown.rag.live_revision
    assert live is not None
    (trial,) = trials.run(live, [Question(text="How does it fly?", gold=())])
    assert trial.score is None
    assert -1 <= trial.confidence <= 1
