"""Markdown and code to HTML. What attackers write is in test_markdown_attacks.py."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio import colours, markdown

LINES = "https://github.com/owner/name/blob/c0ffee/queue.py#L3-L9"
CITATION = markdown.Citation(href=LINES, source="source-x-1", title="queue.py, lines 3–9")
REPOSITORY = "https://github.com/owner/name"


def render(text: str) -> str:
    """As an answer is rendered."""
    return markdown.render(text, links=[REPOSITORY], citations={1: CITATION})


def test_the_usual_markup_is_rendered() -> None:
    html = markdown.render("**bold** *soft* ~~gone~~ `code`\n\n- one\n- two\n\n> said")

    assert "<strong>bold</strong> <em>soft</em> <s>gone</s> <code>code</code>" in html
    assert "<li>one</li>" in html and "<blockquote>" in html


def test_tables_are_rendered_without_inline_styles() -> None:
    html = markdown.render("|a|b|\n|:-|-:|\n|1|2|")

    assert "<td>2</td>" in html and "style" not in html


@pytest.mark.parametrize(
    ("written", "level"), [("# A", "h2"), ("## A", "h3"), ("###### A", "h6"), ("A\n=", "h2"), ("A\n-", "h3")]
)
def test_headings_are_one_level_down(written: str, level: str) -> None:
    assert f"<{level}>A</{level}>" in markdown.render(written)


def test_code_is_coloured_by_its_language() -> None:
    html = markdown.render("```python\ndef f(): ...\n```")

    assert '<pre class="code" tabindex="0"><code><span class="k">def</span>' in html


def test_code_in_an_unknown_language_stays_plain() -> None:
    assert "<code>a &lt; b\n</code>" in markdown.render("```nosuch\na < b\n```")


def test_a_picture_is_shown_as_its_words() -> None:
    assert markdown.render("![a **red** kite](https://example.org/kite.png)") == "<p>a red kite</p>\n"


def test_an_owner_links_wherever_they_like() -> None:
    html = markdown.render("[a](https://example.org/x) <mailto:me@example.org>")

    assert html.count("<a href=") == 2
    assert html.count('rel="nofollow noopener noreferrer"') == 2


@pytest.mark.parametrize(
    "address",
    [REPOSITORY, f"{REPOSITORY}/", f"{REPOSITORY}/issues?q=a#b", "https://GitHub.com/owner/name/blob/main/a.py"],
)
def test_an_answer_links_into_its_repository(address: str) -> None:
    assert "<a href=" in render(f"[a]({address})")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/name2",
        "https://github.com/somebody",
        "http://github.com/owner/name",
        "https://github.com.evil.org/owner/name",
        "https://github.com@evil.org/owner/name",
        "https://evil.org/?https://github.com/owner/name",
        "https://github.com/owner/name/../../evil",
        "https://github.com/owner/name/%2e%2e/%2E%2E/evil",
        "https://github.com/owner/name/%252e%252e/evil",
        "https:\\\\github.com\\owner\\name",
        "//github.com/owner/name",
        "/admin/logout/",
        "mailto:me@example.org",
        "https://[broken",
    ],
)
def test_an_answer_links_nowhere_else(address: str) -> None:
    assert "href" not in render(f"[a]({address}) <{address}>")


def test_a_number_becomes_a_link_to_its_lines() -> None:
    html = render("It waits [1].")

    assert f'<a href="{LINES}"' in html and 'data-source="source-x-1"' in html and ">1</a>." in html


def test_a_number_that_was_not_given_stays_text() -> None:
    assert render("It waits [2] and [1000].") == "<p>It waits [2] and [1000].</p>\n"


def test_a_number_within_a_link_is_the_link() -> None:
    html = render(f"[see [1] there]({REPOSITORY}/issues)")

    assert html.count("<a ") == 1 and LINES in html


def test_a_backslash_leads_nowhere_even_where_the_parser_left_it() -> None:
    """Browsers read it as a slash; the parser escapes it, which it need not do for ever."""
    assert markdown._is_below(f"{REPOSITORY}/a", REPOSITORY)
    assert not markdown._is_below(f"{REPOSITORY}/\\a", REPOSITORY)


def test_where_links_may_lead_is_nowhere_when_that_is_no_address() -> None:
    assert "href" not in markdown.render(f"[a]({REPOSITORY})", links=["https://[broken"])


def test_a_number_in_code_stays_code() -> None:
    assert "<code>rows[1]</code>" in render("`rows[1]`")


def test_no_reference_takes_a_citation_over() -> None:
    html = render("It waits [1].\n\n[1]: https://github.com/owner/name/blob/main/other.py")

    assert 'other.py"' not in html and LINES in html  # it stays text


def test_a_title_cannot_leave_its_attribute() -> None:
    sly = markdown.Citation(href=LINES, source="s", title='"><script>alert(1)</script>')

    assert "<script" not in markdown.render("[1]", citations={1: sly})


def test_a_long_text_is_cut() -> None:
    html = markdown.render("a" * (markdown.MAX_CHARACTERS + 10))

    assert len(html) < markdown.MAX_CHARACTERS + 20 and "…" in html


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "*a ", "**a", "`", "> ", "- ", "|", "&", "_a", "~~a", "<", "[a](", "[1]", "[a](b ", "\\", "<a ", "# "],
)
def test_no_repetition_takes_long(piece: str) -> None:
    started = time.process_time()

    render(piece * (markdown.MAX_CHARACTERS // len(piece)))

    assert time.process_time() - started < 5


def test_deep_nesting_ends() -> None:
    assert markdown.render("> " * 500 + "deep").count("<blockquote>") <= markdown.MAX_NESTING


def test_passages_are_numbered_from_their_first_line() -> None:
    html = markdown.highlight("def f():\n    return 1", "queue.py", 41)

    assert html.count('class="line"') == 2
    assert 'data-line="41"><span class="k">def</span>' in html and 'data-line="42"' in html


@pytest.mark.parametrize(
    "text", ["a\n\n\nb", "\n\na", 'x = """a\n\nb"""\n', "a\r\nb", "a\rb", "a\x0cb\u2028c", "", "a\n"]
)
def test_a_passage_has_as_many_lines_as_its_text(text: str) -> None:
    wanted = text.replace("\r\n", "\n").removesuffix("\n").count("\n") + 1

    assert markdown.highlight(text, "python").count('class="line"') == wanted
    assert markdown.highlight(text, "nosuch").count('class="line"') == wanted


def test_a_passage_is_escaped_in_every_language() -> None:
    for language in ("", "html", "python", "nosuch", "a/b.js", "x.html"):
        assert "<script" not in markdown.highlight("<script>alert('1')</script>", language)


def test_a_very_long_passage_stays_plain() -> None:
    html = markdown.highlight("x = 1\n" * colours.MAX_CHARACTERS, "python")

    assert '<span class="n">' not in html and "x = 1" in html


def test_a_line_that_looks_like_a_definition_is_kept_with_its_citation() -> None:
    citation = markdown.Citation(href="#source-1", source="source-1", title="queue.py, lines 1–2")
    html = markdown.render("[1]: queue.py waits here", links=[], citations={1: citation})

    assert "queue.py waits here" in html
    assert 'class="citation"' in html


MARKS = ["# ", "- ", "1. ", "> ", "```py\n", "~~~\n", "`", "**", "_", "~~", "|a|b|\n|-|-|\n", "\n", "    ", "\t"]
MARKS += ["[", "](", ")", "![", "[1]", "[1](", "[1]: x\n", "[^1]", "<http://x>", "https://github.com/owner/name"]
MARKS += ["<b>", "<script>", "&lt;", "&#0;", "\\", "javascript:", "\0", "\u202e", "===\n", "---\n", "a", " "]
MARKDOWN = st.lists(st.sampled_from(MARKS), max_size=40).map("".join) | st.text()
OPENING = re.compile(r"<([a-z0-9]+)((?: [a-z-]+=\"[^\"<>]*\")*)>|</[a-z0-9]+>|<(?:br|hr)>")


@given(MARKDOWN)
def test_any_text_is_rendered_to_nothing_but_the_allowed_tags(text: str) -> None:
    for html in (render(text), markdown.render(text)):
        assert html.encode().decode() == html
        found = list(OPENING.finditer(html))
        assert html.count("<") == len(found)
        assert {match[1] for match in found if match[1]} <= markdown.TAGS


@given(MARKDOWN, st.sampled_from(["", "py", "html", "a.js", "Dockerfile", "no-such", "x/y", "."]) | st.text(max_size=9))
def test_any_code_is_shown_as_it_is_and_runs_nothing(code: str, language: str) -> None:
    html = markdown.highlight(code, language)
    assert {match[1] for match in OPENING.finditer(html) if match[1]} <= {"pre", "code", "span"}
    assert html.count("<") == len(list(OPENING.finditer(html)))
