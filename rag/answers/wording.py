"""A question's wording → the form that is the same for questions that cannot mean anything else.

Pure. Only what changes no meaning goes: spaces, the case of common words, quotes and stops, and a few ways to say the
same. Everything else stays, and in its order: "HTTP to HTTPS" is not "HTTPS to HTTP", `sort!` not `sort`, `Path` in
backticks not `path`. Nearness of vectors cannot tell these apart (benchmarks/CACHE.md).
"""

import re
import unicodedata

VERSION = "1"  # goes up with every change of what comes out

# Quotes of every kind, primes, and hyphens and dashes, as a keyboard has them.
_TYPOGRAPHIC = {
    **dict.fromkeys([0x2018, 0x2019, 0x201A, 0x201B, 0x2039, 0x203A, 0x2032], "'"),
    **dict.fromkeys([0x201C, 0x201D, 0x201E, 0x201F, 0x00AB, 0x00BB, 0x2033], '"'),
    **dict.fromkeys(range(0x2010, 0x2015), "-"),
}
_CODE = re.compile(r"`([^`\n]*)`")
_MIXED = re.compile(r"[a-z][A-Z]|[A-Z]{2,}[a-z]")  # as only names are written
# Of the whole question. Not the ! of a name such as sort!
_ENDS = re.compile(r"(?:\s*\?[?!.\s\u2026]*|[.\s\u2026]+|\s+!+)$")
# What stays of code in backticks when the same without them means the same: a name in small letters.
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.]*")
_HOW = r"how (?:do|does|can|could|would) (?:i|we|you)\b|how to\b"
# In this order. Each side can stand for the other wherever it is found.
_SAYINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(what|how|where|who|when|why|that|it|there)'s\b", r"\1 is"),
        (r"\bwhat're\b", "what are"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\b(is|are|was|were|do|does|did|has|have|could|would|should)n't\b", r"\1 not"),
        (r"^(?:(?:hi|hello|hey)[,!.]? )?(?:please[, ] ?)?(?:(?:can|could) you (?:please )?)?tell me,? ", ""),
        (r"^(?:hi|hello|hey)[,!.]? |^please,? |,? please$|,? thanks?$|,? thank you$", ""),
        (rf"^(?:{_HOW})", "how to"),
        (r"^which\b", "what"),
        (r"^what happens (?:if|when)\b", "what happens when"),
        (r"^what happens exactly\b|^what exactly happens\b", "what happens"),
        (r"\bsome(?:one|body)\b", "somebody"),
        (r"\bthe (?=\w)", ""),  # "a" may be a name
    )
]


def same(question: str) -> str:
    """Its form. May be empty, for a question of quotes and stops."""
    text = " ".join(unicodedata.normalize("NFC", question).translate(_TYPOGRAPHIC).split())
    codes: list[str] = []

    def kept(code: re.Match[str]) -> str:
        codes.append(code[1].strip())
        return f"\0{len(codes) - 1}\0"

    words = [_word(word) for word in _ENDS.sub("", _CODE.sub(kept, text)).split()]
    form = " ".join(word for word in words if word)
    for pattern, replacement in _SAYINGS:
        form = pattern.sub(replacement, form)
    return re.sub("\0(\\d+)\0", lambda place: _code(codes[int(place[1])]), form.strip(" ,"))


def _word(word: str) -> str:
    """Without quotes around it, a comma behind and a call's (), in small letters unless it is written as names are."""
    bare = re.sub(r"(?<=[\w\0)'\"])[,;:.]+$", "", word.strip("'\"")).strip("'\"")
    bare = re.sub(r"(?<=\w)\(\)$", "", bare) or word
    return bare if _MIXED.search(bare) else bare.lower()


def _code(code: str) -> str:
    code = re.sub(r"(?<=\w)\(\)$", "", code)
    return code if _PLAIN_NAME.fullmatch(code) or _MIXED.search(code) else f"`{code}`"
