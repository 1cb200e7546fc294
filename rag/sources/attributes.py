"""The .gitattributes files of a commit as one, so that git answers for a clone that has nothing checked out."""

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice

NAMES = ("linguist-vendored", "linguist-generated", "linguist-documentation")
_LINE_BYTES = 2_048  # git reads no longer ones
_MAX_LINES = 5_000  # each is held against each path
_MAX_BYTES = 2_000_000  # of all files: a tree of a few kilobytes can name a large one 20,000 times


def in_order(paths: Iterable[str]) -> list[str]:
    """Deeper files come last, because the last line wins."""
    return sorted(paths, key=lambda path: (path.count("/"), path))


def merged(files: Iterable[tuple[str, bytes]]) -> bytes:
    """One attributes file for the root, out of (path, content) in order; no more is taken from them than fits."""
    return b"".join(islice(_lines(files), _MAX_LINES))


def _lines(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    left = _MAX_BYTES
    for path, content in files:
        left -= len(content)
        if left < 0:
            return
        folder = os.fsencode(path.rpartition("/")[0])
        for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            if (placed := _placed(line.strip(), folder)) and len(placed) < _LINE_BYTES:
                yield placed + b"\n"


def _placed(line: bytes, folder: bytes) -> bytes:
    """`line` as it has to stand in the root to mean what it means in `folder`; empty when it says nothing."""
    if not line or line.startswith(b"#"):
        return b""
    # Macros count in the root only, and quoted patterns (spaces) are too rare to take apart.
    if not folder or line.startswith((b"[attr]", b'"')):
        return b"" if folder else line
    pattern, *rest = line.split(None, 1)
    inside = pattern.lstrip(b"/") if b"/" in pattern else b"**/" + pattern
    placed = b"/" + re.sub(rb"([\\*?\[\]])", rb"\\\1", folder) + b"/" + inside
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", placed) + b'" ' + b"".join(rest)


def parsed(fields: Iterable[bytes]) -> dict[str, frozenset[str]]:
    """Path → attributes out of the fields of `check-attr -z`: path, attribute, value, path, attribute, …"""
    each = iter(fields)
    found: dict[str, set[str]] = {}
    for path, name, value in zip(each, each, each, strict=False):
        if value == b"unspecified":
            continue
        sign = "-" if value in (b"unset", b"false") else ""
        found.setdefault(os.fsdecode(path), set()).add(sign + name.decode())
    return {path: frozenset(names) for path, names in found.items()}
