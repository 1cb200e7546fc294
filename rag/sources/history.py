"""A clone that also has commits before its own, and what each of them changed."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from rag.sources import address as addresses
from rag.sources import workplace
from rag.sources.clone import Clone

_FORMAT = "--format=%x00%H%x00%P%x00%s%x00"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit with one parent. `changed`: the paths that it changed or removed, as they are called in `parent`."""

    sha: str
    parent: str
    subject: str
    changed: tuple[str, ...]


class Deep(Clone):
    """Also has `before` generations of earlier commits with their files, as far as the repository goes back."""

    before = 0

    def download(self, *, complete: bool) -> None:
        super().download(complete=complete)
        blobs = f"--filter=blob:limit={settings.RAG_MAX_FILE_BYTES + 1}"
        limit = settings.RAG_MAX_CLONE_BYTES
        self._fetch(f"--deepen={self.before}", blobs, "origin", self.commit, max_bytes=limit)

    def at(self, commit: str) -> Clone:
        """The same repository as it was at one of the commits that are here."""
        other = Clone(self._git, commit)
        other._folder, other._complete = self._folder, self._complete
        return other

    def commits(self, most: int) -> list[Commit]:
        """The newest first, without merges and without those whose parent is not here."""
        log = ("log", f"--max-count={most}", "--no-merges", "--no-renames", "--name-only", "--diff-filter=DMT", "-z")
        output = self._local(*log, _FORMAT, self.commit)
        return list(_commits(output))


@contextmanager
def fetch(repository_url: str, commit: str, before: int) -> Iterator[Deep]:
    """`commit` and as many generations `before` it, with every blob up to RAG_MAX_FILE_BYTES. Raises SourceError."""
    with workplace.of(addresses.parse(repository_url)) as git:
        clone = Deep(git, commit)
        clone.before = before
        clone.download(complete=True)
        yield clone


def _commits(output: bytes) -> Iterator[Commit]:
    """Out of `git log -z --name-only`: a record opens with NUL, has three fields, then its paths."""
    fields = [os.fsdecode(field) for field in output.split(b"\0")]
    starts = [place for place in range(1, len(fields)) if fields[place - 1] == "" and _is_sha(fields[place])]
    for start, end in zip(starts, [*starts[1:], len(fields)], strict=True):
        sha, parent, subject = fields[start : start + 3]
        paths = (path.removeprefix("\n") for path in fields[start + 3 : end])
        if _is_sha(parent):
            yield Commit(sha=sha, parent=parent, subject=subject, changed=tuple(path for path in paths if path))


def _is_sha(field: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", field) is not None
