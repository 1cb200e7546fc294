"""The pages that need no assistant."""

from xml.etree import ElementTree

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from portfolio.models import Owner, Project
from tests.factories import COMMIT, make_live_revision, make_project, set_state
from tests.portfolio.test_storage import picture

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
FILES = {"README.md": "# Queue", "queue.py": "def claim():\n    return 1\n"}


def test_the_list_shows_the_published_projects_in_their_order(client: Client) -> None:
    make_project("Second", position=2)
    make_project("First", position=1)

    page = client.get("/").text

    assert 0 < page.index("First") < page.index("Second")


def test_an_unpublished_project_is_nowhere(client: Client) -> None:
    make_project("Canary", slug="canary", is_published=False)

    pages = [client.get(path).text for path in ("/", "/sitemap.xml", "/robots.txt")]

    assert not any("canary" in page.lower() for page in pages)


@pytest.mark.parametrize("path", ["", "chat/", "panel/"])
def test_hidden_and_absent_look_the_same(client: Client, path: str) -> None:
    make_project("Canary", slug="canary", is_published=False)

    hidden, absent = client.get(f"/projects/canary/{path}"), client.get(f"/projects/absent/{path}")

    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace("canary", "absent") == absent.text


def test_unpublishing_works_on_the_next_request(client: Client) -> None:
    project = make_project()
    assert client.get(project.get_absolute_url()).status_code == 200

    Project.objects.update(is_published=False)

    assert client.get(project.get_absolute_url()).status_code == 404


def test_the_list_takes_the_same_queries_for_any_number_of_projects(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(12):
        make_live_revision(make_project(), FILES)

    with django_assert_num_queries(2):  # owner, projects
        client.get("/")


def test_a_project_takes_the_same_queries_for_any_number_of_files(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project = make_project()
    make_live_revision(project, {f"file_{number}.py": "x = 1\n" for number in range(30)})

    with django_assert_max_num_queries(4):  # project, owner, and two for its questions
        client.get(project.get_absolute_url())


@pytest.mark.parametrize("path", ["/", "/projects/queue/"])
def test_what_a_page_tells_one_visitor_is_kept_for_nobody_else(client: Client, path: str) -> None:
    """A message of the admin may be on any page, and names what is hidden."""
    make_project("Queue", slug="queue")

    assert "private" in client.get(path).headers["Cache-Control"]


def test_the_owner_introduces_themselves(client: Client) -> None:
    Owner.objects.create(
        name="Maren Holt", headline="Queues", about="I like **SQL**.", links="Code https://example.org"
    )

    page = client.get("/").text

    assert '<h1 id="owner-name">Maren Holt</h1>' in page and "I like <strong>SQL</strong>" in page
    assert '<a href="https://example.org" rel="me noopener">Code</a>' in page


def test_there_are_decent_words_before_anything_is_edited(client: Client) -> None:
    page = client.get("/").text

    assert "A developer" in page and "Nothing is shown here yet" in page


def test_an_owners_link_that_runs_is_left_out(client: Client) -> None:
    Owner.objects.create(links="Bad javascript:alert(1)\nGood https://example.org")

    page = client.get("/").text

    assert "javascript:" not in page and "https://example.org" in page


def test_a_project_shows_its_picture_or_a_drawn_cover(client: Client) -> None:
    project = make_project()
    assert '<svg class="cover"' in client.get("/").text

    project.image.save("cover.png", ContentFile(picture()))

    page = client.get("/").text
    assert '<svg class="cover"' not in page and project.image.url in page


def test_a_project_tells_the_facts_of_its_repository(client: Client) -> None:
    project = make_project()
    make_live_revision(project, FILES, skipped=8)

    page = client.get(project.get_absolute_url()).text

    assert "2 of 10" in page and f"https://github.com/owner/name/commit/{COMMIT}" in page
    assert "Python" in page and "fake" in page


def test_a_repository_of_this_computer_is_not_named(client: Client, settings: Settings) -> None:
    project = make_project(repository_url="/home/owner/secret-folder")
    make_live_revision(project, FILES)

    page = client.get(project.get_absolute_url()).text

    assert "secret-folder" not in page and COMMIT[:10] in page


def test_a_project_without_a_repository_has_no_panel(client: Client) -> None:
    page = client.get(make_project(repository_url="").get_absolute_url()).text

    assert 'id="assistant"' not in page


@pytest.mark.parametrize("field", ["title", "summary", "tags", "description", "homepage_url", "repository_url"])
def test_nothing_that_the_owner_types_runs(client: Client, field: str) -> None:
    project = make_project(slug="quoted", **{"title": "Quoted", field: f'"{SCRIPT}'})

    pages = [client.get(path).text for path in ("/", project.get_absolute_url())]

    assert not any(SCRIPT in page for page in pages)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "Can learn to answer questions"),
        ("processing", "Reading the code, 42 %"),
        ("failed", "Cannot answer at the moment"),
    ],
)
def test_a_card_says_where_the_assistant_stands(client: Client, status: str, words: str) -> None:
    set_state(make_project(), status)

    assert words in client.get("/").text


def test_the_sitemap_names_the_pages(client: Client) -> None:
    project = make_project()

    root = ElementTree.fromstring(client.get("/sitemap.xml").content)

    places = [element.text for element in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert places == ["http://testserver/", f"http://testserver{project.get_absolute_url()}"]


def test_robots_are_kept_from_conversations(client: Client) -> None:
    response = client.get("/robots.txt")

    assert "Disallow: /projects/*/chat/" in response.text
    assert response.headers["Content-Type"].startswith("text/plain")


def test_a_browser_that_asks_for_an_icon_gets_one(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/img/favicon.svg"


def test_a_page_that_is_not_there_says_so(client: Client) -> None:
    response = client.get("/nowhere")

    assert response.status_code == 404 and "There is nothing here" in response.text


def test_a_broken_page_says_so_without_the_database(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr("portfolio.views.Project.objects", None)
    client.raise_request_exception = False

    with django_assert_num_queries(0):
        response = client.get("/")

    assert response.status_code == 500 and "Something went wrong" in response.text


def test_a_form_without_its_token_is_refused_with_a_sentence() -> None:
    project = make_project()

    response = Client(enforce_csrf_checks=True).post(f"{project.get_absolute_url()}initialize/")

    assert response.status_code == 403 and "Go back, reload the page" in response.text


@pytest.mark.parametrize("path", ["", "panel/"])
def test_what_staff_see_more_of_is_kept_by_no_shared_cache(client: Client, path: str) -> None:
    project = make_project()

    assert "private" in client.get(f"{project.get_absolute_url()}{path}").headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/sitemap.xml", "/robots.txt"])
def test_pages_take_no_post(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
