"""Secrets that are known by the name they are given: `DB_PASSWORD = "…"`, `api_key: …`, `--token …`."""

import re
import string
from collections.abc import Iterator
from itertools import chain

from rag.files.secrets import chance
from rag.files.secrets.kinds import Span

_WORDS = r"passw(?:or)?d|passwort|passphrase|passcode|pass|pwd|bind_?pw|kennwort|contrase[ñn]a|secret"
_KEY_OF = r"api|app|access|auth|account|private|encryption|decryption|signing|master|hmac|aes|jwt|session|cookie|shared"
_KEY = rf"token|(?:{_KEY_OF})[_.-]?key|credentials?|webhook|(?<=_)auth"
_HINTS = (
    "pass", "pwd", "bindpw", "bind_pw", "kennwort", "contrase", "secret", "token", "key", "credential", "webhook",
    "_auth", "identified by",
)  # fmt: skip
_SMALL = {ord(letter): ord(letter.lower()) for letter in string.ascii_uppercase}
_REST_OF_NAME = r"(?-i:s?(?:[_.-][\w.-]{0,40}|[A-Z0-9][\w.-]{0,40})?)"
_TYPE = (
    r"(?:\[\w{0,5}\](?=\s?=)"
    r"|\s?:\s?(?:&(?:'\w{1,20}\s)?)?[\w.]{1,30}\??(?:\[[\w., |]{0,30}\])?(?:\s?\|\s?None)?(?=\s?=)"
    r"|\s(?:string|str)(?=\s?[:=]))?"
)
_SIGN = (
    r"\s{0,8}(?:=>|[:?]=|={1,3}|[:\uff1a]\*{0,2}|>)\s{0,8}|[\"']\s{1,4}value\s?=\s?|"
    r"</\w{1,20}>\s{0,20}(?=<)"
)
# Between the sign and the value: an element, a mark of YAML, a bracket.
_WITHIN = (
    r"(?:<(?:value|string|param-value|!\[CDATA)[>\[]|[|>][+-]?[ ]?\n\s{1,20}|[&!][\w!]{1,20} |\(\s{0,20}(?=[\"'`]))?"
)
_CALL = (
    r"\s?[,(|]\s{0,8}|[ \t]{1,20}|\s| is "  # set("password", "…"), PASSWORD '…', | password | `…`: only before quotes
)
_QUOTED = (
    r"[a-zA-Z@]{0,2}(?:\"(?:\"\"\n?)?(?P<double>(?:[^\"\\\n]|\\.){6,600})\"|'(?:''\n?)?(?P<single>(?:[^'\\\n]|\\.){6,600})'|"
    r"`(?P<tick>[^`\n]{6,600})`|\\{1,3}[\"'](?P<escaped>[^\"'\\\n]{6,600})\\{1,3}[\"'])"
)
_BARE = r"(?P<bare>[^\s\"'`,;<>(){}\[\]]{8,600})(?=[\s\"',;)}<\]\\]|$)"
_NAME = rf"(?:(?P<password>{_WORDS})|(?P<key>{_KEY})){_REST_OF_NAME}"
_FORMS = (
    rf"{_NAME}[\\\"'\])]{{0,4}}{_TYPE}(?:{_SIGN}){_WITHIN}(?:{_QUOTED}|{_BARE})",
    rf"{_NAME}[\\\"'\])]{{0,4}}(?:{_CALL}){_QUOTED}",
    # What is taken where the environment has none: env.TOKEN || "…", variable "token" { default = "…"
    rf"{_NAME}[\"'\])]{{0,4}}\s?(?:\|\||\?\?|or|\{{\s{{0,20}}(?:default\s{{0,20}}=)?)\s{{0,8}}{_QUOTED}",
    rf"(?:--[\w-]{{0,30}}|\bENV\s\w{{0,30}}){_NAME}[ =](?:{_QUOTED}|{_BARE})",
    # A line of settings, to its end.
    rf"^[ \t]*(?:export |set |- )?[\w.-]{{0,60}}{_NAME}[ \t]?[=:][ \t]?(?P<bare>[^\s\"'`]\S{{5,599}})[ \t]*$",
    rf"(?P<password>identified by|password)\s{{1,4}}{_QUOTED}",
)
_EXPRESSIONS = [re.compile(form, re.IGNORECASE | re.MULTILINE) for form in _FORMS]
_PLACE = re.compile(r"\.{0,2}/|https?://|[\w./-]+/[\w.-]+\.[a-z]{2,5}$|([a-z_]\w*\.){2,}[A-Za-z_]\w*$")
_GROUPS = ("double", "single", "tick", "escaped", "bare")


def found(text: str) -> Iterator[Span]:
    """What in `text` is given the name of a secret and looks like one."""
    for start, end in _places(text):
        for match in chain.from_iterable(expression.finditer(text, start, end) for expression in _EXPRESSIONS):
            groups = match.groupdict()
            group = next(group for group in _GROUPS if groups.get(group))
            is_password = bool(groups.get("password"))
            if _is_secret(groups[group], is_password=is_password, is_quoted=group != "bare"):
                yield Span(*match.span(group), "password" if is_password else "key or token")


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where to look: the lines with such a name, each together with the next one. Most lines have none."""
    start, end = 0, -1
    for first, last in sorted(set(_named_lines(text))):
        if first > end + 1:
            if end >= 0:
                yield start, end
            start = first
        end = last
    if end >= 0:
        yield start, end


def _named_lines(text: str) -> Iterator[tuple[int, int]]:
    """From the start of each line with a hint to the end of the next. Seven times as fast as an expression."""
    small = text.translate(_SMALL)
    for hint in _HINTS:
        at = small.find(hint)
        while at >= 0:
            line_end = _end_of_line(text, at)
            yield text.rfind("\n", 0, at) + 1, _end_of_line(text, line_end + 1)
            at = small.find(hint, line_end)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _is_secret(value: str, *, is_password: bool, is_quoted: bool) -> bool:
    if re.search(r"\s", value) or _PLACE.match(value):
        return False
    if is_password and is_quoted:
        return not chance.is_stand_in(value) and _is_mixed(value) and chance.entropy(value) >= 2.3
    if is_password:
        return len(value) >= 8 and _is_literal(value) and chance.is_random(value, bits=2.7)
    return len(value) >= 16 and (is_quoted or _is_literal(value)) and chance.is_random(value)


def _is_mixed(value: str) -> bool:
    """Letters with digits or signs among them, or four words, as passwords are told to have."""
    has_more = re.search(r"[^A-Za-z_.\-\s]", value) or re.fullmatch(r"[a-z]+(-[a-z]+){3,}", value)
    return bool(re.search(r"[A-Za-z]", value) and has_more)


def _is_literal(value: str) -> bool:
    """No expression of a program: a name, an attribute, a call."""
    return not re.fullmatch(
        r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)+|[A-Za-z_]*[a-z]+_[a-z_]+\d?|[A-Za-z_$][\w.$]*[(\[].*", value
    )
