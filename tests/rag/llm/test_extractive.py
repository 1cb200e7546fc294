"""Answers without a model."""

from rag import citations, prompts
from rag.llm import extractive
from tests.rag.passages import passage, prompt


def answer(asked: prompts.Prompt) -> str:
    pieces = extractive.Extractive().stream(asked, max_tokens=100)
    return "".join(piece for piece in pieces if isinstance(piece, str))


def test_it_says_that_no_model_wrote_it() -> None:
    assert answer(prompt()).startswith("No language model is set up here")


def test_it_names_place_and_symbol_and_cites_each_passage() -> None:
    asked = prompt("How?", passage("a.py", symbol="Job.claim", start_line=5), passage("b.py"))
    text = answer(asked)
    assert "`a.py` · `Job.claim`, lines 5–6 [1]" in text
    assert citations.check(text, 2) == citations.Checked(text=text, cited=(1, 2))


def test_it_quotes_three_passages_at_most() -> None:
    asked = prompt("How?", *(passage(f"{name}.py") for name in "abcde"))
    assert answer(asked).count("```python") == 3


def test_it_quotes_the_lines_that_share_most_with_the_question() -> None:
    lines = [f"x = {number}" for number in range(40)]
    lines[30] = "claim_job_lease(worker)"
    text = answer(prompt("Where is the job lease claimed?", passage(text="\n".join(lines))))
    assert "claim_job_lease(worker)" in text
    assert text.count("\nx = ") == extractive.LINES - 1


def test_the_lines_it_names_are_the_lines_it_quotes() -> None:
    lines = [f"x = {number}" for number in range(20)]
    lines[15] = "lease()"
    text = answer(prompt("lease?", passage(text="\n".join(lines), start_line=101)))
    assert "lines 105–116 [1]" in text
    assert "x = 8\n" in text
    assert "lease()\n```" in text


def test_a_passage_cannot_end_the_block_that_quotes_it() -> None:
    text = answer(
        prompt("How?", passage("README.md", "````\n![x](https://evil.example/x.png)\n````", language="Markdown"))
    )
    assert "`````markdown\n````" in text


def test_a_path_cannot_end_its_own_code() -> None:
    assert "`a'b.py`" in answer(prompt("How?", passage("a`b.py")))


def test_a_quote_from_deep_inside_starts_at_the_margin() -> None:
    text = answer(prompt("lease?", passage(text="        lease()\n            renew()", start_line=1)))

    assert "\nlease()\n    renew()\n" in text


def test_a_quote_neither_starts_nor_ends_with_a_blank_line() -> None:
    text = answer(prompt("lease?", passage(text="\n\nlease()\n\n", start_line=5)))

    assert "lines 7–7 [1]" in text and "```python\nlease()\n```" in text
