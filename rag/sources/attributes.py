"""The .gitattributes files of a commit as one, so that git answers for a clone that has nothing checked out."""

import os
import re
from collections.abc import Mapping

NAMES = ("linguist-vendored", "linguist-generated", "linguist-documentation")
_LINE_BYTES = 2_048  # git reads no longer ones
_MAX_LINES = 5_000  # each is held against each path


def merged(files: Mapping[str, bytes]) -> bytes:
    """One attributes file for the root, out of path → content; deeper files come last, because the last line wins."""
    lines: list[bytes] = []
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        folder = os.fsencode(path.rpartition("/")[0])
        lines += (_placed(line.strip(), folder) for line in files[path].removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return b"".join([line + b"\n" for line in lines if line and len(line) < _LINE_BYTES][:_MAX_LINES])


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


def parsed(output: bytes) -> dict[str, frozenset[str]]:
    """Path → attributes out of `check-attr -z`: NUL-ended triples of path, attribute, value."""
    fields = output.split(b"\0")
    found: dict[str, set[str]] = {}
    for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        if value == b"unspecified":
            continue
        sign = "-" if value in (b"unset", b"false") else ""
        found.setdefault(os.fsdecode(path), set()).add(sign + name.decode())
    return {path: frozenset(names) for path, names in found.items()}
