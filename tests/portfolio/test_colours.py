"""Code that somebody wrote to keep the site busy."""

import time

import pytest

from portfolio import colours

HOSTILE = (" ", "\t", "\n", " \n", "a", "a ", "(", "{", '"', "\\", "$", "-", "<a", "a.", "#")


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_lexer_takes_long_over_hostile_code(piece: str) -> None:
    for name in sorted(colours.LEXERS):
        started = time.thread_time()

        colours.html((piece * 2_000)[:2_000], name)

        assert time.thread_time() - started < 4 * colours.SECONDS, name


@pytest.mark.parametrize("language", ["systemd", "unit.service"])
def test_a_lexer_whose_time_grows_with_the_third_power_is_not_taken(language: str) -> None:
    started = time.thread_time()

    shown = colours.html("[Unit]\n" + " " * 2_000, language)

    assert time.thread_time() - started < 1 and "<span" not in shown


def test_what_takes_too_long_goes_on_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colours, "SECONDS", 0)

    shown = colours.html("import a\nif a < b: pass\n", "python")

    assert shown.endswith(" a\nif a &lt; b: pass\n") and shown.count("<span") == 1


def test_every_name_is_one_that_pygments_knows_first() -> None:
    assert [name for name in colours.LEXERS if colours._lexer(name) is None] == []
