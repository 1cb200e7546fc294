"""manage.py evaluate_rag"""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portfolio.models import Project
from rag import models
from rag.retrieval import meaning
from rag.spending import budgets
from rag.worker import Outcome
from tests import factories
from tests.git_fixtures import Repository

pytestmark = pytest.mark.django_db

FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()", "mail.py": "def send_mail():\n    ..."}
ROWS: list[dict[str, object]] = [
    {"question": "claim_job queue pop", "gold": [{"path": "queue.py", "start": 1, "end": 2}]},
    {"question": "send_mail", "gold": [{"path": "mail.py", "start": 1, "end": 2}]},
    {"question": "zebra crossing", "gold": []},
]


@pytest.fixture
def indexed() -> Project:
    project = factories.make_project("Work queue")
    factories.make_live_revision(project, FILES)
    return project


def file_of(folder: Path, rows: list[dict[str, object]]) -> str:
    file = folder / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


def evaluate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("evaluate_rag", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("indexed")
def test_a_file_of_questions_gives_a_table_in_plain_words(tmp_path: Path) -> None:
    told = evaluate("work-queue", "--questions-file", file_of(tmp_path, ROWS))
    assert "The right file is the first answer                 2 of 2 (34–100 %)" in told
    assert "The right lines are among the first five passages  2 of 2 (34–100 %)" in told
    assert "the right file is among the first five answers for 2 of 2 questions (MRR@10 1.00)" in told


@pytest.mark.usefixtures("indexed")
def test_what_a_substitute_finds_is_no_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise budgets.BudgetUsedUp("Nothing is left.", retry_after=60)

    monkeypatch.setattr(meaning, "vector", refused)
    with pytest.raises(CommandError, match=r"by their words.*\(fake for the search: budget\)"):
        evaluate("work-queue", "--questions-file", file_of(tmp_path, ROWS))


@pytest.mark.usefixtures("indexed")
def test_questions_that_nothing_answers_say_how_well_they_are_told_apart(tmp_path: Path) -> None:
    assert "of the 1 questions that the code does not answer" in evaluate(
        "work-queue", "--questions-file", file_of(tmp_path, ROWS)
    )
    assert "does not answer" not in evaluate("work-queue", "--questions-file", file_of(tmp_path, ROWS[:2]))


def test_from_history_it_needs_the_repository_only(
    project: Project, repository: Repository, run: Callable[..., Outcome]
) -> None:
    repository.commit({"thing/part.py": "def part():\n    return 2\n"}, message="Part without a name from now on")
    run(project)
    before = models.Chunk.objects.count()
    told = evaluate("thing", "--from-history")
    assert "Commits: the right file is among the first five answers for 1 of 1 questions" in told
    assert "Texts embedded for it: 1, for $0.0000." in told
    assert models.Chunk.objects.count() == before


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("text", ["not a question", '{"question": "?"}'])
def test_a_bad_line_is_wrong_use_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.jsonl").write_text(text)
    with pytest.raises(CommandError, match="Line 1") as caught:
        evaluate("work-queue", "--questions-file", str(tmp_path / "bad.jsonl"))
    assert caught.value.returncode == 2


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "one of the arguments --from-history --questions-file is required"),
        (("--from-history", "--questions-file", "x"), "not allowed with"),
        (("--from-history", "--questions", "0"), "from 1 up"),
        (("--from-history", "--commits", "0"), "from 1 up"),
        (("--questions-file", "/nothing/there.jsonl"), "cannot be read"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        evaluate("work-queue", *arguments)


@pytest.mark.usefixtures("indexed")
def test_nothing_to_ask_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is nothing to ask") as caught:
        evaluate("work-queue", "--questions-file", file_of(tmp_path, ROWS[2:]))
    assert caught.value.returncode == 1


def test_a_project_without_an_index_says_what_to_run() -> None:
    project = factories.make_project("New")
    with pytest.raises(CommandError, match=f"process_rag_async --project-id {project.pk}"):
        evaluate("new", "--from-history")


def test_an_unknown_project_is_wrong_use() -> None:
    with pytest.raises(CommandError, match="There is no project") as caught:
        evaluate("nothing", "--from-history")
    assert caught.value.returncode == 2


@pytest.mark.usefixtures("indexed")
def test_a_repository_that_cannot_be_fetched_is_said() -> None:
    models.Revision.objects.update(repository_url="https://elsewhere.example.org/owner/name")
    with pytest.raises(CommandError, match=r"elsewhere\.example\.org"):
        evaluate("work-queue", "--from-history")
