"""manage.py ask"""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from portfolio.models import Project
from rag import llm, models
from rag.llm import errors
from tests import factories
from tests.rag.answers.test_answers import Stub

pytestmark = pytest.mark.django_db

FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()", "mail.py": "def send_mail():\n    ..."}
QUESTION = "What does claim_job pop from the queue?"


@pytest.fixture
def project() -> Project:
    project = factories.make_project("Work queue")
    factories.make_live_revision(project, FILES)
    return project


def ask(*arguments: str) -> str:
    out = io.StringIO()
    call_command("ask", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_the_answer_then_the_sources_with_lines_and_links(project: Project) -> None:
    answer, *sources = ask("work-queue", QUESTION).split("\n[1] ", 1)[0].split("\n* ")
    assert "The answer is in `claim_job` in `queue.py`" in answer
    link = f"https://github.com/owner/name/blob/{factories.COMMIT}/queue.py#L1-L2"
    assert sources[0].splitlines()[0] == f"[1] queue.py:1-2 {link}"


def test_the_project_may_be_named_by_its_id(project: Project) -> None:
    assert "queue.py" in ask(str(project.pk), QUESTION)


def test_a_slug_of_digits_is_a_slug_first(project: Project) -> None:
    other = factories.make_project(slug=str(project.pk))
    factories.make_live_revision(other, {"other.py": FILES["queue.py"]})
    assert "other.py" in ask(str(project.pk), QUESTION)


def test_an_unpublished_project_answers_its_owner(project: Project) -> None:
    Project.objects.update(is_published=False)
    assert "queue.py" in ask("work-queue", QUESTION)


def test_as_json_it_is_one_object(project: Project) -> None:
    told = json.loads(ask("work-queue", QUESTION, "--json"))
    assert (told["status"], told["provider"], told["found"]) == ("complete", "fake", True)
    assert 0 < told["confidence"] < 1
    assert told["sources"][0]["path"] == "queue.py"
    assert told["sources"][0]["cited"] is True


def test_passages_come_best_first_and_no_model_is_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub("x")
    monkeypatch.setattr(llm, "named", lambda _: stub)
    lines = ask("work-queue", QUESTION, "--passages").splitlines()
    assert "queue.py:1-2  claim_job" in lines[0]
    assert len(lines) == 2
    assert (stub.prompts, models.Message.objects.count()) == ([], 0)


def test_passages_as_json_are_one_object_a_line(project: Project) -> None:
    first, _ = map(json.loads, ask("work-queue", QUESTION, "--passages", "--json").splitlines())
    assert set(first) == {"path", "start_line", "end_line", "symbol", "score", "commit"}
    assert (first["path"], first["start_line"], first["commit"]) == ("queue.py", 1, factories.COMMIT)


def test_the_limit_is_kept(project: Project) -> None:
    assert len(ask("work-queue", QUESTION, "--passages", "--limit", "1").splitlines()) == 1


@pytest.mark.parametrize("arguments", [("nothing", QUESTION), ("999999", QUESTION), ("9" * 30, QUESTION)])
def test_an_unknown_project_is_wrong_use(project: Project, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="There is no project") as caught:
        ask(*arguments)
    assert caught.value.returncode == 2


@pytest.mark.parametrize("arguments", [(" ",), (QUESTION, "--passages", "--limit", "0")])
def test_nothing_to_ask_is_wrong_use(project: Project, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        ask("work-queue", *arguments)
    assert caught.value.returncode == 2


@pytest.mark.parametrize("option", [(), ("--passages",)])
def test_a_project_without_an_index_says_what_to_run(option: tuple[str, ...]) -> None:
    project = factories.make_project("New")
    with pytest.raises(CommandError, match=f"process_rag_async --project-id {project.pk}") as caught:
        ask("new", QUESTION, *option)
    assert caught.value.returncode == 1


def test_a_model_that_fails_is_an_exit_of_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "named", lambda _: Stub("It is", errors.ChatCut()))
    with pytest.raises(CommandError, match="interrupted") as caught:
        ask("work-queue", QUESTION)
    assert caught.value.returncode == 1
