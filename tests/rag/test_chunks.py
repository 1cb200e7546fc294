"""How files are cut."""

import time
from itertools import pairwise

import pytest
import semble_grammars
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import chunks, files, sources
from rag.chunks import syntax

SIZES = chunks.Sizes(prose=300, overlap=60, code=300)

PYTHON = '''"""A worker."""

import os


@retried
class Worker(Base):
    """Takes jobs."""

    limit = 10

    # Blocks until there is a job.
    @property
    def next_job(self):
        """The oldest one."""
        return self.queue.pop()

    def run(self):
        for job in self:
            log("starting %s", job)
            try:
                job.run()
            except Exception as error:
                self.failed.append((job, error))
            finally:
                self.release(job, at=self.clock())
                log("released %s after %s seconds", job, self.clock())
            self.count += 1


def main():
    worker = Worker()
    worker.run()
    print(worker.count)
'''


def source(text: str, language: str = "python", kind: str = "code", path: str = "src/worker.py") -> files.SourceFile:
    return files.SourceFile(path=path, blob_sha="0" * 40, size=len(text), language=language, kind=kind, text=text)


def split(text: str, language: str = "python", kind: str = "code", sizes: chunks.Sizes = SIZES) -> chunks.Split:
    return chunks.split(source(text, language, kind), sizes)


