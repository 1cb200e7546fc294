"""Private keys, which are known by the lines around them, or by how the encoding of one begins."""

import base64
import re
from collections.abc import Iterator

from rag.files.secrets.kinds import Span

_LABEL = r"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?"
# OpenSSL, OpenSSH and PGP write five dashes, SSH2 four and a space.
_BEGIN, _END = (rf"-{{4,5}} ?{word} {_LABEL} ?-{{4,5}}" for word in ("BEGIN", "END"))
_HEADERS = r"(?:\n[^\w\n]{0,20}[\w-]{1,40}: [^\n]{0,200}){0,6}"
# Up to its end, or where somebody cut that off, as far as it goes on looking like one.
_WHOLE = re.compile(rf"{_BEGIN}((?:(?!----)[\s\S]){{12,20000}}){_END}")
_BEGUN = re.compile(rf"{_BEGIN}{_HEADERS}((?:(?:\\[rn]|[^\w\n]){{0,20}}\n?[^\w\n]{{0,20}}[A-Za-z0-9+/=]{{40,}})+)")
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{12,}")
_MORE = r"(?:(?:\\[rn]|[\s\"'+\\]){1,20}[A-Za-z0-9+/]{20,}){0,400}={0,2}"
_WRAPPED = re.compile(rf"LS0tLS1CRUdJTi[A-Za-z0-9+/]{{20,}}{_MORE}")
_OTHERS = tuple(
    (hint, re.compile(expression))
    for hint, expression in (
        ("Private-Lines:", r"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{16,}\s){1,200})"),
        (
            "Static key",
            r"BEGIN OpenVPN Static key V1-----((?:(?:\\n|[^\w\n]){0,20}\n?[^\w\n]{0,20}[0-9a-f]{32}){1,16})",
        ),
        ("untrusted comment:", r"untrusted comment: [^\n]{0,100}secret key\n([A-Za-z0-9+/=]{40,400})"),
        ("<RSAKeyValue>", r"<(?:D|P|Q|DP|DQ|InverseQ)>([A-Za-z0-9+/=\s]{40,2000})</"),
        # RSA with and without its name, a curve's with both, Ed25519
        ("BAQEFAASC", rf"(MII[A-Za-z0-9+/]{{2,3}}IBADANBgkqhkiG9w0BAQEFAASC[A-Za-z0-9+/]{{20,}}{_MORE})"),
        ("IBAAKC", rf"(MII[A-Za-z0-9+/]{{1,3}}IBAAKC[A-Za-z0-9+/]{{20,}}{_MORE})"),
        ("AgEAMB", rf"(MIG[A-Za-z0-9+/]AgEAMB[A-Z]GByqGSM49AgEG[A-Za-z0-9+/]{{20,}}{_MORE})"),
        ("MC4CAQAwBQYDK2V", r"(MC4CAQAwBQYDK2V[A-Za-z0-9+/]{40,}={0,2})"),
    )
)


def found(text: str) -> Iterator[Span]:
    yield from (Span(*span, "private key") for span in _spans(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    if "PRIVATE KEY" in text:
        yield from (match.span(1) for match in _WHOLE.finditer(text) if _is_body(match[1]))
        yield from (match.span(1) for match in _BEGUN.finditer(text))
    for hint, expression in _OTHERS:
        if hint in text:
            yield from (match.span(1) for match in expression.finditer(text))
    if "LS0tLS1CRUdJTi" in text:
        for match in _WRAPPED.finditer(text):
            if b" PRI" in base64.b64decode(match[0][:32]):  # no certificate, and no public key
                yield match.span()


def _is_body(text: str) -> bool:
    """Encoded for the most part; no program that looks for one."""
    return 2 * sum(map(len, _ENCODED.findall(text))) > len(text.replace(" ", ""))
