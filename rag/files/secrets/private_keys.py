"""Private keys, which are known by the lines around them."""

import base64
import re
from collections.abc import Iterator

from rag.files.secrets.kinds import Span

_LABEL = r"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?"
# Up to its end, or where somebody cut that off, as far as it goes on looking like one.
_WHOLE = re.compile(rf"-----BEGIN {_LABEL}-----((?:(?!-----)[\s\S]){{12,20000}})-----END {_LABEL}-----")
_BEGUN = re.compile(
    rf"-----BEGIN {_LABEL}-----((?:(?:\\[rn]|[^\w\n]){{0,20}}\n?[^\w\n]{{0,20}}[A-Za-z0-9+/=]{{40,}})+)"
)
_PUTTY = re.compile(r"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{16,}\s){1,200})")
_WRAPPED = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}(?:(?:\\[rn]|[\s\"'+\\]){1,20}[A-Za-z0-9+/]{20,}){0,400}={0,2}")
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{12,}")


def found(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" in text:
        for match in _WHOLE.finditer(text):
            if 2 * sum(map(len, _ENCODED.findall(match[1]))) > len(
                match[1].replace(" ", "")
            ):  # not a program that looks for one
                yield Span(*match.span(1), "private key")
        for match in _BEGUN.finditer(text):
            yield Span(*match.span(1), "private key")
    if "Private-Lines:" in text:
        for match in _PUTTY.finditer(text):
            yield Span(*match.span(1), "private key")
    if "LS0tLS1CRUdJTi" in text:
        for match in _WRAPPED.finditer(text):
            if b" PRI" in base64.b64decode(match[0][:32]):  # no certificate, and no public key
                yield Span(*match.span(), "private key")
