"""What the portfolio's templates call by name."""

import pytest

from portfolio.templatetags import portfolio as tags
from tests.factories import make_live_revision, make_project, set_state


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_before_there_is_an_index_the_state_is_the_status(status: str) -> None:
    project = make_project()
    set_state(project, status)

    assert tags.assistant_state(project) == status


@pytest.mark.django_db
def test_a_request_is_queued() -> None:
    project = make_project()

    project.rag.__class__.objects.request(project.rag.pk)
    project.rag.refresh_from_db()

    assert tags.assistant_state(project) == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "state"), [("ready", "ready"), ("processing", "updating"), ("failed", "ready"), ("pending", "ready")]
)
def test_with_an_index_it_can_answer_whatever_is_done_to_it(status: str, state: str) -> None:
    project = make_project()
    make_live_revision(project, {"a.py": "x = 1"})

    set_state(project, status)

    assert tags.assistant_state(project) == state


@pytest.mark.django_db
def test_without_a_repository_there_is_no_assistant() -> None:
    assert tags.assistant_state(make_project(repository_url="")) == "none"


def test_the_largest_languages_come_first_and_the_rest_together() -> None:
    sizes = {name: size for size, name in enumerate(["a", "b", "c", "d", "e", "f", "g"], 1)}

    shares = tags.shares(sizes)

    assert [share.name for share in shares] == ["G", "F", "E", "D", "C", "Other"]
    assert sum(share.percentage for share in shares) == pytest.approx(100)


def test_the_parts_of_the_bar_follow_each_other() -> None:
    first, second = tags.shares({"python": 75, "go": 25})

    assert (first.start, second.start) == (0, 75)


def test_languages_are_written_as_they_write_themselves() -> None:
    assert [share.name for share in tags.shares({"cpp": 3, "javascript": 2, "": 1})] == [
        "C++",
        "JavaScript",
        "Other",
    ]


def test_no_languages_make_no_bar() -> None:
    assert tags.shares({}) == []
