"""The paths of a commit, held in little memory whatever is listed."""

import hashlib
import io
import os
from dataclasses import dataclass

from django.conf import settings

from rag.sources import errors, pipes

MAX_PATH = 1_024  # bytes


@dataclass(frozen=True, kw_only=True)
class TreeEntry:
    """One path of a commit, undecodable bytes as lone surrogates (os.fsdecode).

    A path of more than MAX_PATH bytes is cut, and ends with its hash; it stays longer than that and different from
    any other. `size` in bytes: of a blob that the limit for files kept away, the limit plus one; None while nobody
    knows it.
    """

    path: str
    mode: str
    blob_sha: str
    size: int | None


def read(output: io.BufferedReader, name: str) -> list[tuple[str, str, str]]:
    """(path, mode, sha) out of `ls-tree -r -z`, as it comes: a tree of a few kilobytes can name a thousand million.

    Raises SourceError (too_large) beyond four times RAG_MAX_FILES, or a kilobyte a path for RAG_MAX_FILES of them.
    """
    most, bytes_left = 4 * settings.RAG_MAX_FILES, settings.RAG_MAX_FILES * MAX_PATH
    found: list[tuple[str, str, str]] = []
    for record in pipes.records(output, name):
        head, _, path = record.partition(b"\t")
        bytes_left -= min(len(path), MAX_PATH)
        if len(found) == most or bytes_left < 0:
            raise errors.too_many_files(name, most) if len(found) == most else errors.too_long_paths(name)
        mode, _kind, sha = head.decode().split()
        found.append((_short(path), mode, sha))
    return found


def _short(path: bytes) -> str:
    if len(path) <= MAX_PATH:
        return os.fsdecode(path)
    return f"{os.fsdecode(path[:MAX_PATH])}… {hashlib.sha256(path).hexdigest()}"
