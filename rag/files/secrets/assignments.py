"""Secrets that are known by the name they are given: `DB_PASSWORD = "…"`, `api_key: …`, `--token …`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.files.secrets import names, values
from rag.files.secrets.kinds import Span

_TYPE = (
    r"(?:\[\w{0,5}\](?=\s?=)"
    r"|\s?:\s?(?:&(?:'\w{1,20}\s)?)?[\w.]{1,30}\??(?:\[[\w., |]{0,30}\])?(?:\s?\|\s?None)?(?=\s?=)"
    r"|\s(?:string|str)(?=\s?[:=]))?"
)
_SIGN = (
    r"\s{0,8}(?:=>|<-|[:?]=|!?={1,3}|[:\uff1a](?:\*{0,2}|</\w{1,8}>)|>)\s{0,8}|[\"']\s{1,4}value\s?=\s?|"
    r"</\w{1,20}>\s{0,20}(?=<)"
)
# Between the sign and the value: an element, a mark of YAML, a bracket.
_WITHIN = (
    r"(?:<(?:value|string|param-value|code|kbd|b|strong|!\[CDATA)[>\[]|[|>][+-]?[ ]?\n\s{1,20}|[&!][\w!]{1,20} |"
    r"\(\s{0,20}(?=[\"'`])|\{(?=[^\s{}]{6,60}\};)|\[\[|qq?\()?"
)
_CALL = (
    r"\s?[,(|]\s{0,8}|[ \t]{1,20}|\s| is "  # set("password", "…"), PASSWORD '…', | password | `…`: only before quotes
)
_QUOTED = (
    r"[a-zA-Z@]{0,2}(?:\"(?:\"\"\n?)?(?P<double>(?:[^\"\\\n]|\\.){6,600})\"|'(?:''\n?)?(?P<single>(?:[^'\\\n]|\\.){6,600})'|"
    r"`(?P<tick>[^`\n]{6,600})`|\\{1,3}[\"'](?P<escaped>[^\"'\\\n]{6,600})\\{1,3}[\"']|&quot;(?P<entity>[^&\n]{6,600})&)"
)
_BARE = r"(?P<bare>[^\s\"'`,;<>(){}\[\]]{8,600})(?=[\s\"',;)}<\]\\]|$)"
_CALLED = (
    r"(?:[\w.:$]{1,40}\(\s?(?:[\"'][^\"'\n]{0,40}[\"'],\s?)?|[^\n\"'`=]{1,60}?(?:\bor|\band|[?:)])\s?|"
    r"ConvertTo-SecureString )"
)
_FLAGS = re.IGNORECASE | re.MULTILINE


class _Form(NamedTuple):
    """What stands before and behind a name. One that is loose may be something else, so that more is asked of it."""

    tail: re.Pattern[str]
    head: re.Pattern[str] | None = None
    is_loose: bool = False


def _form(tail: str, *, head: str = "", is_loose: bool = False) -> _Form:
    return _Form(re.compile(tail, _FLAGS), re.compile(f"(?:{head})$", _FLAGS) if head else None, is_loose)


_FORMS = (
    _form(rf"(?:&quot;|[\\\"'\])*]{{0,4}}){_TYPE}(?:{_SIGN}){_WITHIN}(?:{_QUOTED}|{_BARE})"),
    _form(rf"(?:(?<!\bpass)|(?! ))[\\\"'\])]{{0,4}}(?:{_CALL}){_QUOTED}"),  # not the verb
    # What is taken where the environment has none: env.TOKEN || "…", variable "token" { default = "…"
    _form(rf"[\"'\])]{{0,4}}\s?(?:\|\||\?\?|or|\{{\s{{0,20}}(?:default\s{{0,20}}=)?)\s{{0,8}}{_QUOTED}"),
    _form(rf"[ =](?:{_QUOTED}|{_BARE})", head=r"--[\w-]{0,30}|\bENV\s\w{0,30}"),
    # A line of settings, to its end.
    _form(r"[ \t]?[=:][ \t]?(?P<bare>[^\s\"'`]\S{5,599})[ \t]*$", head=r"^[ \t]*(?:export |set |- )?[\w.-]{0,60}"),
    # name: DB_PASSWORD, value: …; <setting name="password"><value>…; option("--password", help="…", default="…")
    _form(
        r"(?:[\"']?,?\s{1,40}[\"']?value[\"']?\s?[:=]\s{0,8}|[\"'][^<>\n]{0,60}>\s{0,20}<value>)"
        rf"(?:{_QUOTED}|{_BARE})"
    ),
    _form(rf"[\"'],(?:[^\n]{{0,120}}?[ ,])?default\s?=\s?{_QUOTED}"),
    # find("password").send_keys("…"); fill_in "password", with: "…"
    _form(rf"[\"'](?:\)\.(?:type|send_?keys|fill|set_?value|input)\(|,? with: ){_QUOTED}"),
    # b64decode("…"), getenv("PASSWORD", "…"), input() or "…", DEBUG ? … : "…"
    _form(rf"[\"'\])]{{0,2}}\s?(?:[:?]?=|:|<-)\s?{_CALLED}{_QUOTED}", is_loose=True),
    # A sentence
    _form(
        r"(?: (?:for|of) [\w' ]{1,40}?)?(?: is(?: now)?:?| was| will be| lautet| ist| ?->| ?→| -|:| ?=) {1,4}"
        r"(?P<told>[^\s\"'`<>(){}\[\],;]{8,100}?)(?=[.!?:]?(?:[\s)\"'`,;<]|$))"
    ),
)
# "…" == password; use "…" as the password
_REVERSED = re.compile(
    rf"{_QUOTED}(?:\s?[!=]={{1,2}}\s?[\w.$]{{0,30}}| as (?:(?:the|your|my|a) )?(?:\w{{1,12}} )?)$", _FLAGS
)
_JOINERS = ("==", "!=", " as ")
_NEAR = 160  # characters before a name


def found(text: str) -> Iterator[Span]:
    """What in `text` is given the name of a secret and looks like one."""
    for start, end in names.places(text):
        for name in names.EXPRESSION.finditer(text, start, end):
            if not names.is_of_something_else(name["rest"]):
                yield from _given(text, name, end)


def _given(text: str, name: re.Match[str], end: int) -> Iterator[Span]:
    """What `name` is given, in whatever form, if it looks like a secret."""
    is_password = not name["key"]
    kind = "password" if is_password else "key or token"
    line = text.rfind("\n", 0, name.start()) + 1
    at = max(line, name.start() - _NEAR)
    before = text[at : name.start()]
    for form in _FORMS:
        match = form.tail.match(text, name.end(), end)
        if match and (not form.head or form.head.search(before)) and _is_secret(match, form, is_password=is_password):
            yield Span(*match.span(match.lastgroup or 0), kind)
    match = _REVERSED.search(before) if any(joiner in before for joiner in _JOINERS) else None
    if match and _is_secret(match, _FORMS[0], is_password=is_password):
        start, stop = match.span(match.lastgroup or 0)
        yield Span(at + start, at + stop, kind)


def _is_secret(match: re.Match[str], form: _Form, *, is_password: bool) -> bool:
    group = match.lastgroup or ""
    if group == "told":
        return values.is_told(match[group], is_password=is_password)
    return values.is_secret(match[group], is_password=is_password, is_quoted=group != "bare" and not form.is_loose)
