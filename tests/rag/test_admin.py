"""What the owner sees and does in the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portfolio.models import Project, ProjectRAG
from rag import models
from rag.worker import Outcome
from tests.git_fixtures import Repository

pytestmark = pytest.mark.django_db

LIST = "admin:portfolio_projectrag_changelist"


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", "owner@example.org", "secret"))
    return client


def act(owner: Client, action: str, rag: ProjectRAG, **answers: str) -> str:
    chosen = {"action": action, "_selected_action": [rag.pk], **answers}
    return owner.post(reverse(LIST), chosen, follow=True).content.decode()


def test_the_list_tells_what_failed_and_what_to_do(owner: Client, project: Project) -> None:
    ProjectRAG.objects.filter(project=project).update(
        processing_status="failed", processing_error="It is private. Set a token.", error_code="not_found", attempts=2
    )
    page = owner.get(reverse(LIST)).content.decode()

    assert "It is private. Set a token." in page


def test_the_list_does_not_ask_more_of_the_database_for_more_projects(
    owner: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        Project.objects.create(title=f"Number {number}")

    with django_assert_max_num_queries(9):
        owner.get(reverse(LIST))


def test_process_again_queues_and_cancel_takes_it_back(owner: Client, project: Project) -> None:
    assert "1 queued for processing" in act(owner, "process_again", project.rag)
    assert "1 cancelled" in act(owner, "cancel", project.rag)
    assert "nothing to be cancelled" in act(owner, "cancel", project.rag)


def test_reset_asks_first(owner: Client, project: Project, run: Callable[..., Outcome]) -> None:
    run(project)
    page = act(owner, "reset", project.rag)

    assert "are you sure?" in page and project.title in page
    assert models.Chunk.objects.exists()


def test_reset_forgets_the_index(owner: Client, project: Project, run: Callable[..., Outcome]) -> None:
    run(project)
    act(owner, "reset", project.rag, confirmed="yes")

    assert not models.Chunk.objects.exists()
    assert ProjectRAG.objects.get(pk=project.rag.pk).processing_status == "pending"


def test_a_row_opens_with_its_facts(owner: Client, project: Project, run: Callable[..., Outcome]) -> None:
    run(project)
    page = owner.get(reverse("admin:portfolio_projectrag_change", args=[project.rag.pk])).content.decode()

    assert "3 of 3" in page and "0 files, with the reasons" in page


def test_files_left_out_are_listed_with_the_reason(
    owner: Client, project: Project, run: Callable[..., Outcome], repository: Repository
) -> None:
    repository.commit({"logo.png": b"\x89PNG\0", "package-lock.json": "{}"})
    run(project)
    page = owner.get(reverse("admin:rag_sourcefile_changelist"), {"left_out": "yes"}).content.decode()

    assert "logo.png" in page and "binary or an image" in page and "lock file" in page
    assert "thing/greet.py" not in page


def test_script_in_a_path_is_text(
    owner: Client, project: Project, run: Callable[..., Outcome], repository: Repository
) -> None:
    repository.commit({"<script>alert(1)</script>.py": "def f():\n    return 1\n"})
    run(project)
    page = owner.get(reverse("admin:rag_sourcefile_changelist")).content.decode()

    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_conversations_are_read_not_written(owner: Client, project: Project) -> None:
    conversation = models.Conversation.objects.create(project=project)
    models.Message.objects.create(conversation=conversation, question="Where is it?", answer="There [1].")
    address = reverse("admin:rag_conversation_change", args=[conversation.pk])

    assert "There [1]." in owner.get(address).content.decode()
    assert owner.post(address, {}).status_code == 403


def test_who_did_not_answer_and_why_is_seen_and_can_be_listed(owner: Client, project: Project) -> None:
    usual, other = (models.Conversation.objects.create(project=project) for _ in range(2))
    models.Message.objects.create(conversation=usual, question="Where is it?", answer="There.")
    for _ in range(2):
        models.Message.objects.create(conversation=other, question="And this?", detour="groq: rate_limited")

    page = owner.get(reverse("admin:rag_conversation_change", args=[other.pk])).content.decode()
    listed = owner.get(reverse("admin:rag_conversation_changelist"), {"messages__detour__isempty": "0"})

    assert "groq: rate_limited" in page
    assert list(listed.context["cl"].queryset) == [other]
