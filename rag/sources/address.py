"""A repository's address: taken apart, checked, and built anew, so that nothing typed ever reaches git as it was."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from django.conf import settings

from rag.sources.errors import AddressRefused

_PARTS = re.compile(r"https://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?)/(?P<path>[^\s]+)", re.IGNORECASE)
_SEGMENT = re.compile(r"(?!-)(?!\.{1,2}$)(?!\.git$)[A-Za-z0-9_.~+-]{1,100}", re.IGNORECASE)
_REF = re.compile(r"(?![-/.])(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\]{1,200}(?<![/.])")
_ON_ONE_LEVEL = ("github.com", "codeberg.org")  # owner/name, never deeper
_RENDERED = (".md", ".markdown", ".mdx", ".rst", ".adoc", ".asciidoc", ".org", ".textile", ".ipynb", ".csv", ".svg")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a repository is. `host` may carry a port; "" for a folder of this computer, whose path is absolute."""

    host: str
    path: str

    def __str__(self) -> str:
        return self.path if self.is_local else f"{self.host}/{self.path}"

    @property
    def is_local(self) -> bool:
        return not self.host

    @property
    def url(self) -> str:
        """What git is given. The usual hosts know each repository with .git; GitLab redirects without it."""
        return self.path if self.is_local else f"https://{self.host}/{self.path}.git"

    @property
    def web_url(self) -> str:
        """The repository's page; "" for a local one."""
        return "" if self.is_local else f"https://{self.host}/{self.path}"


def parse(repository_url: str) -> Address:
    """The address in `repository_url`: https on a host of RAG_ALLOWED_HOSTS, or a folder where those are allowed.

    Raises AddressRefused with code bad_address, host_refused, local_refused or not_found.
    """
    text = repository_url.strip(" ")
    if not text.isprintable():
        raise AddressRefused("bad_address", "The address has invisible characters. Type it again.")
    if text.startswith("/") or text.lower().startswith("file:"):
        return _local(text)
    return _remote(text)


def check_ref(ref: str) -> str:
    """`ref` when it can be the name of a branch or tag. Raises AddressRefused (no_branch)."""
    if ref and not (_REF.fullmatch(ref) and ref.isprintable()):
        raise AddressRefused("no_branch", f"{ref[:100]!r} cannot be the name of a branch or tag. Check it.")
    return ref


def _remote(text: str) -> Address:
    found = _PARTS.fullmatch(text)
    if not found:
        raise AddressRefused("bad_address", "The address must look like https://github.com/owner/name.")
    host = found["host"].lower().removesuffix(":443")
    if host not in settings.RAG_ALLOWED_HOSTS:
        allowed = ", ".join(settings.RAG_ALLOWED_HOSTS) or "none"
        raise AddressRefused(
            "host_refused", f"Repositories on {host} are not read. Allowed: {allowed}. RAG_ALLOWED_HOSTS adds a host."
        )
    segments = found["path"].removesuffix("/").removesuffix(".git").split("/")
    _check_depth(host, segments)
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise AddressRefused(
            "bad_address", f"The address must look like https://{host}/owner/name, without anything after it."
        )
    return Address(host=host, path="/".join(segments))


def _check_depth(host: str, segments: list[str]) -> None:
    """A pasted page of a repository is refused rather than cut: its branch would be lost without a word."""
    if 2 <= len(segments) <= (2 if host in _ON_ONE_LEVEL else 10):
        return
    raise AddressRefused(
        "bad_address",
        f"The address must be the repository's own, https://{host}/owner/name; a branch has a field of its own.",
    )


def _local(text: str) -> Address:
    if not settings.RAG_ALLOW_LOCAL_REPOSITORIES:
        raise AddressRefused(
            "local_refused",
            "Folders of this computer are not read. RAG_ALLOW_LOCAL_REPOSITORIES allows it on your own.",
        )
    if text.lower().startswith("file:"):
        host, slash, rest = text[5:].removeprefix("//").partition("/")
        if host not in ("", "localhost") or not slash:
            raise AddressRefused("bad_address", "A file address must look like file:///home/you/project.")
        text = "/" + unquote(rest)
    if not text.isprintable():
        raise AddressRefused("bad_address", "The address has invisible characters. Type it again.")
    return Address(host="", path=str(_repository_folder(text)))


def _repository_folder(text: str) -> Path:
    try:
        folder = Path(text).resolve(strict=True)
        is_repository = (folder / ".git").exists() or all(
            (folder / name).exists() for name in ("HEAD", "objects", "refs")
        )
    except (OSError, RuntimeError):
        is_repository = False
    if not is_repository:
        raise AddressRefused("not_found", f"There is no git repository in {text[:200]}. Name the folder that holds it.")
    return folder


def lines_url(repository_url: str, commit: str, path: str, start: int, end: int) -> str:
    """The page that shows lines `start` to `end` (from 1, inclusive) at `commit`; "" where there is no such page."""
    try:
        address = parse(repository_url)
    except AddressRefused:
        return ""
    if address.is_local:
        return ""
    before, source, lines = _forms(address.host, start, end)
    # Hosts show some files as pages; their lines are seen only in the source.
    query = f"?{source}" if path.lower().endswith(_RENDERED) else ""
    return f"{address.web_url}/{before}/{commit}/{quote(path, safe='/', errors='surrogateescape')}{query}#{lines}"


def _forms(host: str, start: int, end: int) -> tuple[str, str, str]:
    """(what stands before the commit, the query for the source of a rendered file, the fragment) on `host`."""
    one = start == end
    if host == "github.com" or host.startswith("github."):
        return "blob", "plain=1", f"L{start}" if one else f"L{start}-L{end}"
    if "gitlab" in host:
        return "-/blob", "plain=1", f"L{start}" if one else f"L{start}-{end}"
    if host == "bitbucket.org":
        return "src", "viewer=source", f"lines-{start}" if one else f"lines-{start}:{end}"
    return "src/commit", "display=source", f"L{start}" if one else f"L{start}-L{end}"  # Forgejo, Gitea
