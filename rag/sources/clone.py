"""One commit of a repository, bare and shallow, in a temporary folder that goes when it is no longer read."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cached_property
from pathlib import Path

from django.conf import settings

from rag.sources import address as addresses
from rag.sources import attributes, errors, listing, pipes, workplace
from rag.sources.git import Git, folder_bytes
from rag.sources.listing import TreeEntry
from rag.sources.spool import Spool

_MAX_ANSWER = 20_000_000  # bytes of a list of branches
_FEW = 500  # blobs asked for one by one; beyond, all small ones come in one piece for less


def head(repository_url: str, ref: str = "") -> str:
    """The commit that `ref` (a branch, else a tag; the default branch when empty) is at now. Raises SourceError."""
    with workplace.of(addresses.parse(repository_url)) as git:
        return _head(git, addresses.check_ref(ref))


@contextmanager
def fetch(repository_url: str, ref: str = "", *, commit: str = "", complete: bool = True) -> Iterator["Clone"]:
    """Clone one commit: `commit` if it is already known from `head`, else what `ref` is at. Raises SourceError.

    With `complete` every blob up to RAG_MAX_FILE_BYTES comes along, larger ones never. Without, the listing alone
    comes, and `Clone.fetch_blobs` gets what is wanted: a twentieth of the bytes when little has changed.
    """
    with workplace.of(addresses.parse(repository_url)) as git:
        clone = Clone(git, commit or _head(git, addresses.check_ref(ref)))
        clone.download(complete=complete)
        yield clone


class Clone:
    """What was cloned. Nothing is ever checked out, and nothing is fetched unless `fetch_blobs` is called."""

    def __init__(self, git: Git, commit: str) -> None:
        self.commit = commit
        self._git = git
        self._folder = ""
        self._complete = False

    def download(self, *, complete: bool) -> None:
        """Fetch the commit into a new empty repository."""
        with self._on_machine():
            self._folder = tempfile.mkdtemp(prefix="repository-", dir=self._git.home)
        form = "sha256" if len(self.commit) == 64 else "sha1"
        self._git.local("init", "--quiet", "--bare", "--template=", f"--object-format={form}", self._folder)
        blobs = f"--filter=blob:limit={settings.RAG_MAX_FILE_BYTES + 1}" if complete else "--filter=blob:none"
        self._fetch("--depth=1", blobs, "origin", self.commit, max_bytes=settings.RAG_MAX_CLONE_BYTES)
        self._complete = complete

    def entries(self, sizes: Mapping[str, int] | None = None) -> list[TreeEntry]:
        """Every path of the commit. `sizes` (blob sha → bytes) are those known from elsewhere.

        Raises SourceError (too_large) when there are more than four times RAG_MAX_FILES.
        """
        known = dict(sizes or {}) | self.sizes(sha for _path, mode, sha in self._listing if mode != "160000")
        away = settings.RAG_MAX_FILE_BYTES + 1 if self._complete else None
        return [
            TreeEntry(path=path, mode=mode, blob_sha=sha, size=0 if mode == "160000" else known.get(sha, away))
            for path, mode, sha in self._listing
        ]

    def attributes(self, paths: Iterable[str]) -> dict[str, frozenset[str]]:
        """The linguist attributes that .gitattributes files set; one that is explicitly unset has a "-" in front."""
        wanted = set(paths)
        regular = {path: sha for path, mode, sha in self._listing if mode.startswith("100")}
        rules = attributes.in_order(path for path in regular if path.rpartition("/")[2] == ".gitattributes")
        if not rules:
            return {}
        shas = [regular[path] for path in rules]
        self.fetch_blobs(shas)
        with closing(self.read(shas)) as contents:  # not all of it may be needed
            known = ((path, content or b"") for path, (_sha, content) in zip(rules, contents, strict=True))
            self._write_attributes(attributes.merged(known))
        stdin = b"\0".join(os.fsencode(path) for path in regular if path in wanted)
        with self._streamed("check-attr", "-z", "--stdin", *attributes.NAMES, stdin=stdin) as output:
            return attributes.parsed(pipes.records(output, self._name))

    def text(self, path: str) -> str:
        """The repository's own rules in the file at `path`; "" when there is none.

        Raises SourceError (bad_ignore) when they are there and cannot be read as a whole.
        """
        found = [(mode, sha) for name, mode, sha in self._listing if name == path]
        if not found:
            return ""
        if len(found) > 1 or not found[0][0].startswith("100"):
            raise errors.RulesRefused(f"{path} is not a regular file. Commit it as one, not as a link.")
        shas = [found[0][1]]
        self.fetch_blobs(shas)
        ((_sha, content),) = self.read(shas)
        if content is None:
            raise errors.RulesRefused(f"{path} is larger than {settings.RAG_MAX_FILE_BYTES:,} bytes. Shorten it.")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise errors.RulesRefused(f"{path} is not UTF-8 text. Save it as that.") from None

    def sizes(self, shas: Iterable[str]) -> dict[str, int]:
        """Blob sha → bytes of those that are here."""
        stdin = "".join(f"{sha}\n" for sha in dict.fromkeys(shas)).encode()
        lines = self._local("cat-file", "--batch-check", stdin=stdin).decode().splitlines()
        return {sha: int(rest[1]) for sha, *rest in map(str.split, lines) if rest[0] == "blob"}

    def fetch_blobs(self, shas: Iterable[str]) -> None:
        """Get those that are not here, in one request. Raises SourceError."""
        wanted = list(dict.fromkeys(shas))
        here = self.sizes(wanted)
        missing = [sha for sha in wanted if sha not in here]
        if self._complete or not missing:
            return
        if len(missing) > _FEW or not self._fetched_singly(missing):
            with self._on_machine():
                shutil.rmtree(self._folder)
            self.download(complete=True)

    def read(self, shas: Iterable[str]) -> Generator[tuple[str, bytes | None], None, None]:
        """Each blob in turn; None for one that is not here or larger than RAG_MAX_FILE_BYTES."""
        wanted = list(shas)
        here = {sha for sha, size in self.sizes(wanted).items() if size <= settings.RAG_MAX_FILE_BYTES}
        stdin = "".join(f"{sha}\n" for sha in wanted if sha in here).encode()
        with self._streamed("cat-file", "--batch", stdin=stdin) as output:
            for sha in wanted:
                yield sha, self._next_blob(output) if sha in here else None

    def spool(self) -> Spool:
        """A place on disk for texts, gone with the clone. Raises SourceError."""
        return Spool(self._git.home, self._name)

    def _next_blob(self, output: io.BufferedReader) -> bytes:
        """The content after a header line `<sha> blob <size>`, and the line feed behind it."""
        parts = output.readline().split()
        content = output.read(int(parts[2]) + 1) if len(parts) == 3 else b""
        if not content.endswith(b"\n"):
            raise errors.explain("cat-file ended early", self._name, has_token=False)
        return content[:-1]

    @cached_property
    def _listing(self) -> list[tuple[str, str, str]]:
        """(path, mode, sha) of every path."""
        # No -l: to tell the size of a blob that is not here, git fetches it, one by one.
        with self._streamed("ls-tree", "-r", "-z", "--full-tree", self.commit) as output:
            return listing.read(output, self._name)

    def _fetched_singly(self, shas: Collection[str]) -> bool:
        """Whether the blobs came by name. Not when a host refuses that, or when one turns out to be huge."""
        allowance = folder_bytes(self._git.home) + len(shas) * 2 * settings.RAG_MAX_FILE_BYTES + 1_000_000
        allowance = min(allowance, settings.RAG_MAX_CLONE_BYTES)
        stdin = "".join(f"{sha}\n" for sha in shas).encode()
        try:
            self._fetch("--filter=blob:none", "--stdin", "origin", stdin=stdin, max_bytes=allowance)
        except errors.SourceError as error:
            if error.code in ("too_large", "gone", "git"):
                return False
            raise
        return True

    def _fetch(self, *arguments: str, max_bytes: int, stdin: bytes = b"") -> None:
        config = Path(self._folder) / "config"
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        with self._on_machine():
            before = config.read_bytes()
            self._git.talk("--git-dir", self._folder, "fetch", *options, *arguments, stdin=stdin, max_bytes=max_bytes)
            # A filtered fetch notes that the rest can be had later; without the note a missing blob is simply missing.
            config.write_bytes(before)

    def _write_attributes(self, content: bytes) -> None:
        with self._on_machine():
            info = Path(self._folder) / "info"
            info.mkdir(exist_ok=True)
            (info / "attributes").write_bytes(content)

    @property
    def _name(self) -> str:
        return str(self._git.address)

    def _local(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return self._git.local("--git-dir", self._folder, *arguments, stdin=stdin)

    def _streamed(self, *arguments: str, stdin: bytes = b"") -> AbstractContextManager[io.BufferedReader]:
        return self._git.streamed("--git-dir", self._folder, *arguments, stdin=stdin)

    def _on_machine(self) -> AbstractContextManager[None]:
        return errors.of_machine(self._name)


def _head(git: Git, ref: str) -> str:
    wanted = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"] if ref else ["HEAD"]
    found = _refs(git, *wanted)
    for name in wanted:
        if name in found:
            return found[name]
    if not _refs(git):
        raise errors.empty(str(git.address))
    raise errors.no_branch(str(git.address), ref) if ref else errors.no_default_branch(str(git.address))


def _refs(git: Git, *names: str) -> dict[str, str]:
    """Ref → sha, of all refs when none is named."""
    output = git.talk("ls-remote", "--quiet", "--", git.address.url, *names, max_bytes=_MAX_ANSWER)
    pairs = (line.split("\t", 1) for line in output.decode("utf-8", "replace").splitlines() if "\t" in line)
    return {name: sha for sha, name in pairs if re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", sha)}
