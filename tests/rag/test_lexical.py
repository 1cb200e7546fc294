"""The terms of code and of questions."""

import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

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
    terms = lexical.document("src/jobs.py", "Worker.run", "claim()").split()

    assert terms == ["src", "job", "py", "work", "run", "claim"]


def test_a_document_is_bounded() -> None:
    assert len(lexical.document("a.py", "", "word " * 100_000).split()) == lexical.MOST_TERMS


def test_a_query_asks_for_any_of_the_terms_once() -> None:
    assert lexical.query("Which worker retries? Workers retry!") == "'work' | 'retri'"


def test_a_query_is_bounded() -> None:
    assert lexical.query(" ".join(f"w{number}w" for number in range(1_000))).count("|") < lexical.MOST_ASKED


@pytest.mark.parametrize("question", ["", "  ", "???", "how does it", "\x00", "' | & ! ( ) :* <->", "😀😀"])
def test_a_question_without_terms_is_an_empty_query(question: str) -> None:
    assert lexical.query(question) == ""


class TestInPostgres(TestCase):
    """What PostgreSQL makes of the terms."""

    @settings(max_examples=300, deadline=None)
    @given(st.text() | st.from_regex(r"[\w'\\|&!():*<>. -]+"))
    @example("'); DROP TABLE rag_chunk; --")
    @example("a\\'b | c & !d:* <-> (e")
    def test_any_question_is_a_valid_query(self, question: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_tsquery('simple', %s)", [lexical.query(question)])
            assert cursor.fetchone() is not None

    @settings(max_examples=300, deadline=None)
    @given(st.text(min_size=1))
    @example("1e5 3.14 v1_2 0x1F utf8 10e 5.e http://host.com/a.b user@host -rf")
    def test_a_text_is_found_by_its_own_terms(self, text: str) -> None:
        query = lexical.query(text)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT to_tsvector('simple', %s) @@ to_tsquery('simple', %s), numnode(to_tsquery('simple', %s))",
                [lexical.document("", "", text), query, query],
            )
            found, size = cursor.fetchone()
        assert found or not size

    def test_a_document_of_the_longest_terms_fits(self) -> None:
        text = " ".join(f"{number:0>64}" for number in range(lexical.MOST_TERMS))
        with connection.cursor() as cursor:
            cursor.execute("SELECT length(to_tsvector('simple', %s))", [lexical.document("a.py", "", text)])
            assert cursor.fetchone()[0] >= lexical.MOST_TERMS - 2
