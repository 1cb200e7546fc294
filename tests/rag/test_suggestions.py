"""Questions to begin with."""

import pytest

from rag import suggestions
from rag.suggestions import Definition, definitions, questions
from tests.factories import make_live_revision, make_project


def define(symbol: str, path: str = "queue.py", lines: float = 10) -> Definition:
    return Definition(symbol=symbol, path=path, lines=lines)


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Getting started", "How do I get Queue running?"),
        ("Docs › Installation", "How do I get Queue running?"),
        ("Configuration", "How is Queue configured?"),
        ("Architecture", "How does Queue work inside?"),
    ],
)
def test_the_first_question_is_what_the_readme_answers(heading: str, question: str) -> None:
    assert questions("Queue", ["Queue", heading], [], [])[0] == question


def test_the_largest_class_and_something_of_another_file_are_asked_about() -> None:
    found = [
        define("Worker", lines=90),
        define("Worker.run", lines=40),
        define("claim", "claims.py", lines=30),
    ]

    assert questions("Queue", [], found, [])[:2] == ["What does `Worker` do?", "How does `claim` work?"]


@pytest.mark.parametrize(
    "dull",
    [
        define("main"),
        define("Worker.__init__"),
        define("_helper"),
        define("test_it", "tests/test_queue.py"),
        define("Example", "examples/demo.py"),
        define("Spec", "src/queue.spec.ts"),
        define("a" * 80),
    ],
)
def test_what_would_make_a_dull_question_is_left_out(dull: Definition) -> None:
    assert questions("Queue", [], [dull], []) == ["What is Queue for?"]


def test_where_it_starts_is_asked_when_a_file_says_so() -> None:
    assert "What happens when Queue starts?" in questions("Queue", [], [], ["cmd/queue/main.go"])


def test_there_are_never_more_than_three() -> None:
    found = [define("Worker"), define("Worker.run"), define("claim", "claims.py")]

    assert len(questions("Queue", ["Usage", "Configuration"], found, ["main.py"])) == 3


def test_a_long_title_is_not_repeated() -> None:
    assert questions("A title of more than thirty characters", [], [], []) == ["What is this project for?"]


def test_a_class_has_the_lines_of_its_methods() -> None:
    found = definitions([("Worker.run, Worker.stop", "a.py", 40), ("claim", "b.py", 30), ("…", "c.py", 90)])

    assert [(each.symbol, each.lines) for each in found] == [
        ("Worker", 40),
        ("claim", 30),
        ("Worker.run", 20),
        ("Worker.stop", 20),
    ]


@pytest.mark.django_db
def test_they_come_from_the_live_revision() -> None:
    project = make_project("Queue")
    make_live_revision(project, {"README.md": "# Usage\n\nRun it.", "queue.py": "def claim_job():\n    return 1\n"})

    assert suggestions.for_project(project) == [
        "How do I get Queue running?",
        "How does `claim_job` work?",
        "What is Queue for?",
    ]


def test_something_that_runs_is_asked_about_before_something_that_holds_values() -> None:
    found = [define("Options", "options.py", 90), define("claim", "claims.py", 30)]

    assert questions("Queue", [], found, [])[0] == "How does `claim` work?"


@pytest.mark.django_db
def test_markup_is_not_asked_about() -> None:
    project = make_project("Queue")
    make_live_revision(project, {"deploy.yaml": "def services():\n  x"})

    assert suggestions.for_project(project) == ["What is Queue for?"]


@pytest.mark.django_db
def test_there_are_none_before_it_can_answer() -> None:
    assert suggestions.for_project(make_project()) == []


@pytest.mark.django_db
def test_they_are_read_once_for_a_revision(django_assert_num_queries: pytest.FixtureRequest) -> None:
    project = make_project()
    make_live_revision(project, {"queue.py": "def claim_job():\n    return 1\n"})
    suggestions.for_project(project)

    with django_assert_num_queries(0):  # type: ignore[operator]
        suggestions.for_project(project)


@pytest.mark.django_db
def test_a_new_revision_makes_new_ones() -> None:
    project = make_project()
    make_live_revision(project, {"queue.py": "def claim_job():\n    return 1\n"})
    before = suggestions.for_project(project)

    make_live_revision(project, {"queue.py": "def release_job():\n    return 1\n"})

    assert suggestions.for_project(project) != before
