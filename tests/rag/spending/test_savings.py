"""What repeated answers save, summed up, and where the owner sees it."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portfolio.models import Project
from rag import models
from rag.spending import costs, savings
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return factories.make_project("Thing")


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", "owner@example.org", "secret"))
    return client


@pytest.fixture
def kept(project: Project) -> models.RememberedAnswer:
    revision = factories.make_live_revision(project, {"queue.py": "def claim_job(): ..."})
    conversation = models.Conversation.objects.create(project=project)
    message = models.Message.objects.create(
        conversation=conversation, question="<b>How?</b>", answer="So [1].", cost_usd=Decimal("0.25")
    )
    return models.RememberedAnswer.objects.create(
        revision=revision, message=message, writer="stub/stub-1", rules="x", question_sha256=b"x", times=3,
        claimed_at=timezone.now(), answered_at=timezone.now(),
    )  # fmt: skip


def test_questions_are_summed_by_day_and_project(project: Project) -> None:
    savings.count(project.pk)
    savings.count(project.pk, Decimal("0.5"))
    savings.count(factories.make_project("Other").pk)
    saved = savings.of_last(7)

    assert (saved.total.questions, saved.total.repeated, saved.total.saved) == (3, 1, Decimal("0.5"))
    assert [(line.name, line.percentage) for line in saved.by_project] == [("Thing", 50), ("Other", 0)]
    assert [line.name for line in saved.by_day] == [str(costs.today())]


def test_earlier_days_are_left_out(project: Project) -> None:
    models.Saving.objects.create(day=costs.today() - timedelta(days=7), project=project, questions=5)

    assert savings.of_last(7).total.questions == 0
    assert savings.of_last(8).total.questions == 5


def test_what_was_saved_stays_when_the_project_goes(project: Project) -> None:
    savings.count(project.pk, Decimal("0.5"))
    project.delete()

    assert [(line.name, line.saved) for line in savings.of_last(1).by_project] == [(costs.GONE, Decimal("0.5"))]


def test_the_command_tells_it(project: Project) -> None:
    savings.count(project.pk, Decimal("0.5"))
    text, facts = StringIO(), StringIO()
    call_command("rag_costs", stdout=text)
    call_command("rag_costs", "--json", stdout=facts)

    assert "$0.5000 saved        1 of 1 questions, 100 %" in text.getvalue()
    assert json.loads(facts.getvalue())["savings"]["total"]["repeated"] == 1


def test_the_page_of_costs_tells_it(owner: Client, project: Project) -> None:
    page = owner.get(reverse("admin:rag_costs"))
    assert "saved by answers" not in page.content.decode()
    savings.count(project.pk, Decimal("0.5"))
    page = owner.get(reverse("admin:rag_costs"))

    assert "$0.5000 saved by answers given again" in page.content.decode()
    assert "<caption>Saved by project</caption>" in page.content.decode()


def test_the_list_has_each_answer_with_what_it_saved(owner: Client, kept: models.RememberedAnswer) -> None:
    page = owner.get(reverse("admin:rag_rememberedanswer_changelist")).content.decode()

    assert "$0.7500" in page and "&lt;b&gt;How?&lt;/b&gt;" in page and "stub/stub-1" in page
    assert reverse("admin:rag_conversation_change", args=[kept.message.conversation_id]) in page


def test_an_answer_can_be_forgotten(owner: Client, kept: models.RememberedAnswer) -> None:
    action = {"action": "forget", "_selected_action": [kept.pk]}
    owner.post(reverse("admin:rag_rememberedanswer_changelist"), action)

    assert not models.RememberedAnswer.objects.exists()
    assert models.Message.objects.filter(pk=kept.message_id).exists()


def test_whoever_may_only_look_forgets_nothing(client: Client, kept: models.RememberedAnswer) -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_rememberedanswer"))
    client.force_login(helper)
    action = {"action": "forget", "_selected_action": [kept.pk]}
    client.post(reverse("admin:rag_rememberedanswer_changelist"), action)

    assert models.RememberedAnswer.objects.exists()
