"""Bytes become text: decoded, and without the characters that nobody sees. Line numbers stay those of the host."""

import codecs
import re

# UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and line feed
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # soft hyphen, fillers, joiners
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero width; direction overrides and isolates
    "\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ufffe\uffff"  # surrogates, variations, marks
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # tag characters and more variations
    "]+"
)
_UNSEEN_ASCII = dict.fromkeys(code for code in range(128) if _UNSEEN.match(chr(code)))
_CONTROLS = re.compile(b"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HIGH = re.compile(b"[\x80-\xff]+")
_UNDEFINED = re.compile(b"[\x81\x8d\x8f\x90\x9d]")


class NotText(Exception):
    """The bytes are no text. `reason` is "binary" or "encoding"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decoded(content: bytes) -> str:
    """`content` by its mark, as UTF-8, or as Windows-1252 where that is plausible. Raises NotText."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strictly(content, encoding)
    if b"\0" in content or len(_CONTROLS.findall(content)) > 1 + len(content) // 50:
        raise NotText("binary")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if not _is_western(content):
            raise NotText("encoding") from None
    return _strictly(content, "cp1252")


def cleaned(text: str) -> str:
    """`text` without unseen characters. Only line feeds end lines, and there are as many as the host counts."""
    text = text.replace("\r\n", "\n").replace("\r", " ")
    if text.isascii():  # as most are; the expression takes ten times as long
        return text.translate(_UNSEEN_ASCII)
    return _UNSEEN.sub("", text.replace("\u2028", " ").replace("\u2029", " "))


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText("encoding") from error


def _is_western(content: bytes) -> bool:
    """Accented letters mostly stand alone between others; in Shift-JIS, EUC or KOI-8 high bytes come in rows."""
    runs = [len(run) for run in _HIGH.findall(content)]
    is_sparse = sum(runs) <= 0.15 * len(content) and sum(runs) <= 1.5 * len(runs) + 1
    return is_sparse and not _UNDEFINED.search(content)
