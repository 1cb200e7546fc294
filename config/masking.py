"""Keys, passwords and the addresses of databases are masked in what is logged, wherever they come from."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "********"
MARGIN = 4_000  # characters beyond what is shown: half a secret has no form, and would stay
SHORTEST = 8  # characters; a shorter value of the environment would be masked in ordinary words
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL")
_DATABASE = re.compile(r"\b(postgres(?:ql)?|rediss?|amqps?|mysql|smtp[\w+]*)://[^\s\"'<>]+", re.IGNORECASE)
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/\"'<>]+@", re.IGNORECASE)
_QUOTED_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}%3a%2f%2f)(?:(?!%2f)[^\s/\"'<>&])+%40", re.IGNORECASE)
_COOKIE = re.compile(r"\b((?:set-)?cookie['\"]?\s*[:=]\s*)[^\r\n]+", re.IGNORECASE)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|x-api-key|api-key)(['\"]?\s*[:=,]\s*(?:b?['\"])?)((?:\w+\s+)?[^\s'\",;}]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_SERVER = re.compile(r"(connection to server at |host name )\"[^\"]*\"(?: \([^)]*\))?(?:, port \d+)?")
_ROLE = re.compile(r"\b(user|role|database) \"[^\"]*\"")
_CONNINFO = re.compile(r"\b(host|hostaddr|port|user|password|dbname)=('[^']*'|[^\s,)]+)")


def masked(text: str) -> str:
    """`text` without the secrets of this process, and without what looks like anybody's."""
    for secret in own():
        text = text.replace(secret, MASK)
    text = _DATABASE.sub(rf"\1://{MASK}", text)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _QUOTED_USERINFO.sub(rf"\1{MASK}%40", text)
    text = _COOKIE.sub(rf"\1{MASK}", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _SERVER.sub(rf"\1{MASK}", text)
    text = _ROLE.sub(rf"\1 {MASK}", text)
    text = _CONNINFO.sub(rf"\1={MASK}", text)
    return _of_anybody(text)


def beginning(text: str, most: int) -> str:
    """The first `most` characters, masked."""
    return masked(text) if len(text) <= most else masked(text[: most + MARGIN])[:-MARGIN][:most]


def ending(text: str, most: int) -> str:
    """The last `most` characters, masked."""
    return masked(text) if len(text) <= most else masked(text[-most - MARGIN :])[MARGIN:][-most:]


@cache
def own() -> tuple[str, ...]:
    """What the environment holds under the name of a secret, and the passwords and hosts of its addresses."""
    found = {value for pair in os.environ.items() for value in _secrets(*pair)}
    forms = {form for each in found if len(each) >= SHORTEST and not each.isdecimal() for form in _forms(each)}
    return tuple(sorted(forms, key=len, reverse=True))


def _secrets(name: str, value: str) -> Iterator[str]:
    if name.endswith("_URL") and "@" in value:
        try:
            address = urlsplit(value)
        except ValueError:
            yield value
            return
        for part in (address.password, address.hostname if name == "DATABASE_URL" else None):
            yield part or ""
            yield unquote(part or "")
    elif _SECRET_NAME.search(name):
        yield from (part.rpartition("=")[2].strip() for part in value.split(","))  # of host=token the token
        yield value.strip()


def _forms(value: str) -> Iterator[str]:
    """As it is, and as an address, a program or JSON writes it."""
    yield from (value, quote(value), quote(value, safe=""), quote_plus(value))
    yield from (repr(value)[1:-1], json.dumps(value)[1:-1])


def _of_anybody(text: str) -> str:
    """By the rules that also keep the secrets of repositories from their readers."""
    from rag.files import secrets  # noqa: PLC0415 — logging is set up before there are settings

    return secrets.masked(text).text
