"""Secrets that are known by the name they are given: `DB_PASSWORD = "…"`, `api_key: …`, `--token …`."""

import re
from collections.abc import Iterator
from itertools import chain

from rag.files.secrets import names, values
from rag.files.secrets.kinds import Span
from rag.files.secrets.names import NAME

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
_NO_VERB = r"(?!(?<!\w)pass[ ])"  # the verb
_QUOTED = (
    r"[a-zA-Z@]{0,2}(?:\"(?:\"\"\n?)?(?P<double>(?:[^\"\\\n]|\\.){6,600})\"|'(?:''\n?)?(?P<single>(?:[^'\\\n]|\\.){6,600})'|"
    r"`(?P<tick>[^`\n]{6,600})`|\\{1,3}[\"'](?P<escaped>[^\"'\\\n]{6,600})\\{1,3}[\"'])"
)
_BARE = r"(?P<bare>[^\s\"'`,;<>(){}\[\]]{8,600})(?=[\s\"',;)}<\]\\]|$)"
_FORMS = (
    rf"{NAME}[\\\"'\])]{{0,4}}{_TYPE}(?:{_SIGN}){_WITHIN}(?:{_QUOTED}|{_BARE})",
    rf"{_NO_VERB}{NAME}[\\\"'\])]{{0,4}}(?:{_CALL}){_QUOTED}",
    # What is taken where the environment has none: env.TOKEN || "…", variable "token" { default = "…"
    rf"{NAME}[\"'\])]{{0,4}}\s?(?:\|\||\?\?|or|\{{\s{{0,20}}(?:default\s{{0,20}}=)?)\s{{0,8}}{_QUOTED}",
    rf"(?:--[\w-]{{0,30}}|\bENV\s\w{{0,30}}){NAME}[ =](?:{_QUOTED}|{_BARE})",
    # A line of settings, to its end.
    rf"^[ \t]*(?:export |set |- )?[\w.-]{{0,60}}{NAME}[ \t]?[=:][ \t]?(?P<bare>[^\s\"'`]\S{{5,599}})[ \t]*$",
    rf"(?P<password>identified by|password)\s{{1,4}}{_QUOTED}",
)
_EXPRESSIONS = [re.compile(form, re.IGNORECASE | re.MULTILINE) for form in _FORMS]
_GROUPS = ("double", "single", "tick", "escaped", "bare")


def found(text: str) -> Iterator[Span]:
    """What in `text` is given the name of a secret and looks like one."""
    for start, end in names.places(text):
        for match in chain.from_iterable(expression.finditer(text, start, end) for expression in _EXPRESSIONS):
            groups = match.groupdict()
            if names.is_of_something_else(groups.get("rest") or ""):
                continue
            group = next(group for group in _GROUPS if groups.get(group))
            is_password = bool(groups.get("password"))
            if values.is_secret(groups[group], is_password=is_password, is_quoted=group != "bare"):
                yield Span(*match.span(group), "password" if is_password else "key or token")
