"""rag/evaluation/commits.py, and the history that it reads"""

import pytest

from rag import sources
from rag.evaluation import commits
from rag.sources import history
from tests.attacks.fake_secrets import FAKES
from tests.git_fixtures import Repository

ALL = ("a.py", "b.py", "tests/test_a.py", "CHANGES.md")


def commit(subject: str = "Close the file before it is unlinked", *changed: str) -> history.Commit:
    return history.Commit(sha="1" * 40, parent="2" * 40, subject=subject, changed=changed or ("a.py",))


def files_of(*changed: str, indexed: tuple[str, ...] = ALL) -> frozenset[str]:
    question = commits.question(commit("Close the file before it is unlinked", *changed), indexed)
    return question.files if question else frozenset()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fix(pager): close the file before it is unlinked (#12)", "close the file before it is unlinked"),
        ("Fixed #33 -- Closed the file before unlinking", "Closed the file before unlinking"),
        ("[docs] Say when files are closed", "Say when files are closed"),
        ("Bump version to 8.0 for the release", ""), ("Merge branch 'main' into stable", ""), ("Fix typo", ""),
        ("Correct a typo in the error message", ""), ("Close files", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_subject_is_asked_without_its_decoration_or_not_at_all(line: str, expected: str) -> None:
    assert commits.subject(line) == expected


def test_tests_are_the_answer_only_when_nothing_else_changed() -> None:
    assert files_of("a.py", "tests/test_a.py") == {"a.py"}
    assert files_of("tests/test_a.py") == {"tests/test_a.py"}


def test_a_file_that_is_not_indexed_is_no_answer() -> None:
    assert files_of("a.py", "logo.svg") == {"a.py"}
    assert files_of("logo.svg") == frozenset()


def test_a_commit_of_many_files_is_about_no_one_thing() -> None:
    many = tuple(f"part{n}.py" for n in range(commits.MOST_FILES + 1))
    assert files_of(*many, indexed=many) == frozenset()
    assert files_of(*many[1:], indexed=many) == set(many[1:])


@pytest.mark.usefixtures("local_repositories")
def test_history_tells_what_each_commit_changed_in_the_state_before_it(repository: Repository) -> None:
    first = repository.commit({"a.py": "1", "b.py": "1"}, message="first")
    second = repository.commit({"a.py": "2", "new\n.py": "1"}, message="Söcond")
    third = repository.commit({"b.py": None, "a.py": "3"}, message="third")
    with history.fetch(str(repository.path), third, 10) as clone:
        last, middle = clone.commits(10)
        before = [entry.path for entry in clone.at(last.parent).entries()]
    assert (last.sha, last.parent, last.subject, last.changed) == (third, second, "third", ("a.py", "b.py"))
    assert (middle.parent, middle.subject, middle.changed) == (first, "Söcond", ("a.py",))
    assert before == ["a.py", "b.py", "new\n.py"]


@pytest.mark.usefixtures("local_repositories")
def test_an_earlier_state_can_be_read_as_far_as_it_was_fetched(repository: Repository) -> None:
    for number in range(5):
        repository.commit({"a.py": f"x = {number}\n"}, message=f"Number {number}")
    with history.fetch(str(repository.path), sources.head(str(repository.path)), 2) as clone:
        found = clone.commits(10)
        (entry,) = clone.at(found[-1].parent).entries()
        ((_sha, content),) = clone.read([entry.blob_sha])
    assert [each.subject for each in found] == ["Number 4", "Number 3"]
    assert content == b"x = 2\n"


def test_a_subject_with_a_secret_is_not_asked() -> None:
    (fake, *_) = [fake for fake in FAKES if fake.kind == "github"]

    assert commits.subject(f"Stop using {fake.secrets[0]} to log in") == ""


@pytest.mark.usefixtures("local_repositories")
def test_a_subject_that_looks_like_a_commit_is_a_subject(repository: Repository) -> None:
    repository.commit({"a.py": "1"}, message="x")
    repository.commit({"a.py": "2", "b" * 40: "1"}, message="a" * 40)
    with history.fetch(str(repository.path), sources.head(str(repository.path)), 5) as clone:
        (only,) = clone.commits(5)
    assert (only.subject, only.changed) == ("a" * 40, ("a.py",))
