"""What can go wrong between here and a repository, each with a sentence for whoever has to mend it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager


class SourceError(Exception):
    """A repository could not be had.

    `str(error)` says what happened and what to do, without credentials and without paths of this computer's temporary
    folder. `code` is stable. A `permanent` failure comes back until somebody changes something; others may pass by
    themselves.
    """

    def __init__(self, code: str, sentence: str, *, permanent: bool) -> None:
        super().__init__(sentence)
        self.code = code
        self.permanent = permanent


class AddressRefused(SourceError):
    """The address is not one that may be read."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, permanent=True)


class RulesRefused(SourceError):
    """The repository says what is to be left out, but not so that it can be followed.

    Nothing is read then: what its owner wants left out would be published.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("bad_ignore", sentence, permanent=True)


class GitFailed(Exception):
    """git ended with an error; the message is what it wrote, scrubbed."""


def no_branch(name: str, ref: str) -> SourceError:
    sentence = f"{name} has no branch or tag {ref!r}. Check the name, or leave it empty for the default branch."
    return SourceError("no_branch", sentence, permanent=True)


def no_default_branch(name: str) -> SourceError:
    sentence = (
        f"The default branch of {name} does not exist. Name the branch to read, or set another default on the host."
    )
    return SourceError("no_branch", sentence, permanent=True)


def empty(name: str) -> SourceError:
    return SourceError("empty", f"{name} has no commits yet. Push one, then process it again.", permanent=True)


def timeout(name: str, seconds: float) -> SourceError:
    sentence = f"Fetching {name} took longer than {seconds:g} s. It is tried again; RAG_CLONE_TIMEOUT allows more."
    return SourceError("timeout", sentence, permanent=False)


def too_large(name: str, limit: int) -> SourceError:
    sentence = f"{name} is larger than {limit / 1e6:,.0f} MB. Choose a smaller repository or raise RAG_MAX_CLONE_BYTES."
    return SourceError("too_large", sentence, permanent=True)


def too_many_files(name: str, limit: int) -> SourceError:
    sentence = f"{name} has more than {limit:,} files. Choose a smaller repository or raise RAG_MAX_FILES."
    return SourceError("too_large", sentence, permanent=True)


def too_long_a_path(name: str, limit: int) -> SourceError:
    sentence = f"{name} has a path of more than {limit:,} bytes. Choose another repository, or rename its folders."
    return SourceError("too_large", sentence, permanent=True)


def too_long_paths(name: str) -> SourceError:
    sentence = f"The paths of {name} are too long to list. Choose another repository or raise RAG_MAX_FILES."
    return SourceError("too_large", sentence, permanent=True)


def no_git() -> SourceError:
    return SourceError(
        "no_git", "The program git is not installed here. Install it, then process again.", permanent=True
    )


_DISK_FULL = "This machine's disk is full. Free some of it"
_TOO_MANY_FILES = "This machine has too many files open. End some programs or raise the limit (ulimit -n)"
_SHORTAGES = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
    errno.ENOMEM: "This machine's memory is used up. End some programs",
    errno.EAGAIN: "This machine runs too many programs. End some of them",
}


@contextmanager
def of_machine(name: str) -> Iterator[None]:
    """Raises as a SourceError (machine) what the system refuses while it works on the repository `name`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        what = _SHORTAGES.get(error.errno or 0, f"This machine's system refused to work on it ({reason}). Mend that")
        raise SourceError("machine", f"{what}; {name} is tried again.", permanent=False) from error


# In this order: what git writes (LC_ALL=C), the code, whether it is permanent, and the sentence.
_BROKEN = (
    "Could not resolve|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|timed out|early EOF|"
    "Operation too slow|unexpected disconnect|hung up|RPC failed|Empty reply|[Nn]etwork is unreachable|TLS|gnutls|"
    "transfer closed|Recv failure|Send failure|invalid index-pack output|bytes? (of .*)?missing"
)
_KNOWN = (
    (
        "(?m)^(?!remote: ).*(No space left on device|Disk quota exceeded|unknown write failure on standard output)",
        ("machine", False, f"{_DISK_FULL}; {{name}} is tried again."),
    ),
    (
        "returned error: 30\\d|unable to update url base from redirection",
        ("moved", True, "{name} has moved. Open it in a browser and use its new address."),
    ),
    (
        "certificate|SSL_ERROR|unable to get local issuer",
        ("certificate", True, "The certificate of {name} is not trusted. Check the address, or set GIT_SSL_CAINFO."),
    ),
    (
        "transport '.*' not allowed|protocol '.*' is not supported",
        ("host_refused", True, "{name} asks for a protocol that is not allowed. Use its https address."),
    ),
    (
        "returned error: (429|5\\d\\d)",
        ("network", False, "The host of {name} answered with an error of its own. It is tried again."),
    ),
    (
        "Couldn't find remote ref|not our ref|unadvertised object",
        ("gone", False, "The commit that was asked of {name} is no longer there. The newest one is tried again."),
    ),
    (
        "repository corruption on the remote side|(loose|packed) object \\w+ .*is corrupt",
        (
            "damaged",
            False,
            "{name} is damaged: its host cannot read all of it. Push it anew or run git fsck there; it is tried again.",
        ),
    ),
    (
        _BROKEN,
        (
            "network",
            False,
            "{name} could not be reached, or the connection broke. It is tried again; is the network up?",
        ),
    ),
)
_REFUSED = r"could not read (Username|Password)|Authentication failed|returned error: (401|403)|Invalid username or"
_ABSENT = r"returned error: (404|410)|not found|does not appear to be a git repository|does not exist"


def explain(message: str, name: str, *, has_token: bool) -> SourceError:
    """The failure that git's scrubbed `message` about the repository `name` means."""
    if has_token and re.search(_REFUSED, message):
        sentence = f"The host refused the token for {name}. Check its entry in RAG_GIT_TOKENS: it may have expired."
        return SourceError("auth", sentence, permanent=True)
    if re.search(f"{_REFUSED}|{_ABSENT}", message):
        sentence = (
            f"{name} does not exist or is private. Check the address; for a private one set RAG_GIT_TOKENS=host=token."
        )
        return SourceError("not_found", sentence, permanent=True)
    for pattern, (code, permanent, sentence) in _KNOWN:
        if re.search(pattern, message):
            return SourceError(code, sentence.format(name=name), permanent=permanent)
    return SourceError("git", f"git could not read {name}: {_last_line(message)} It is tried again.", permanent=False)


def _last_line(message: str) -> str:
    lines = [line for line in message.splitlines() if line.strip()] or ["it gave no reason."]
    line = re.sub(r"[^\x20-\x7e]+", " ", lines[-1]).strip()[:200]
    return line if line.endswith(".") else f"{line}."
