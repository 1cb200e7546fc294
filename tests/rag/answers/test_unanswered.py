"""What visitors asked in vain, and the owner's list of it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portfolio.models import Project
from rag import models
from rag.admin import questions
from rag.answers import unanswered
from rag.answers.unanswered import UnansweredQuestion
from rag.retrieval import confidence
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "admin:rag_unansweredquestion_changelist"
FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()"}


@pytest.fixture
def project() -> Project:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, FILES)
    return project


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", "owner@example.org", "secret"))
    return client


def ask(project: Project, question: str = "Where is the queue?", **fields: Any) -> models.Message:
    """A message that was answered; nothing was found for it, unless `fields` say otherwise."""
    cited = fields.pop("cited", False)
    about = {"status": "complete", "answer": "I did not find it.", "found": False, "confidence": 0.12, **fields}
    conversation = models.Conversation.objects.create(project=project)
    message = models.Message.objects.create(
        conversation=conversation, question=question, revision_id=project.rag.live_revision_id, **about
    )
    models.MessageSource.objects.create(
        message=message, number=1, path="queue.py", start_line=1, end_line=2, commit_sha="c" * 40, score=0.2,
        text="def claim_job", url="https://github.com/o/n/blob/c/queue.py#L1-L2", cited=cited,
    )  # fmt: skip
    return message


def listed(owner: Client, **filters: str) -> str:
    return owner.get(reverse(LIST), filters).content.decode()


def act(owner: Client, action: str, *questions: models.Message) -> str:
    chosen = {"action": action, "_selected_action": [each.pk for each in questions]}
    return owner.post(reverse(LIST), chosen, follow=True).content.decode()


def in_vain() -> list[str]:
    return [question.question for question in UnansweredQuestion.asked.in_vain().each_once()]


@pytest.mark.parametrize(
    "answer",
    [
        "It pops the queue.",
        "I did not find this in the code. The nearest is [1].",
        "The passages don't mention it [1].",
        "This could not be answered: it is not found in the passages [1].",
        "The code that was found doesn't show how it is logged [1].",
        "Could not find this in the provided passages [1].",
    ],
)
def test_an_answer_that_cites_nothing_or_denies_is_in_vain(project: Project, answer: str) -> None:
    ask(project, answer=answer, found=True, cited="[1]" in answer)
    assert in_vain() == ["Where is the queue?"]


@pytest.mark.parametrize(
    "fields",
    [
        {"answer": "It pops the queue [1].", "found": True, "cited": True},
        {"answer": "No, Koa does not include a router [1].", "found": True, "cited": True},
        {"answer": "When it cannot find the command, it raises an error [1].", "found": True, "cited": True},
        {"answer": f"It pops it [1]. {'x' * 300} I did not find tests.", "found": True, "cited": True},
        {"answer": "", "found": True, "status": "failed"},
        {"answer": "It po", "found": True, "status": "interrupted"},
        {"answer": "", "found": None, "status": "pending"},
    ],
)
def test_an_answer_that_cites_or_never_came_is_not(project: Project, fields: dict[str, Any]) -> None:
    ask(project, **fields)
    assert in_vain() == []


def test_the_same_words_are_one_question_of_a_project(project: Project) -> None:
    for words in ("Where is the Queue?", "where is  the queue", "«Where» is the queue?!", "Where is the mail?"):
        ask(project, words)
    ask(factories.make_project("Other"), "Where is the queue?")
    once = UnansweredQuestion.asked.in_vain().each_once()
    assert sorted(getattr(each, "times") for each in once) == [1, 1, 3]  # noqa: B009 — annotated


def test_the_newest_comes_first(project: Project) -> None:
    for words in ("One?", "Two?", "one", "Three?"):
        ask(project, words)
    assert in_vain() == ["Three?", "one", "Two?"]


def test_the_list_shows_what_was_closest_and_how_likely(owner: Client, project: Project) -> None:
    ask(project)
    page = listed(owner)
    assert '<a href="https://github.com/o/n/blob/c/queue.py#L1-L2">queue.py:1-2</a>' in page
    assert "Where is the queue?" in page and "12%" in page and "nothing found" in page


def test_a_long_path_may_be_broken_and_is_text(owner: Client, project: Project) -> None:
    ask(project).sources.update(path="lib/<b>deep/queue.py", url="")
    assert "lib/<wbr>&lt;b&gt;deep/<wbr>queue.py:1-2" in listed(owner)


def test_the_list_filters_by_project_and_finds_words(owner: Client, project: Project) -> None:
    other = factories.make_project("Other")
    ask(project, "Where is the queue?")
    ask(other, "Where is the mail?")
    assert "the queue?" not in listed(owner, conversation__project__id__exact=str(other.pk))
    assert "the mail?" not in listed(owner, q="queue")


def test_the_list_does_not_ask_more_of_the_database_for_more_questions(
    owner: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        ask(project, f"Where is number {number}?")
    with django_assert_max_num_queries(9):
        listed(owner)


@pytest.mark.parametrize(("action", "state"), [("mark_seen", "seen"), ("mark_resolved", "resolved")])
def test_a_marked_question_leaves_the_list_with_all_its_times(
    owner: Client, project: Project, action: str, state: str
) -> None:
    ask(project, "where is the queue")
    question = ask(project)
    assert f"1 marked as {state}" in act(owner, action, question)
    assert "the queue?" not in listed(owner) and "the queue?" in listed(owner, state=state)
    assert set(models.Message.objects.values_list("review", flat=True)) == {state}


def test_marking_leaves_other_questions_and_other_projects_alone(owner: Client, project: Project) -> None:
    others = [ask(project, "Where is the mail?"), ask(factories.make_project("Other"))]
    act(owner, "mark_resolved", ask(project))
    assert {models.Message.objects.get(pk=each.pk).review for each in others} == {""}


def test_a_resolved_question_that_is_asked_again_is_new(owner: Client, project: Project) -> None:
    act(owner, "mark_resolved", ask(project))
    ask(project)
    assert "Where is the queue?" in listed(owner)


def test_asking_again_tells_whether_it_is_found_by_now(
    owner: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(project, "What does claim_job take from the queue?")
    assert re.search(r"found now, confidence \d+%; closest is queue.py:1-2", act(owner, "ask_again", question))
    monkeypatch.setattr(confidence, "THRESHOLD", 1.1)
    assert "still not found" in act(owner, "ask_again", question)


def test_it_says_how_many_of_too_many_were_asked_again(
    owner: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_ASKED_AGAIN", 2)
    page = act(owner, "ask_again", *(ask(project, f"Where is number {number}?") for number in range(3)))
    assert "Only 2 of 3 were asked again" in page


def test_asking_again_stores_nothing(owner: Client, project: Project) -> None:
    question = ask(project)
    unanswered.ask_again(question)
    assert models.Message.objects.get().confidence == 0.12


def test_asking_a_project_without_an_index_says_so(owner: Client, project: Project) -> None:
    question = ask(project)
    factories.set_state(project, "pending", live_revision=None)
    assert "no index yet" in act(owner, "ask_again", question)


def test_it_says_that_the_code_was_read_anew_since(owner: Client, project: Project) -> None:
    ask(project)
    assert "read anew since" not in listed(owner)
    factories.make_live_revision(project, {"new.py": "x = 1"})
    assert "read anew since" in listed(owner)


def test_a_question_opens_with_its_passages_and_is_not_edited(owner: Client, project: Project) -> None:
    address = reverse("admin:rag_unansweredquestion_change", args=[ask(project, "<script>alert(1)</script>?").pk])
    page = owner.get(address).content.decode()
    assert "queue.py:1-2" in page and "<script>alert(1)" not in page
    assert owner.post(address, {}).status_code == 403


def test_who_may_only_look_cannot_mark(client: Client, project: Project) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_unansweredquestion"))
    client.force_login(reader)
    question = ask(project)
    act(client, "mark_resolved", question)
    assert models.Message.objects.get().review == ""
    assert "Where is the queue?" in listed(client)
