"""rag/evaluation/descriptions.py"""

import pytest

from rag import files
from rag.evaluation import descriptions

PYTHON = '''class Queue:
    """A queue that several workers may take jobs from.

    Jobs keep their order.
    """

    size = 1
    other = 2

    def claim(self):
        """Take the oldest job that nobody works on. Or none."""
        for job in self.jobs:
            return job
        return None
'''
GO = """package queue

// Claim takes the oldest job that nobody works on.
// It returns nil when there is none.
func Claim(q *Queue) *Job {
	if q == nil {
		return nil
	}
	return q.first
}
"""
JAVASCRIPT = """/**
 * Take the oldest job that nobody works on.
 * @param {Queue} queue
 */
function claim(queue) {
  const job = queue.first
  return job
}
"""
SENTENCE = "oldest job that nobody works on."


def source(text: str, language: str = "python", path: str = "queue.src", kind: str = "code") -> files.SourceFile:
    return files.SourceFile(path=path, blob_sha="b", size=len(text), language=language, kind=kind, text=text)


def test_a_docstring_says_in_its_first_sentence_what_its_lines_do() -> None:
    queue, claim = descriptions.of(source(PYTHON))
    assert (queue.sentence, queue.start, queue.end) == ("A queue that several workers may take jobs from.", 1, 14)
    assert (claim.sentence, claim.symbol, claim.start, claim.end) == (f"Take the {SENTENCE}", "claim", 10, 14)


@pytest.mark.parametrize(("text", "language", "start"), [(GO, "go", 5), (JAVASCRIPT, "javascript", 5)])
def test_elsewhere_the_comment_above_does(text: str, language: str, start: int) -> None:
    (claim,) = descriptions.of(source(text, language))
    assert claim.sentence.lower() in (f"takes the {SENTENCE}", f"take the {SENTENCE}")
    assert (claim.start, claim.first) == (start, start - (2 if language == "go" else 4))


def test_the_name_that_a_comment_begins_with_is_not_asked() -> None:
    assert descriptions.first_sentence("// Claim takes it.", "Queue.Claim") == "takes it."


@pytest.mark.parametrize(("text", "language"), [(PYTHON, "python"), (GO, "go"), (JAVASCRIPT, "javascript")])
def test_taken_out_it_stands_nowhere_and_every_other_line_stays_where_it_was(text: str, language: str) -> None:
    file = source(text, language)
    altered = descriptions.without(file, descriptions.of(file))
    before, after = text.split("\n"), altered.text.split("\n")
    assert SENTENCE in text
    assert SENTENCE not in altered.text
    assert len(after) == len(before)
    assert all(new in (old, "") for old, new in zip(before, after, strict=True))
    assert altered.blob_sha != file.blob_sha


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """Take the oldest job that nobody works on."""\n',  # nothing is left
        'def f(): "Take the oldest job that nobody works on."; return 1\n',
        'def f():\n    """Take it."""\n    a = 1\n    b = 2\n    return a\n',  # too few words
        'def f():\n    """See https://example.org for what this one does."""\n    a = 1\n    b = 2\n    return a\n',
        "def f(:\n",
    ],
)
def test_what_cannot_be_asked_is_left_out(text: str) -> None:
    assert descriptions.of(source(text)) == []


@pytest.mark.parametrize(
    ("path", "aside"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("a.test.js", True),
        ("docs/a.py", True),
        ("src/testament.py", False),
    ],
)
def test_tests_and_examples_are_not_asked_about(path: str, aside: bool) -> None:
    assert descriptions.is_aside(path) is aside
    assert bool(descriptions.of(source(PYTHON, path=path))) is not aside


def test_prose_describes_nothing() -> None:
    assert descriptions.of(source(PYTHON, kind="prose")) == []