def assert_exact(text: str, found: chunks.Split, sizes: chunks.Sizes = SIZES) -> None:
    """Every line that is not blank is covered; each chunk is the lines that it names, or a part of one long line."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    covered: set[int] = set()
    for chunk in found.chunks:
        assert text[chunk.start : chunk.end].strip()
        first, last = chunk.start_line - 1, chunk.end_line - 1
        covered.update(range(first, last + 1))
        if chunk.start != starts[first] or chunk.end != starts[last] + len(lines[last]):
            assert any(len(lines[n]) > min(sizes.code, sizes.prose) for n in (first, last))
            assert starts[first] <= chunk.start < chunk.end <= starts[last] + len(lines[last])
    assert {n for n, line in enumerate(lines) if line.strip()} <= covered
    assert_no_character_is_lost(text, found)


def assert_no_character_is_lost(text: str, found: chunks.Split) -> None:
    end = 0
    for chunk in found.chunks:
        assert chunk.end > end
        assert not text[end : max(end, chunk.start)].strip()
        end = chunk.end
    assert not text[end:].strip()


TEXTS = st.text() | st.lists(
    st.sampled_from(
        [
            "def f(x):",
            "    return x",
            "class A {",
            "}",
            "",
            "  ",
            "# note",
            "é = '😀'",
            "[" * 40,
            "x" * 700,
            "a. b! c? " * 90,
        ]
    )
    | st.text(max_size=40)
).map("\n".join)


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.sampled_from(["python", "javascript", "rust", "html", "yaml", "cobol", ""]))
def test_code_is_covered_exactly(text: str, language: str) -> None:
    found = split(text, language)

    assert_exact(text, found)
    assert bool(found.chunks) == bool(text.strip())


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.integers(min_value=0, max_value=400))
def test_prose_is_covered_exactly(text: str, overlap: int) -> None:
    sizes = chunks.Sizes(prose=300, overlap=overlap, code=300)
    found = split(text, "markdown", "prose", sizes)

    assert_exact(text, found)
    assert bool(found.chunks) == bool(text.strip())
    assert all(chunk.end - chunk.start <= sizes.prose for chunk in found.chunks)


@settings(deadline=None, max_examples=50)
@given(TEXTS)
def test_code_keeps_to_its_size(text: str) -> None:
    assert all(chunk.end - chunk.start <= SIZES.code * 9 / 8 for chunk in split(text).chunks)


PIECES = [b"def f():\r\n", b"  x = 1\n", b"\xe9t\xe9\n", b"\xef\xbb\xbf", b"\0", b"\r", b"\x0c\n", b"x" * 700]


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map(b"".join),
    st.sampled_from(["a.py", "a.js", "README.md", "a", "a.yaml"]),
)
def test_whatever_bytes_are_read_are_covered_exactly(content: bytes, path: str) -> None:
    entry = sources.TreeEntry(path=path, mode="100644", blob_sha="0" * 40, size=len(content))
    read = files.decode(entry, content)
    if isinstance(read, files.SourceFile):
        assert_exact(read.text, chunks.split(read, SIZES))


@pytest.mark.parametrize("language", semble_grammars.available_languages())
def test_every_grammar_can_be_used(language: str) -> None:
    for text in (PYTHON, "\u00e9 = {\n  '😀': [\n1\n]\n}\n" * 30, "<a>\n<b>\n" * 60):
        assert_exact(text, split(text, language))


def test_it_keeps_what_belongs_together() -> None:
    found = [(chunk.start_line, chunk.end_line) for chunk in split(PYTHON).chunks]

    assert found[0] == (1, 10)  # module, decorator, class header and docstring
    assert found[1] == (12, 16)  # comment, decorator and method
    assert found[-1] == (31, 34)


def test_it_names_what_is_defined_with_its_parents() -> None:
    symbols = [chunk.symbol for chunk in split(PYTHON).chunks]

    assert symbols[:2] == ["Worker", "Worker.next_job"]
    assert set(symbols[2:-1]) == {"Worker.run"}
    assert symbols[-1] == "main"


def test_it_lists_the_first_names_of_many() -> None:
    text = "\n".join(f"def f{number}(): pass" for number in range(9))

    assert [chunk.symbol for chunk in split(text).chunks] == ["f0, f1, f2, f3, …"]


@pytest.mark.parametrize(
    ("language", "text", "symbol"),
    [
        ("javascript", "exports.send = function () {\n  return 1\n}", "send"),
        ("javascript", "module.exports = {\n  get body () {\n    return 1\n  }\n}", "body"),
        ("javascript", "Job.prototype.run = () => {\n}", "Job.run"),
        ("typescript", "export interface Job {\n  run(): void\n}", "Job"),
        ("go", "func (q *Queue) Push(job Job) {\n\tq.add(job)\n}", "Push"),
        ("rust", "impl Queue for List {\n    fn push(&self) {\n    }\n}", "List"),
        ("c", "static int *push(int job)\n{\n  return 0;\n}", "push"),
        ("cpp", "void Queue::push(int job) {\n}", "Queue::push"),
        ("java", "class Queue {\n  @Override\n  void push() {\n  }\n}", "Queue"),
        ("ruby", "module Jobs\n  class Queue\n  end\nend", "Jobs"),
        ("elixir", "defmodule Jobs.Queue do\n  def push(job) do\n  end\nend", "Jobs.Queue"),
        ("clojure", "(defn push [job]\n  job)", "push"),
        ("lua", "local function push()\nend", "push"),
        ("bash", "push() {\n  echo\n}", "push"),
        ("sql", "CREATE TABLE jobs (\n  id int\n);", "jobs"),
        ("yaml", "jobs:\n  push:\n    - 1", "jobs"),
        ("css", ".job {\n  color: red;\n}", ".job"),
    ],
)
def test_it_names_definitions_of_many_languages(language: str, text: str, symbol: str) -> None:
    assert [chunk.symbol for chunk in split(text, language).chunks] == [symbol]


def test_an_edit_in_one_function_moves_no_other_cut() -> None:
    text = "\n\n".join(
        f"def f{n}(x):\n    total = {n}\n    return [total * each for each in x if each]" for n in range(40)
    )
    edited = text.replace("total = 20\n", "total = 20\n    total += 1\n    print(total)\n")

    before = {text[chunk.start : chunk.end] for chunk in split(text).chunks}
    after = [edited[chunk.start : chunk.end] for chunk in split(edited).chunks]

    assert [("f20" in piece) for piece in after if piece not in before] == [True]


def test_prose_overlaps_by_whole_lines() -> None:
    text = "\n".join(f"This is line number {number} of it." for number in range(40))

    found = split(text, "text", "prose").chunks

    assert len(found) > 2
    for one, two in pairwise(found):
        assert one.start_line < two.start_line <= one.end_line
        assert one.end - two.start <= SIZES.overlap


def test_prose_is_cut_at_headings_and_named_by_them() -> None:
    text = "# Jobs\n\n" + "About jobs. " * 15 + "\n\n## Retries\n\n" + "About retries. " * 15 + "\n"

    assert [(chunk.symbol, chunk.start_line) for chunk in split(text, "markdown", "readme").chunks] == [
        ("Jobs", 1),
        ("Jobs: Retries", 5),
    ]


def test_a_comment_in_a_fenced_block_is_no_heading() -> None:
    text = "# Install\n\n```sh\n# first\npip install docent\n```\nThen run it."

    assert [chunk.symbol for chunk in split(text, "markdown", "readme").chunks] == ["Install"]


def test_a_long_line_of_prose_overlaps_too() -> None:
    text = "It is a sentence of a paragraph on one line. " * 40

    found = split(text, "text", "prose").chunks

    assert {(chunk.start_line, chunk.end_line) for chunk in found} == {(1, 1)}
    assert all(two.start < one.end for one, two in pairwise(found))


def test_only_a_newline_ends_a_line() -> None:
    text = "a = 1\r\nb = '\x0c\x85\u2028'\nc = 3"

    assert [chunk.end_line for chunk in split(text).chunks] == [3]


def test_it_falls_back_when_the_parser_makes_no_sense_of_it() -> None:
    found = split("]]] ??? (((\n" * 30, "python")

    assert found.fell_back
    assert {chunk.symbol for chunk in found.chunks} == {""}


def test_it_falls_back_when_a_grammar_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise semble_grammars.GrammarLoadError(name)

    syntax._loaded.cache_clear()
    monkeypatch.setattr(semble_grammars, "get_language", fail)

    found = split(PYTHON)
    syntax._loaded.cache_clear()

    assert found.fell_back
    assert_exact(PYTHON, found)


def test_it_falls_back_when_parsing_takes_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "MAX_STEPS", 1)

    assert split(PYTHON * 20).fell_back


def test_a_language_without_a_grammar_is_no_failure() -> None:
    text = "PROCEDURE DIVISION.\n    DISPLAY 'hello'.\n" * 20
    found = split(text, "cobol")

    assert not found.fell_back
    assert_exact(text, found)


@pytest.mark.parametrize("text", ["[" * 100_000, "[\n" * 25_000, "[\n" * 12_000 + "]\n" * 12_000, "((((\n" * 10_000])
@pytest.mark.parametrize("language", ["python", "json"])
def test_deep_nesting_is_cut_in_reasonable_time(text: str, language: str) -> None:
    before = time.process_time()

    assert_exact(text, split(text, language))

    assert time.process_time() - before < 10


def test_the_same_file_is_always_cut_the_same_way() -> None:
    assert split(PYTHON) == split(PYTHON)


def test_a_blank_file_has_no_chunks() -> None:
    assert split(" \n\t\n").chunks == ()


def test_the_embedded_text_starts_with_path_and_symbol() -> None:
    file = source(PYTHON)
    last = chunks.split(file, SIZES).chunks[-1]

    assert (
        chunks.embedded_text(file, last) == "src/worker.py: main\ndef main():\n" + PYTHON.split("main():\n")[1].rstrip()
    )


def test_the_embedded_text_of_no_symbol_starts_with_the_path() -> None:
    file = source("x = 1\n")
    only = chunks.split(file, SIZES).chunks[0]

    assert chunks.embedded_text(file, only) == "src/worker.py\nx = 1"
