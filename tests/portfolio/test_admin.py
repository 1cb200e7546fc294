"""What the owner edits."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portfolio import storage
from portfolio.models import Owner, Project, StoredFile
from tests.factories import make_live_revision, make_project
from tests.portfolio.test_storage import SVG, picture

pytestmark = pytest.mark.django_db
OWNER = "/admin/portfolio/owner/1/change/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner"))
    return client


def owner_form(**fields: Any) -> dict[str, Any]:
    return {"name": "Maren Holt", "headline": "Queues", "about": "", "links": "", **fields}


def upload(content: bytes, name: str = "me.png", content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type)


def test_the_owners_link_leads_straight_to_the_form(admin: Client) -> None:
    response = admin.get("/admin/portfolio/owner/")

    assert response.headers["Location"] == OWNER
    assert admin.get(OWNER).status_code == 200


def test_there_is_only_one_owner(admin: Client) -> None:
    admin.get("/admin/portfolio/owner/")

    assert admin.get("/admin/portfolio/owner/add/").status_code == 403
    assert admin.post("/admin/portfolio/owner/1/delete/").status_code == 403


def test_what_the_owner_edits_is_shown(admin: Client) -> None:
    admin.get("/admin/portfolio/owner/")

    admin.post(OWNER, owner_form(picture=upload(picture())))

    assert "Maren Holt" in admin.get("/").text
    assert Owner.current().picture.url in admin.get("/").text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(SVG, "Upload a valid image"), (picture("BMP"), "BMP pictures are not shown"), (b"text", "Upload a valid image")],
)
def test_what_is_no_picture_is_refused_in_the_form(admin: Client, content: bytes, sentence: str) -> None:
    admin.get("/admin/portfolio/owner/")

    response = admin.post(OWNER, owner_form(picture=upload(content)))

    assert response.status_code == 200 and sentence in response.text
    assert not StoredFile.objects.exists()


def test_a_picture_that_is_too_large_is_refused_in_the_form(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_BYTES", 50)
    admin.get("/admin/portfolio/owner/")

    response = admin.post(OWNER, owner_form(picture=upload(picture())))

    assert "The picture has" in response.text


def test_a_picture_that_is_replaced_is_deleted(admin: Client) -> None:
    admin.get("/admin/portfolio/owner/")
    admin.post(OWNER, owner_form(picture=upload(picture())))
    admin.post(OWNER, owner_form(picture=upload(picture("JPEG"), "other.jpg", "image/jpeg")))

    assert [file.content_type for file in StoredFile.objects.all()] == ["image/jpeg"]


def test_a_project_is_added_with_its_assistant(admin: Client) -> None:
    fields = {"title": "Queue", "repository_url": "https://github.com/owner/queue", "position": 0, "is_published": "on"}

    admin.post("/admin/portfolio/project/add/", fields)

    project = Project.objects.get()
    assert (project.slug, project.rag.processing_status) == ("queue", "pending")


def test_the_list_takes_the_same_queries_for_any_number_of_projects(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        make_project()

    with django_assert_max_num_queries(8):
        admin.get("/admin/portfolio/project/")


def test_only_a_published_project_can_be_viewed_on_the_site(admin: Client) -> None:
    published, hidden = make_project(), make_project(is_published=False)

    pages = [admin.get(f"/admin/portfolio/project/{each.pk}/change/").text for each in (published, hidden)]

    assert [page.count("View on site") for page in pages] == [1, 0]


def test_nothing_that_is_typed_runs_in_the_list(admin: Client) -> None:
    make_project('<script>alert("t")</script>', repository_url="<script>alert(1)</script>")

    assert "<script>alert" not in admin.get("/admin/portfolio/project/").text


def test_visitors_are_asked_to_log_in(client: Client) -> None:
    assert client.get("/admin/portfolio/project/").status_code == 302


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("https://github.com/owner", "must be the repository&#x27;s own"),
        ("https://evil.example/owner/name", "Repositories on evil.example are not read"),
        ("git@github.com:owner/name", "must look like https://github.com/owner/name"),
        ("/etc", "Folders of this computer are not read"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_in_the_form(admin: Client, address: str, sentence: str) -> None:
    fields = {"title": "Queue", "repository_url": address, "position": 0}

    response = admin.post("/admin/portfolio/project/add/", fields)

    assert sentence in response.text and not Project.objects.exists()


def test_a_project_needs_no_address(admin: Client) -> None:
    admin.post("/admin/portfolio/project/add/", {"title": "Poems", "repository_url": "", "position": 0})

    assert Project.objects.get().repository_url == ""


def test_a_project_is_deleted_with_its_index_after_one_question(admin: Client) -> None:
    revision = make_live_revision(make_project("One"), {"a.py": "a = 1"})
    page = f"/admin/portfolio/project/{revision.rag.project_id}/delete/"

    assert "with its index" in admin.get(page).text
    admin.post(page, {"post": "yes"})
    assert not Project.objects.exists()


def test_projects_are_deleted_together(admin: Client) -> None:
    chosen = [make_project("One").pk, make_project("Two").pk]
    answer = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    admin.post("/admin/portfolio/project/", answer)

    assert not Project.objects.exists()
