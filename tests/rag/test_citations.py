"""Citations: only what was given."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio import markdown
from rag import citations

# Everything that a citation or the code around it is made of.
PARTS = [*"[]【】()`~ \n>*,-–^a19", "[1]", "[9]", "```", "source "]
MARKDOWN = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("written", "text", "cited"),
    [
        ("It does [1].", "It does [1].", (1,)),
        ("It does [1, 2].", "It does [1][2].", (1, 2)),
        ("It does [1][3].", "It does [1][3].", (1, 3)),
        ("It does [1-3].", "It does [1][2][3].", (1, 2, 3)),
        ("It does [1–2; 3].", "It does [1][2][3].", (1, 2, 3)),
        ("It does 【2】.", "It does [2].", (2,)),
        ("It does 【2†L3-L9】.", "It does [2].", (2,)),
        ("It does [[2]].", "It does [2].", (2,)),
        ("It does [^2].", "It does [2].", (2,)),
        ("It does [Source 2, passage 3].", "It does [2][3].", (2, 3)),
        ("It does [2 and 3].", "It does [2][3].", (2, 3)),
        ("It does (see [1]).", "It does (see [1]).", (1,)),
        ("[1] does [1].", "[1] does [1].", (1,)),
    ],
)
def test_every_way_to_cite_becomes_one(written: str, text: str, cited: tuple[int, ...]) -> None:
    assert citations.check(written, 3) == citations.Checked(text=text, cited=cited)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("It does [4].", "It does."),
        ("It does [0].", "It does."),
        ("It does [2024].", "It does."),
        ("It does [1, 9].", "It does [1]."),
        ("It does [3-999999999].", "It does [3]."),
        ("It does [9][1].", "It does [1]."),
        ("It does [[99]98].", "It does."),
    ],
)
def test_a_number_that_was_not_given_is_taken_out(written: str, text: str) -> None:
    assert citations.check(written, 3).text == text


@pytest.mark.parametrize(
    "code",
    [
        "`rows[9]`",
        "``a ` rows[9]``",
        "```python\nrows[9]\n```",
        "~~~\nrows[9]\n```\nrows[8]\n~~~",
        "1. so:\n\n    ```\n    rows[9]\n    ```",
        "> ```\n> rows[9]\n> ```",
        "```\nrows[9]",
        "    rows[9]\n    rows[1]",
        "- so:\n\n      rows[9]",
        "`` `rows[9]` ``",
        "~~~ `x`\nrows[9]\n~~~",
        "<https://example.org/[9]>",
        r"\[9]",
    ],
)
def test_code_is_left_alone(code: str) -> None:
    assert citations.check(f"[1]\n\n{code}", 3) == citations.Checked(text=f"[1]\n\n{code}", cited=(1,))


def test_what_follows_code_is_checked() -> None:
    text = citations.check("`a[9]` [9] b\n```\na[9]\n```\n[9] c [2]", 3).text
    assert text == "`a[9]` b\n```\na[9]\n```\n c [2]"


def test_a_lone_backtick_does_not_hide_the_rest() -> None:
    assert citations.check("a ` b [9]\n\nc [9] ` d", 3).text == "a ` b\n\nc ` d"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\`so [1] and [99]\`", r"\`so [1] and\`"),
        ("use `a``[99]` x [1]", "use `a``[99]` x [1]"),
        ("```\nx\n```` [99] [1]", "```\nx\n```` [99] [1]"),
        ("    ```\n\nplain [99] [1]", "    ```\n\nplain [1]"),
        (r"so \\[1]", r"so \\[1]"),
        ("a\n    [99] goes on [1]", "a\n goes on [1]"),
    ],
)
def test_code_is_what_the_page_shows_as_code(written: str, text: str) -> None:
    checked = citations.check(written, 3)
    assert checked.text == text
    assert set(checked.cited) == linked(checked.text)


def linked(text: str) -> set[int]:
    """The numbers that are links on the page."""
    known = {number: markdown.Citation(href=f"#{number}", source="s", title="t") for number in (1, 2, 3)}
    return {
        int(number) for number in re.findall(r'class="citation"[^>]*>(\d+)<', markdown.render(text, citations=known))
    }


@given(MARKDOWN)
def test_what_is_a_link_on_the_page_is_cited(written: str) -> None:
    checked = citations.check(written, 3)
    assert linked(checked.text) == set(checked.cited)


@given(MARKDOWN)
def test_at_every_split_only_what_was_given_is_cited_and_linked(written: str) -> None:
    for end in range(0, len(written), 3):
        checked = citations.check(written[:end], 2)
        assert set(checked.cited) <= {1, 2}
        assert linked(checked.text) == set(checked.cited)


@given(st.text(st.characters(codec=None)), st.integers(0, 200))
def test_any_text_is_checked(written: str, count: int) -> None:
    assert set(citations.check(written, count).cited) <= set(range(1, count + 1))


def test_words_in_brackets_stay() -> None:
    text = "[see the docs] [x1] [1.5] list[int] []"
    assert citations.check(text, 3) == citations.Checked(text=text, cited=())


def test_an_address_that_a_model_gives_a_citation_is_dropped() -> None:
    assert citations.check('a [1](https://evil.example) [2](x "t")', 3).text == "a [1] [2]"


@given(MARKDOWN)
def test_checking_again_changes_nothing(written: str) -> None:
    once = citations.check(written, 3)
    assert citations.check(once.text, 3) == once


@given(MARKDOWN)
def test_only_given_numbers_are_cited(written: str) -> None:
    assert set(citations.check(written, 2).cited) <= {1, 2}


@given(MARKDOWN)
def test_without_brackets_nothing_is_changed(written: str) -> None:
    plain = re.sub(r"[\[\]【】]", "", written)
    assert citations.check(plain, 3).text == plain


PIECES = [
    " ",
    "[",
    "[[1",
    "`",
    "``a",
    "[1,",
    "[1 and ",
    "```\n",
    "[99]",
    "[[99]98]",
    "【1",
    "【1†a",
    "[1](a ",
    "\\",
    "\\[1]",
]
PIECES += ["[1][", "![", "**a", "_a_", "<", ">", "- ", "~~a", "|[1]", "[source ", "`[1]", "[1]: a\n", "a\n    [1]"]


@pytest.mark.parametrize("text", [*(piece * (2_000 // len(piece)) for piece in PIECES), "[" * 500 + "99]" * 500])
def test_no_input_takes_long(text: str) -> None:
    start = time.thread_time()
    citations.check(text, 3)
    assert time.thread_time() - start < 0.2


def test_brackets_in_brackets_take_no_longer_the_deeper_they_are() -> None:
    start = time.thread_time()
    citations.check("[" * 2_400 + "99]" * 2_400, 3)
    assert time.thread_time() - start < 1


@pytest.mark.parametrize("depth", [6, 7, 12, 60, 2_000])
def test_no_number_stays_however_deep_it_is_hidden(depth: int) -> None:
    text = "[" * depth + "9" + "]9" * (depth - 2) + "]9]"
    checked = citations.check(f"See {text} it.", 2)
    assert "[9]" not in checked.text and checked.cited == ()


def test_what_is_shown_as_cited_is_cited() -> None:
    checked = citations.check("See " + "[" * 6 + "9" + "]9" * 4 + "]1] it.", 2)
    assert ("[1]" in checked.text) == (checked.cited == (1,))
