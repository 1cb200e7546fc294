"""Which files of a commit are read, as clean text, and why the others are left out."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from rag.files import contents, languages, names, secrets
from rag.files import ignore as ignoring
from rag.files import text as texts
from rag.sources import MAX_PATH, TreeEntry

VERSION = "5"  # a new one when a rule changes: what was stored under the old rules is then read again

_STAND_IN = re.compile(r".*… \[[0-9a-f]{32}\]", re.DOTALL)


class Reason(StrEnum):
    """Why a file is left out; the stored choices have the same values."""

    NOT_A_FILE = "not_a_file"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    BINARY = "binary"
    DOCUMENTATION = "documentation"
    LOCK_FILE = "lock_file"
    MINIFIED = "minified"
    VENDORED = "vendored"
    GENERATED = "generated"
    CREDENTIALS = "credentials"
    IGNORED = "ignored"
    ENCODING = "encoding"
    LFS_POINTER = "lfs_pointer"
    DATA = "data"
    PATH = "path"
    LONG_LINES = "long_lines"
    OVER_LIMIT = "over_limit"


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """A file that is left out. `path` is printable, whatever the repository holds; `size` is 0 when nobody knows it."""

    path: str
    blob_sha: str
    size: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to index. `kind` is code, prose or readme; `language` a grammar's name if there is one, or "".

    `text` is clean: its lines end with "\\n" only and are those that the repository's host counts. Secrets in it are
    masked; `masked` says what and where.
    """

    path: str
    blob_sha: str
    size: int
    language: str
    kind: str
    text: str
    masked: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """For one repository: bytes of a file, number of files, bytes of all files together."""

    file_bytes: int
    files: int
    text_bytes: int

    @classmethod
    def from_settings(cls) -> "Limits":
        return cls(
            file_bytes=settings.RAG_MAX_FILE_BYTES, files=settings.RAG_MAX_FILES, text_bytes=settings.RAG_MAX_TEXT_BYTES
        )


def select(
    entries: Sequence[TreeEntry], attributes: Mapping[str, Collection[str]], ignore: str, limits: Limits
) -> tuple[list[TreeEntry], list[SkippedFile]]:
    """The entries to read, in the listing's order, and those left out by path, mode, size or the limits.

    `ignore` is the text of .docentignore; raises RulesRefused when it cannot be followed. An entry whose size is not
    known yet stays and counts nothing; selecting again with the sizes never adds one.
    """
    entries = list({entry.path: entry for entry in entries}.values())  # a hostile tree can name a path twice
    shown = [entry.path for entry in entries if _is_showable(entry.path)]
    out_of = ignoring.ignored(ignore, shown)
    reasons = {
        entry.path: Reason.IGNORED if entry.path in out_of else _reason(entry, attributes.get(entry.path, ()), limits)
        for entry in entries
    }
    kept = _within([entry for entry in entries if not reasons[entry.path]], limits)
    wanted = [entry for entry in entries if entry.path in kept]
    left_out = [entry for entry in entries if entry.path not in kept]
    return wanted, [_skipped(entry, reasons[entry.path] or Reason.OVER_LIMIT) for entry in left_out]


def decode(entry: TreeEntry, content: bytes | None, attributes: Collection[str] = ()) -> SourceFile | SkippedFile:
    """The file's clean text, or why it has none to index. `content` is None when the limit for files kept it away."""
    if content is None:
        return _skipped(entry, Reason.TOO_LARGE)
    try:
        text = _text(content)
    except texts.NotText as no:
        return _skipped(entry, Reason(no.reason), len(content))
    kind, language = _kind(entry.path, text)
    if reason := contents.reason(entry.path, text, language, attributes):
        return _skipped(entry, Reason(reason), len(content))
    shown = secrets.masked(text)
    return SourceFile(
        path=entry.path, blob_sha=entry.blob_sha, size=len(content), language=language, kind=kind, text=shown.text,
        masked=shown.sentence,
    )  # fmt: skip


def _reason(entry: TreeEntry, attributes: Collection[str], limits: Limits) -> str:
    if not entry.mode.startswith("100"):
        return Reason.NOT_A_FILE
    if not _is_showable(entry.path):
        return Reason.PATH
    if reason := names.reason(entry.path, attributes):
        return Reason(reason)
    if entry.size == 0:
        return Reason.EMPTY
    return Reason.TOO_LARGE if (entry.size or 0) > limits.file_bytes else ""


def _within(entries: list[TreeEntry], limits: Limits) -> set[str]:
    """The paths that fit: those near the root first, then small ones, which say most about a project for their size."""
    ordered = sorted(entries, key=lambda entry: (entry.path.count("/"), entry.size or 0, entry.path))
    kept: set[str] = set()
    total = 0
    for entry in ordered[: limits.files]:
        total += entry.size or 0
        if total > limits.text_bytes:
            break
        kept.add(entry.path)
    return kept


def _text(content: bytes) -> str:
    return texts.cleaned(texts.decoded(content))


def _kind(path: str, text: str) -> tuple[str, str]:
    """(kind, language); a README at the root stands for the project, others for their folders."""
    if names.is_prose(path):
        return "readme" if names.is_readme(path) and "/" not in path else "prose", names.markup(path)
    return "code", languages.of_name(path.rpartition("/")[2]) or languages.of_first_line(text)


def _is_showable(path: str) -> bool:
    """Whether the path can be shown and linked to: decodable, without controls or secrets, of a sane length, inside.

    One that looks like the stand-in of another cannot: no two files of a listing are ever shown alike.
    """
    try:
        is_short = len(path.encode()) <= MAX_PATH
    except UnicodeEncodeError:  # undecodable bytes came as lone surrogates
        return False
    is_clean = texts.cleaned(path) == path and "\n" not in path and "\t" not in path
    is_inside = {"", ".", ".."}.isdisjoint(path.split("/"))
    return is_short and is_clean and is_inside and not _STAND_IN.fullmatch(path) and not secrets.masked(path).findings


def _skipped(entry: TreeEntry, reason: str, size: int | None = None) -> SkippedFile:
    path = entry.path if _is_showable(entry.path) else _printable(entry.path)
    known = entry.size or 0 if size is None else size
    return SkippedFile(path=path, blob_sha=entry.blob_sha, size=known, reason=str(reason))


def _printable(path: str) -> str:
    """A readable stand-in, different for different paths."""
    raw = path.encode("utf-8", "surrogateescape")
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in path[:200])
    return f"{secrets.masked(texts.cleaned(shown)).text}… [{hashlib.sha256(raw).hexdigest()[:32]}]"
