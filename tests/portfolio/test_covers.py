"""Covers that are drawn from a slug."""

import re
from xml.etree import ElementTree

from portfolio import covers


def test_the_same_slug_has_the_same_cover() -> None:
    assert covers.svg("docent") == covers.svg("docent")


def test_different_slugs_have_different_covers() -> None:
    assert len({covers.svg(f"project-{number}") for number in range(50)}) == 50


def test_it_is_well_formed_whatever_the_slug() -> None:
    pictures = [ElementTree.fromstring(covers.svg(seed)) for seed in ("", "a", '"><script>', "x" * 500)]

    assert {picture.tag for picture in pictures} == {"svg"}


def test_nothing_of_the_slug_is_in_it() -> None:
    assert "script" not in covers.svg('"><script>')


def test_it_has_no_style_that_the_policy_would_refuse() -> None:
    assert not re.search(r"style|class=\"(?!cover)", covers.svg("docent"))


def test_every_tile_stays_inside_the_picture() -> None:
    for seed in ("one", "two", "three", "four"):
        corners = [tuple(map(int, pair)) for pair in re.findall(r'd="M(\d+) (\d+)', covers.svg(seed))]
        assert all(0 <= x <= 320 and 0 <= y <= 160 for x, y in corners)
