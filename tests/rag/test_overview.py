"""What is stuck, failing, under way and spent, for the owner's first look."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portfolio.models import Project, ProjectRAG
from rag import models, overview
from tests import factories

pytestmark = pytest.mark.django_db


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def told(facts: overview.Facts) -> list[tuple[str, str]]:
    return [(fact.title, fact.sentence) for fact in facts.shown]


def test_nothing_at_all_is_calm() -> None:
    now = overview.now()

    assert (now.is_calm, now.sentence) == (True, "No projects yet. $0.0000 spent today (UTC).")


def test_what_is_ready_needs_no_words() -> None:
    factories.set_state(factories.make_project("Thing"), "ready")
    factories.make_project("Plan")
    now = overview.now()

    assert (now.is_calm, len(now.under_way)) == (True, 0)
    assert now.sentence.startswith("1 of 2 assistants ready. ")


@pytest.mark.parametrize(
    ("status", "facts", "group", "sentence"),
    [
        ("processing", {"processing_speed": "90 chunks a minute"}, "under_way", "Embedding the code, 42 %, 90 chunks"),
        ("processing", {"lease_expires_at": -timedelta(minutes=5)}, "stuck", "Its worker has been gone for 5"),
        ("pending", {"requested_at": -timedelta(minutes=3)}, "under_way", "Queued for 3"),
        ("pending", {"requested_at": -timedelta(hours=2)}, "stuck", "Queued for 2 hours, and no worker took it up."),
        ("ready", {"requested_at": -timedelta(hours=2)}, "stuck", "Queued for 2 hours, and no worker took it up."),
        ("failed", {}, "failing", "did not answer. Nobody tries it again by itself."),
        (
            "failed",
            {"next_attempt_at": timedelta(hours=5)},
            "failing",
            "did not answer. Tried again in",
        ),
        ("failed", {"requested_at": -timedelta(hours=2)}, "failing", "did not answer. It is queued again."),
    ],
)
def test_each_state_has_one_place_and_a_sentence(status: str, facts: dict[str, Any], group: str, sentence: str) -> None:
    project, at = factories.make_project("Thing"), timezone.now()
    moments = {name: at + fact if isinstance(fact, timedelta) else fact for name, fact in facts.items()}
    factories.set_state(project, status, **moments)
    now = overview.now()

    [(title, found)] = told(getattr(now, group))
    assert (title, sentence in found.replace("\xa0", " ")) == ("Thing", True)
    assert [len(now.stuck), len(now.failing), len(now.under_way)].count(0) == 2
    assert now.is_calm == (group == "under_way")


def test_what_an_admin_put_off_is_not_stuck() -> None:
    project = factories.make_project("Thing")
    ProjectRAG.objects.request(project.rag.pk)
    ProjectRAG.objects.cancel(project.rag.pk)

    assert overview.now().is_calm


def ask(project: Project, **facts: Any) -> None:
    conversation = models.Conversation.objects.create(project=project)
    models.Message.objects.create(conversation=conversation, question="What?", **facts)


def test_answers_that_failed_or_never_ended_are_counted() -> None:
    project = factories.make_project("Thing")
    ask(project, status="failed")
    ask(project, status="complete", started_at=ago(hours=1))
    ask(project, status="streaming", started_at=ago(hours=1))
    now = overview.now()

    assert told(now.failing) == [("Answers", "1 of 3 failed in 24 hours.")]
    assert told(now.stuck) == [("Answers", "1 began long ago and did not end. Their visitors can ask again.")]


def test_what_providers_refuse_is_told_by_reason() -> None:
    about = {"provider": "groq", "model": "large", "purpose": "question"}
    for code in ("key_refused", "key_refused", "", "rate_limited"):
        models.Call.objects.create(**about, error_code=code)
    models.Call.objects.create(**about, error_code="old", at=ago(days=2))

    assert told(overview.now().failing) == [
        ("groq, large", "2 calls failed in 24 hours: key_refused."),
        ("groq, large", "1 call failed in 24 hours: rate_limited."),
    ]


def test_what_is_spent_and_switched_off_is_told() -> None:
    models.Allowance.objects.create(day=timezone.now().date(), scope="all", spent_usd=Decimal("0.25"))
    models.Switches.objects.create(answers_by_models=False)
    now = overview.now()

    assert "$0.2500 spent today" in now.sentence
    assert now.notices and not now.is_calm


def many(count: int) -> None:
    for _ in range(count):
        factories.set_state(factories.make_project(), "failed")


def test_a_long_list_is_cut_and_costs_no_more(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    many(20)

    with django_assert_max_num_queries(12):
        now = overview.now()

    assert (len(now.failing.shown), now.failing.more, len(now.failing)) == (8, 12, 20)


# Where it is seen


def test_the_admins_first_page_begins_with_it(admin_client: Client) -> None:
    project = factories.make_project("<b>Thing</b>")
    factories.set_state(project, "failed", processing_error="<script>alert(1)</script>")

    page = admin_client.get(reverse("admin:index")).content.decode()

    assert page.index(">Now<") < page.index("&lt;script&gt;alert(1)&lt;/script&gt;") < page.index("Portfolio")
    assert reverse("admin:portfolio_projectrag_change", args=[project.rag.pk]) in page
    assert "<script>alert" not in page and "<b>Thing" not in page


@pytest.mark.parametrize("allowed", [[], ["view_projectrag"]])
def test_it_is_for_those_who_may_see_assistants_and_costs(client: Client, allowed: list[str]) -> None:
    editor = User.objects.create_user("editor", is_staff=True)
    editor.user_permissions.set(Permission.objects.filter(codename__in=allowed))
    client.force_login(editor)

    assert ">Now<" not in client.get(reverse("admin:index")).content.decode()


def test_rag_status_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    factories.set_state(factories.make_project("Thing"), "pending", requested_at=ago(hours=2))
    factories.set_state(factories.make_project("Other"), "failed")
    call_command("rag_status")

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Thing: Queued for")]
    assert not [line for line in lines if line.startswith("Other: ")]  # its error stands beside it
    assert lines[-1] == "0 of 2 assistants ready. $0.0000 spent today (UTC)."
