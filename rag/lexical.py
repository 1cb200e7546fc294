"""Words of code and of questions, as the keyword search compares them.

`HTTPServer`, `http_server` and "HTTP servers" meet in the same terms, made here for chunks and questions alike.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

VERSION = "1"  # goes up with every change of what comes out

LONGEST_TERM = 64  # characters; longer ones are data
MOST_TERMS = 4_000  # of a chunk
MOST_ASKED = 100  # terms of a question

_WORD = re.compile(r"[^\W_]+(?:[_-]+[^\W_]+)*")
_ASCII_WORD = re.compile(_WORD.pattern, re.ASCII)
_PART = re.compile(r"[A-Z]+(?![^\W\dA-Z_])|[A-Z]?[^\W\dA-Z_]+|\d+")
_VOWEL = re.compile(r"[aeiouy]")

_NOT_TERMS = """
an and any are as at be been being but by can could did do does doing done each else every for from get gets had has
have having how if in into is it its itself just like may me might more most much must my no not of on once one only or
other our out over own shall she he should so some such than that the their them then there these they this those to
too under until up us use used uses using very was we were what when where whether which while who whom whose why will
with without would you your
def self cls return const let var none null true false
"""
STOP_WORDS = frozenset(_NOT_TERMS.split())
# The longer ones first. What stays must have a vowel and three letters.
_ENDINGS = re.compile(r"(?:ization|ational|ations?|ating|ators?|ated?|ings?|edly|(?<!e)ed|ions?|ment|ly|er)$")


def terms_of(text: str) -> list[str]:
    """The terms of `text`, in order and as often as they stand there: identifiers whole and in parts, stemmed."""
    words = _ASCII_WORD.findall(text) if text.isascii() else _WORD.findall(unicodedata.normalize("NFKC", text))
    return list(chain.from_iterable(map(_terms, words)))


def document(path: str, symbol: str, text: str) -> list[str]:
    """The terms that a chunk is found by, as often as it has them."""
    return terms_of(f"{path} {symbol} {text}")[:MOST_TERMS]


def asked(question: str) -> list[str]:
    """The question's terms, each once. None at all when it has only common words."""
    return list(dict.fromkeys(terms_of(question)))[:MOST_ASKED]


@lru_cache(maxsize=50_000)
def _terms(word: str) -> tuple[str, ...]:
    parts = _PART.findall(word)
    whole = ["".join(parts)] if len(parts) > 1 else []
    return tuple(dict.fromkeys(_kept(parts + whole)))


def _kept(words: list[str]) -> Iterator[str]:
    for word in words:
        lowered = word.lower()
        if 1 < len(lowered) <= LONGEST_TERM and lowered not in STOP_WORDS:
            yield stem(lowered)


def stem(word: str) -> str:
    """English endings off, alike for all forms of a word: `retry`, `retries`, `retried` → `retri`.

    Light: what it returns need not be a word, and rarer endings stay.
    """
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    word = _singular(word)
    word = _base(word)
    return word[:-1] + "i" if word.endswith("y") else word.removesuffix("e") if len(word) > 4 else word


def _singular(word: str) -> str:
    if word.endswith(("ies", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _base(word: str) -> str:
    rest = _ENDINGS.sub("", word)
    if len(rest) < 3 or not _VOWEL.search(rest):
        return word
    doubled = rest != word and rest[-1] == rest[-2] and rest[-1] not in "lsz"
    return rest[:-1] if doubled else rest
