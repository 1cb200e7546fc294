"""The terms of code and of questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import lexical


@pytest.mark.parametrize("written", ["HTTPServer", "httpServer", "http_server", "http-server", "HTTP_SERVER"])
def test_it_finds_the_same_terms_however_an_identifier_is_written(written: str) -> None:
    assert lexical.terms_of(written) == ["http", "serv", "httpserv"]


def test_it_keeps_an_identifier_whole_and_in_parts() -> None:
    assert lexical.terms_of("XMLHttpRequest2") == ["xml", "http", "request", "xmlhttprequest2"]


def test_it_separates_digits_from_letters() -> None:
    assert lexical.terms_of("utf8 sha256sum") == ["utf", "utf8", "sha", "256", "sum", "sha256sum"]


@pytest.mark.parametrize(
    "forms",
    [
        "retry retries retried retrying",
        "close closes closed closing",
        "handle handles handled handling handler handlers",
        "connect connects connected connection connections",
        "validate validates validated validating validation validator",
        "stop stops stopped stopping stopper",
        "process processes processed processing",
    ],
)
def test_it_stems_the_forms_of_a_word_alike(forms: str) -> None:
    assert len(set(lexical.terms_of(forms))) == 1


@pytest.mark.parametrize("word", ["class", "status", "this_is", "bed", "thing", "string", "speed", "feed"])
def test_it_leaves_words_that_only_look_inflected(word: str) -> None:
    assert lexical.stem(word) == word


def test_it_drops_stop_words_and_single_letters() -> None:
    assert lexical.terms_of("How does the x of it return a value?") == ["value"[:-1]]


def test_it_drops_terms_that_are_too_long() -> None:
    longest = "b" * lexical.LONGEST_TERM

    assert lexical.terms_of(f"{longest} {longest}b") == [longest]


def test_it_keeps_letters_of_every_script() -> None:
    assert lexical.terms_of("naïve Größe 検索 поиск") == ["naïve", "größe", "検索", "поиск"]


def test_it_reads_composed_and_decomposed_letters_alike() -> None:
    assert lexical.terms_of("cafe\u0301") == lexical.terms_of("caf\u00e9")


def test_a_document_holds_path_symbol_and_text() -> None:
    assert lexical.document("src/jobs.py", "Worker.run", "claim()") == ["src", "job", "py", "work", "run", "claim"]


def test_a_document_is_bounded() -> None:
    assert len(lexical.document("a.py", "", "word " * 100_000)) == lexical.MOST_TERMS


def test_each_term_is_asked_for_once() -> None:
    assert lexical.asked("Which worker retries? Workers retry!") == ["work", "retri"]


def test_what_is_asked_for_is_bounded() -> None:
    assert len(lexical.asked(" ".join(f"w{number}w" for number in range(1_000)))) == lexical.MOST_ASKED


@pytest.mark.parametrize("question", ["", "  ", "???", "how does it", "\x00", "' | & ! ( ) :* <->", "😀😀"])
def test_a_question_may_have_no_terms(question: str) -> None:
    assert lexical.asked(question) == []


@given(st.text() | st.from_regex(r"[\w'\\|&!():*<>. -]+"))
def test_a_text_has_the_terms_that_it_asks_for(text: str) -> None:
    assert set(lexical.asked(text)) <= set(lexical.document("", "", text))
