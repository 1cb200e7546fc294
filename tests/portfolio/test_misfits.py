"""Odd values in the admin's filters, selections and ids: each ends in a page, never in an exception."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import OperationalError, models
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.http import urlencode

from portfolio import misfits
from portfolio.admin import ProjectAdmin
from portfolio.models import Project, ProjectRAG
from rag.admin.assistants import ProjectRAGAdmin
from rag.admin.files import LeftOut
from rag.models import Conversation
from tests.factories import make_live_revision, make_project

pytestmark = pytest.mark.django_db

FAR = "99999999999999999999999"
NO_NUMBERS = ["x", "²", "%", "'\"<script>", "x" * 3_000, "1e400", "NaN", "0x1", "[", "2026-99-99", "9" * 5_000]
PROJECTS = "/admin/portfolio/project/"
RAGS = "/admin/portfolio/projectrag/"
MODELS = [pytest.param(model, id=model._meta.label) for model in admin.site._registry]


@pytest.fixture
def project() -> Project:
    project = make_project("Queue", slug="queue")
    make_live_revision(project, {"a.py": "def a(): pass\n"})
    return project


@pytest.fixture
def owner(client: Client, project: Project) -> Client:
    client.force_login(User.objects.create_superuser("owner"))
    return client


@pytest.fixture
def handled(owner: Client) -> Client:
    """The owner, who sees a page where another test would see the exception."""
    owner.raise_request_exception = False
    return owner


def address(model: type[models.Model], page: str = "changelist", *names: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=names)


def failed(responses: Iterator[tuple[Any, HttpResponseBase]]) -> list[Any]:
    """What was tried, of that which ended as an exception."""
    return [tried for tried, response in responses if response.status_code >= 500]


# Filters


def filters(model: type[models.Model]) -> Iterator[dict[str, str]]:
    """Values that Django sees through late, when the query is compiled or run, and some that it sees through early."""
    for field in model._meta.fields:
        yield {f"{field.name}__range": "1"}
        if field.get_internal_type() == "DateTimeField":
            yield from ({f"{field.name}__year": year} for year in (FAR, "-1"))
            yield from ({f"{field.name}{lookup}": "10000"} for lookup in ("__year__gte", "__iso_year", "__date__year"))
        if field.get_internal_type() == "BinaryField":
            yield from ({f"{field.name}{lookup}": "x"} for lookup in ("", "__gte", "__in"))
    yield from ({"pk": value} for value in NO_NUMBERS)
    yield {"q": '"', "o": f"-{FAR}.x", "p": FAR, "_facets": "²", "left_out": "x", "all": "["}
    yield {"no_such": "1"}


@pytest.mark.parametrize("model", MODELS)
def test_no_filter_of_a_list_is_an_exception(model: type[models.Model], handled: Client) -> None:
    page = address(model)

    assert failed((asked, handled.get(page, asked)) for asked in filters(model)) == []


@pytest.mark.parametrize("asked", ["created_at__year=-1", "created_at__year=99999999999999", "title__range=1", "id=x"])
def test_a_filter_that_fits_no_field_leads_to_the_whole_list(asked: str, owner: Client) -> None:
    response = owner.get(f"{PROJECTS}?{asked}", follow=True)

    assert response.redirect_chain == [(f"{PROJECTS}?e=1", 302)]
    assert misfits.FILTERS in response.text and "Queue" in response.text


@pytest.mark.parametrize("asked", ["at__year=99999999999999999999", "at__year=9999", "at__year=-1"])
def test_a_year_that_no_calendar_has_leads_to_the_whole_list(asked: str, owner: Client) -> None:
    assert owner.get(f"/admin/rag/call/?{asked}").headers["Location"] == "/admin/rag/call/?e=1"


def test_what_only_the_counts_of_the_filters_find_leads_to_the_whole_list(owner: Client) -> None:
    """No id is that large, so PostgreSQL is not asked for the rows; but it is for those without this filter."""
    asked = {"groups__id__exact": FAR, "last_login__year": "-1", "_facets": "1"}

    assert owner.get("/admin/auth/user/", asked).headers["Location"] == "/admin/auth/user/?e=1"


def test_the_counts_of_the_filters_are_shown(owner: Client) -> None:
    assert "Yes (1)" in owner.get("/admin/auth/user/", {"is_staff__exact": "1", "_facets": "1"}).text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked", [{"title__regex": "["}, {"created_at__week_day__regex": "1"}])
def test_what_postgresql_refuses_leads_to_the_whole_list(asked: dict[str, str], owner: Client) -> None:
    response = owner.get(PROJECTS, asked, follow=True)

    assert response.redirect_chain == [(f"{PROJECTS}?e=1", 302)]
    assert misfits.FILTERS in response.text


def test_an_action_on_a_list_with_an_odd_filter_does_nothing(owner: Client, project: Project) -> None:
    chosen = {"action": "cancel", "_selected_action": [project.rag.pk], "index": "0"}

    response = owner.post(f"{RAGS}?started_at__year=-1", chosen)

    assert response.headers["Location"] == f"{RAGS}?e=1"
    assert ProjectRAG.objects.get().cancelled_at is None


def test_a_filter_that_fits_is_applied_without_a_word(owner: Client) -> None:
    response = owner.get(PROJECTS, {"created_at__year": "1999"})

    assert response.status_code == 200 and response.context["cl"].result_count == 0
    assert misfits.FILTERS not in response.text


# Selections


def selections(model: type[models.Model], values: list[str]) -> Iterator[dict[str, Any]]:
    """Each action with each of `values` beside an id that is one, as the list sends it and as a page that asks does."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True)
    valid = str(getattr(model._default_manager.first(), "pk", 1))
    for action in admin.site.get_model_admin(model).get_actions(request):
        for value in values:
            yield {"action": action, "_selected_action": [valid, value], "index": "0"}
        yield {"action": action, "_selected_action": ["a\0b"], "post": "yes", "confirmed": "yes"}


