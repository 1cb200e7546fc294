"""Projects from the command line."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portfolio.models import Project
from tests.git_fixtures import Repository

pytestmark = pytest.mark.django_db


def test_it_prints_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("add_project", "https://github.com/owner/name", "--publish")

    project = Project.objects.get(pk=int(capsys.readouterr().out))
    assert (project.title, project.slug, project.is_published) == ("name", "name", True)


def test_title_summary_ref_and_slug_are_taken() -> None:
    call_command("add_project", "https://github.com/o/n", "--title=A", "--summary=B.", "--ref=main", "--slug=c")

    project = Project.objects.get()
    assert (project.title, project.summary, project.ref, project.slug) == ("A", "B.", "main", "c")


def test_a_folder_is_taken_where_folders_are_allowed(repository: Repository, local_repositories: None) -> None:
    repository.commit({"a.py": "a = 1\n"})
    call_command("add_project", str(repository.path))

    assert Project.objects.get().repository_url == str(repository.path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["ext::sh -c true"],
        ["https://evil.example/o/n"],
        ["/etc"],
        ["https://github.com/o/n", "--slug=not a slug"],
        ["https://github.com/o/n", "--ref=-x"],
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("add_project", *arguments)

    assert caught.value.returncode == 2
    assert not Project.objects.exists()


def test_an_address_that_is_there_already_gets_another_slug() -> None:
    for _ in range(2):
        call_command("add_project", "https://github.com/owner/name")

    assert sorted(Project.objects.values_list("slug", flat=True)) == ["name", "name-2"]