@pytest.mark.parametrize("model", MODELS)
def test_no_selection_is_an_exception(model: type[models.Model], handled: Client) -> None:
    page = address(model)

    assert (
        failed((chosen, handled.post(page, chosen)) for chosen in selections(model, ["x", "²", "9" * 5_000, ""])) == []
    )


@pytest.mark.parametrize("chosen", NO_NUMBERS)
def test_an_action_on_an_odd_selection_does_nothing_and_says_so(chosen: str, owner: Client, project: Project) -> None:
    selected = {"action": "cancel", "_selected_action": [project.rag.pk, chosen], "index": "0"}

    response = owner.post(f"{RAGS}?error_code=", selected, follow=True)

    assert response.redirect_chain == [(f"{RAGS}?error_code=", 302)]
    assert misfits.SELECTION in response.text
    assert ProjectRAG.objects.get().cancelled_at is None


# Ids


def pages(model: type[models.Model]) -> Iterator[str]:
    for name in ("change", "delete", "history"):
        yield from (address(model, name, value) for value in ("²", "x" * 3_000, "9" * 5_000, FAR, "-1", "a\0b", "_5F"))


@pytest.mark.parametrize("model", MODELS)
def test_no_id_is_an_exception(model: type[models.Model], handled: Client) -> None:
    assert failed((page, handled.get(page)) for page in pages(model)) == []


@pytest.mark.parametrize("view", ["change", "delete"])
def test_the_field_of_an_id_may_be_left_empty(view: str, owner: Client, project: Project) -> None:
    assert owner.get(f"{address(Project, view, str(project.pk))}?_to_field=").status_code == 200


@pytest.mark.parametrize("model", [Project, Conversation])
def test_what_an_odd_id_is_on_the_site_is_not_found(model: type[models.Model], owner: Client) -> None:
    kind = ContentType.objects.get_for_model(model).pk

    assert {owner.get(f"/admin/r/{kind}/{value}/").status_code for value in ("x", "²", "-1", FAR, "NaN")} == {404}


def test_what_is_on_the_site_is_still_found(owner: Client, project: Project) -> None:
    kind = ContentType.objects.get_for_model(Project).pk

    response = owner.get(reverse("admin:view_on_site", args=[kind, project.pk]))

    assert response.headers["Location"].endswith("/projects/queue/")


# What is said


def test_nothing_that_was_asked_is_repeated_on_the_page(owner: Client) -> None:
    odd = "<script>alert(1)</script>"
    filtered = owner.get(f"{PROJECTS}?{urlencode({'id': odd})}", follow=True).text
    selected = owner.post(PROJECTS, {"action": "delete_selected", "_selected_action": [odd], "index": "0"}, follow=True)

    assert misfits.FILTERS in filtered and misfits.SELECTION in selected.text
    assert "alert(1)" not in filtered + selected.text


def test_the_log_says_why(owner: Client, caplog: pytest.LogCaptureFixture) -> None:
    owner.get(PROJECTS, {"created_at__year": "-1"})
    owner.post(RAGS, {"action": "cancel", "_selected_action": ["x"], "index": "0"})

    said = [(record.levelname, record.message) for record in caplog.records if record.name == "portfolio.misfits"]
    assert [level for level, _ in said] == ["WARNING", "WARNING"]
    assert "ValueError: year -1 is out of range" in said[0][1] and "must be an integer" in said[1][1]


# Mistakes of the program


def mistaken(*_: object, **__: object) -> None:
    raise ValueError("a mistake of the program")


def gone(*_: object, **__: object) -> None:
    raise OperationalError("the connection is closed")


def test_a_mistake_in_an_action_stays_an_exception(
    owner: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProjectRAGAdmin, "cancel", mistaken)

    with pytest.raises(ValueError, match="a mistake of the program"):
        owner.post(RAGS, {"action": "cancel", "_selected_action": [project.rag.pk], "index": "0"})


@pytest.mark.parametrize("asked", ["", "e=1", "p=1"])
def test_a_mistake_in_the_whole_list_stays_an_exception(
    asked: str, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Paginator, "count", property(mistaken))

    with pytest.raises(ValueError, match="a mistake of the program"):
        owner.get(f"{PROJECTS}?{asked}")


@pytest.mark.parametrize(
    ("where", "name", "asked"),
    [
        (ProjectAdmin, "get_queryset", f"{PROJECTS}?title=x"),
        (LeftOut, "queryset", "/admin/rag/sourcefile/?left_out=yes"),
    ],
)
def test_a_mistake_in_what_is_filtered_stays_an_exception(
    where: type, name: str, asked: str, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, mistaken)

    with pytest.raises(ValueError, match="a mistake of the program"):
        owner.get(asked)


def test_no_filter_is_blamed_for_a_database_that_is_away(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Paginator, "count", property(gone))

    with pytest.raises(OperationalError):
        owner.get(PROJECTS, {"title": "x"})


@pytest.mark.parametrize("model", MODELS)
def test_every_model_stands_behind_it(model: type[models.Model]) -> None:
    assert isinstance(admin.site.get_model_admin(model), misfits.FittingAdmin)
