"""Paths, links, trees, histories and hosts, each with how it has to end."""

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from tests.git_fixtures import Repository
from tests.hostile.cases import GOOD, INDEXED, Build, Case, Place

CODE = "def odd(name):\n    return name\n"
SECTION = "Repositories"

PATHS: dict[str, tuple[bytes, str]] = {
    "a line feed": (b"new\nline.py", "path"),
    "a carriage return": (b"car\rriage.py", "path"),
    "a tab": (b"tab\t.py", "path"),
    "a quote": (b'quo"te.py', INDEXED),
    "an apostrophe": (b"it's.py", INDEXED),
    "a backslash": (b"back\\slash.py", INDEXED),
    "a backspace": (b"back\x08space.py", "path"),
    "an escape of terminals": (b"\x1b[31mred.py", "path"),
    "invalid UTF-8": (b"\xff\xfe.py", "path"),
    "overlong UTF-8": (b"a\xc0\xafb.py", "path"),
    "a surrogate": (b"\xed\xa0\x80.py", "path"),
    "latin-1": ("é.py".encode("latin-1"), "path"),
    "bidi override": ("a\u202eyp.py".encode(), "path"),
    "zero-width": ("a\u200b.py".encode(), "path"),
    "tag characters": ("a\U000e0041.py".encode(), "path"),
    "an option": (b"-rf", INDEXED),
    "an option of git": (b"--upload-pack=touch x", INDEXED),
    "an option in a folder": (b"-x/--output=y.py", INDEXED),
    ".GIT/": (b".GIT/config.py", INDEXED),
    ".git/": (b".git/config.py", INDEXED),
    "git~1": (b"git~1/config.py", INDEXED),
    "a space": (b"a b.py", INDEXED),
    "a space at the end": (b"a.py ", INDEXED),
    "a dot at the end": (b"a.py.", INDEXED),
    "three dots": (b".../a.py", INDEXED),
    "a star": (b"*.py", INDEXED),
    "what addresses are made of": (b"a?b=c#d&e%2e%2e%2f.py", INDEXED),
    "a percent sign that is none": (b"100%zz.py", INDEXED),
    "an address": (b"https:/evil.example/a.py", INDEXED),
    "a drive": (b"C:\\windows\\a.py", INDEXED),
    "a device": (b"CON.py", INDEXED),
    "markup": (b"<img src=x onerror=alert(1)>.py", INDEXED),
    "a template": (b"{{7*7}}{% debug %}.py", INDEXED),
    "a formula": (b"=cmd|' /C calc'!A0.py", INDEXED),
    "SQL": (b"'; DROP TABLE rag_chunk; --.py", INDEXED),
    "a placeholder": (b"%s%(x)s{0}.py", INDEXED),
    "Chinese": ("任务/领取.py".encode(), INDEXED),
    "right to left": ("שלום.py".encode(), INDEXED),
    "emoji": ("👩‍👩‍👧.py".encode(), "path"),  # joined by zero-width characters
    "an emoji by itself": ("🎉.py".encode(), INDEXED),
    "1,024 bytes": (b"a" * 1_021 + b".py", INDEXED),
    "1,025 bytes": (b"a" * 1_022 + b".py", "path"),
    "400 folders": (b"d/" * 400 + b"a.py", INDEXED),
    "the stand-in of another": ("a… [" .encode() + b"0" * 32 + b"]", "path"),
}  # fmt: skip

LINKS: dict[str, bytes] = {
    "to a file beside it": b"good.py",
    "to a file of the server": b"/etc/passwd",
    "to a folder of the server": b"/etc",
    "upwards": b"../../../../../../etc/passwd",
    "to itself": b"link.py",
    "to nothing": b"no-such-file",
    "to a folder": b"src",
    "to git's own": b".git/config",
    "to /proc": b"/proc/self/environ",
    "to a device": b"/dev/zero",
    "with a line feed": b"a\nb",
    "with a NUL": b"a\0b",
    "empty": b"",
    "without end": b"a" * 60_000,
}


def repositories() -> Iterator[Case]:
    for name, (path, end) in PATHS.items():
        yield _case(f"a path of {name}", _files({path: CODE}), {end: 1})
    for name, target in LINKS.items():
        yield _case(f"a link {name}", _files({b"link.py": target}, mode="120000"), {"not_a_file": 1})
    yield from _links()
    yield from _trees()
    yield from _rules()
    yield from _histories()
    yield from _broken()
    yield from _hosts()


def _case(name: str, build: Build, ends: Mapping[str, int], **more: Any) -> Case:
    return Case(section=SECTION, name=name, build=build, ends=ends, **more)


def _refused(name: str, build: Build, code: str, *, was_read: bool = True, **more: Any) -> Case:
    return Case(section=SECTION, name=name, build=build, code=code, was_read=was_read, **more)


def _links() -> Iterator[Case]:
    """And other things that are no files."""
    link = "120000"
    yield _case("a link called README.md", _files({b"README.md": b"/etc/passwd"}, mode=link), {"not_a_file": 1})
    yield _case(
        "a link called .gitattributes", _files({b".gitattributes": b"/etc/passwd"}, mode=link), {"not_a_file": 1}
    )
    yield _refused("a link called .docentignore", _files({b".docentignore": b"good.py"}, mode=link), "bad_ignore")
    yield _case("a submodule", _submodules(b"sub"), {"not_a_file": 1})
    yield _case("a submodule called README.md", _submodules(b"README.md"), {"not_a_file": 1})
    yield _case("modules that run programs", _files({b".gitmodules": MODULES}), {"data": 1})
    yield _case("a file of everybody", _files({b"odd.py": CODE}, mode="100777"), {INDEXED: 1})
    yield _case("a file of nobody", _files({b"odd.py": CODE}, mode="100000"), {INDEXED: 1})
    yield _case("a mode that there is not", _files({b"odd.py": CODE}, mode="177777"), {"not_a_file": 1})
    yield _refused(
        "only binaries", _only({b"a.png": b"\x89PNG", b"b.so": b"\x7fELF", b"c.py": bytes(9)}), "nothing_to_read"
    )
    yield _refused("only links", _only({b"a.py": b"/etc/passwd", b"b": b".."}, mode=link), "nothing_to_read")
    yield _refused("only submodules", _only({b"a": b"", b"b": b""}, mode="160000"), "nothing_to_read")
    yield _refused("only empty files", _only({b"a.py": b"", b"b.py": b"\n\n"}), "nothing_to_read")


def _trees() -> Iterator[Case]:
    """Trees that no git would write."""
    yield _case("names that clash by case", _files({b"odd.py": CODE, b"ODD.py": CODE, b"Odd.PY": CODE}), {INDEXED: 3})
    forms = {"\u00e9.py".encode(): CODE, "e\u0301.py".encode(): CODE, "\ufb01.py".encode(): CODE, b"fi.py": CODE}
    yield _case("names that clash by normal form", _files(forms), {INDEXED: 4})
    yield _case("a file and a folder of a name", _tree((b"a", None), (b"a", CODE)), {INDEXED: 2})
    yield _case("a name twice", _tree((b"a.py", CODE), (b"a.py", "x = 2\n")), {INDEXED: 1})
    yield _case("names out of order", _tree((b"z.py", CODE), (b"a.py", CODE), (b"m.py", CODE)), {INDEXED: 3})
    yield _case("a folder called ..", _tree((b"..", None)), {"path": 1})
    yield _case("a folder called .", _tree((b".", None)), {"path": 1})
    yield _case("a folder called .git", _tree((b".git", None)), {INDEXED: 1})
    yield _case("a file with a slash in its name", _tree((b"../../etc/odd.py", CODE)), {"path": 1})
    yield _case("a file that is absolute", _tree((b"/etc/odd.py", CODE)), {"path": 1})
    yield _case("2,000 folders in each other", _deep(2_000), {"path": 1})
    yield _refused("a file without a name", _tree((b"", CODE)), "damaged")
    yield _case("one text in many files", _files({b"%d.py" % n: CODE for n in range(30)}), {INDEXED: 30})
    count = 20_000 - len(GOOD)
    room = {"RAG_MAX_TEXT_BYTES": sum(map(len, GOOD.values())) + 30 * len(CODE)}
    yield _case("20,000 files", _many(count), {INDEXED: 30, "over_limit": count - 30}, settings=room)
    yield _refused("20,001 files", _many(20_001 - len(GOOD)), "too_large")
    yield _refused("paths of 2 MB", _long_paths, "too_large")


def _rules() -> Iterator[Case]:
    """The repository's own rules, which are followed or refused."""
    yield _case("a .docentignore that leaves one out", _ruled(b"odd.py\n"), {"ignored": 1, "data": 1})
    yield _case("an empty .docentignore", _ruled(b""), {INDEXED: 1, "data": 1})
    for name, rules in {
        "is no text": b"\xff\xfe\0",
        "has a NUL": b"a\0b\n",
        "has a bracket open": b"[a\n",
        "climbs": b"../x\n",
        "has too many rules": b"a\n" * 1_001,
        "has a rule too long": b"a" * 300,
        "is too large": b"# x\n" * 12_501,
        "leaves everything out": b"*\n",
    }.items():
        code = "nothing_to_read" if rules == b"*\n" else "bad_ignore"
        yield _refused(f"a .docentignore that {name}", _ruled(rules), code)
    attributes = {
        "of filters": b"* filter=lfs diff=x merge=x text eol=crlf working-tree-encoding=UTF-16\n[attr]x filter\n",
        "of bytes": bytes(range(256)) * 8,
        "without end": b"*.py linguist-vendored=" + b"x" * 40_000,
        "of macros that name each other": b"[attr]a b\n[attr]b a\n* a b\n",
        "of stars": b"*a" * 900 + b" linguist-vendored\n",
    }
    for name, content in attributes.items():
        yield _case(f".gitattributes {name}", _files({b".gitattributes": content}), {"data": 1})


def _histories() -> Iterator[Case]:
    """Branches and commits."""
    yield _refused("no commits", _without_commits, "empty")
    yield _refused("a HEAD to a missing branch", _git("symbolic-ref", "HEAD", "refs/heads/nowhere"), "no_branch")
    yield _refused("a branch that there is not", _nothing, "no_branch", ref="nowhere")
    yield _refused("a branch that is an option", _nothing, "no_branch", ref="--upload-pack=touch x")
    yield _refused("a branch that is a pattern", _nothing, "no_branch", ref="ma*")
    for branch in (
        "-rf",
        "--help",
        "feature/ü",
        "a#b",
        "it's",
        "user@x",
        "HEAD",
        "refs/heads/main",
        "a;b",
        "a$(b)c",
        "🎉",
    ):
        yield _case(f"a default branch called {branch}", _default_branch(branch), {INDEXED: 1})
    for branch in ("feature/ü", "a#b", "it's", "user@x", "HEAD", "refs/heads/main", "a;b", "a$(b)c", "🎉"):
        yield _case(f"a branch called {branch}", _branch(branch), {INDEXED: 1}, ref=branch)
    yield _case("a HEAD to a commit", _detached, {INDEXED: 1})
    yield _case("a tag of a tag of a tag", _tags, {INDEXED: 1}, ref="v3")
    yield _refused("a tag of a file", _tag_of_a_blob, "git", ref="blob")
    yield _case("a history that was written anew", _rewritten, {INDEXED: 1})
    yield _case("a commit from before 1970", _dated("-86400 +0000"), {INDEXED: 1})
    yield _case("a commit of the year 10,000,000", _dated("315360000000000 +0000"), {INDEXED: 1})
    yield _case("a commit of no date", _dated("never +9999"), {INDEXED: 1})
    yield _case("a message of 1 MB in no encoding", _message(b"\xff\0" * 500_000), {INDEXED: 1})
    yield _case("no message", _message(b""), {INDEXED: 1})


def _broken() -> Iterator[Case]:
    """Objects that are not what they should be."""
    yield _refused("a file that is missing", _without_an_object("blob"), "damaged")
    yield _refused("a folder that is missing", _without_an_object("tree"), "damaged")
    yield _refused("a commit that is missing", _without_an_object("commit"), "gone")
    yield _refused("a file that is damaged", _damaged, "damaged")
    yield _refused("a folder that is a file", _tree_that_is_a_blob, "damaged")
    yield _refused("a tree of no sense", _garbled_tree, "damaged")
    yield _case("a branch that is no commit but a tree", _branch_of_a_tree, {})


def _hosts() -> Iterator[Case]:
    """What a repository that was read once can become."""
    yield _case("at an https host", _files({b"odd.py": CODE}), {INDEXED: 1}, is_served=True)
    yield _case("force-pushed", _rewritten, {INDEXED: 1}, is_served=True)
    yield _refused("gone", _gone, "not_found", is_served=True)
    yield _refused("private", _private, "not_found", is_served=True)
    yield _refused("moved", _moved, "moved", is_served=True)
    yield _refused("no longer a repository", _garbled_host, "not_found", is_served=True)
    yield _case("a host in trouble, which passes", _in_trouble, {}, is_served=True, was_read=True)
    yield _refused("a new one at a host in trouble", _in_trouble, "network", is_served=True, was_read=False)
    yield _refused("a host that breaks off", _breaks_off, "network", is_served=True)


# What they are built of


def _files(files: Mapping[bytes, str | bytes], mode: str = "100644") -> Build:
    def build(place: Place) -> None:
        for path, content in files.items():
            place.repository.add(path, content, mode)
        place.repository.commit()

    return build


def _only(files: Mapping[bytes, bytes], mode: str = "100644") -> Build:
    def build(place: Place) -> None:
        repository = place.repository
        repository.commit(dict.fromkeys(GOOD))
        if mode == "160000":
            for path in files:
                repository.link(path, "1" * 40, mode)
            repository.commit()
        else:
            _files(files, mode)(place)

    return build


def _tree(*records: tuple[bytes, str | None]) -> Build:
    """A root of the good files and `records` in that order; None makes a folder with a file in it."""

    def build(place: Place) -> None:
        repository = place.repository
        folder = repository.tree([("100644", b"odd.py", repository.blob(CODE))])
        odd = [
            ("40000", name, folder) if content is None else ("100644", name, repository.blob(content))
            for name, content in records
        ]
        repository.commit_tree(repository.tree([*_good(repository), *odd]))

    return build


def _good(repository: Repository) -> list[tuple[str, bytes, str]]:
    """The good files as records of a root."""
    (top, text), (deep, other) = GOOD.items()
    _, folder, name = deep.split("/")
    inner = repository.tree([("100644", name.encode(), repository.blob(other))])
    outer = repository.tree([("40000", folder.encode(), inner)])
    return [("100644", top.encode(), repository.blob(text)), ("40000", b"src", outer)]


def _many(count: int) -> Build:
    def build(place: Place) -> None:
        blob = place.repository.blob(CODE)
        sha = place.repository.tree([("100644", b"z%05d.py" % n, blob) for n in range(count)])
        for _ in range(3):  # what is near the root is read first
            sha = place.repository.tree([("40000", b"z", sha)])
        place.repository.commit_tree(place.repository.tree([*_good(place.repository), ("40000", b"z", sha)]))

    return build


def _deep(folders: int) -> Build:
    def build(place: Place) -> None:
        sha = place.repository.tree([("100644", b"odd.py", place.repository.blob(CODE))])
        for _ in range(folders):
            sha = place.repository.tree([("40000", b"z", sha)])
        place.repository.commit_tree(place.repository.tree([*_good(place.repository), ("40000", b"z", sha)]))

    return build


def _long_paths(place: Place) -> None:
    repository = place.repository
    sha = repository.tree([("100644", b"x.py", repository.blob(CODE))])
    for _ in range(10):
        sha = repository.tree([("40000", b"y" * 200_000, sha)])
    repository.commit_tree(repository.tree([*_good(repository), ("40000", b"z", sha)]))


MODULES = b'[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c touch% x\n\tupdate = !touch x\n'


def _submodules(path: bytes) -> Build:
    def build(place: Place) -> None:
        place.repository.link(path, "1" * 40, "160000")
        place.repository.commit()

    return build


def _ruled(rules: bytes) -> Build:
    return _files({b".docentignore": rules, b"odd.py": CODE})


def _nothing(place: Place) -> None:
    """The repository stays as it is."""


def _git(*arguments: str) -> Build:
    return lambda place: place.repository.git(*arguments)


def _without_commits(place: Place) -> None:
    place.repository.git("update-ref", "-d", "refs/heads/main")


def _branch(branch: str) -> Build:
    return lambda place: place.repository.commit({"odd.py": CODE}, branch=branch)


def _default_branch(branch: str) -> Build:
    def build(place: Place) -> None:
        _branch(branch)(place)
        place.repository.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        place.repository.git("update-ref", "-d", "refs/heads/main")

    return build


def _detached(place: Place) -> None:
    commit = place.repository.commit({"odd.py": CODE})
    place.repository.git("update-ref", "--no-deref", "HEAD", commit)
    (place.repository.path / "HEAD").write_text(f"{commit}\n")


def _tags(place: Place) -> None:
    place.repository.commit({"odd.py": CODE})
    for name, of in (("v1", "main"), ("v2", "v1"), ("v3", "v2")):
        place.repository.git("tag", "-a", "-m", "x", name, of)


def _tag_of_a_blob(place: Place) -> None:
    place.repository.git("tag", "blob", place.repository.blob("x"))


def _rewritten(place: Place) -> None:
    """Another first commit, and nothing left of the one before."""
    repository = place.repository
    repository.add("odd.py", CODE)
    tree = repository.git("rev-parse", f"{repository.commit()}^{{tree}}")
    fresh = repository.git("commit-tree", tree, "-m", "all new")
    repository.git("update-ref", "refs/heads/main", fresh)
    repository.git("gc", "--quiet", "--prune=now")


def _commit(head: bytes, message: bytes) -> Build:
    """A commit object as it stands: {tree} stands for the tree of the good files and an odd one."""

    def build(place: Place) -> None:
        repository = place.repository
        tree = repository.git("rev-parse", f"{repository.commit({'odd.py': CODE})}^{{tree}}")
        body = head.replace(b"{tree}", tree.encode()) + b"\n" + message
        sha = repository.store(b"commit", body)
        repository.git("update-ref", "refs/heads/main", sha)

    return build


def _dated(date: str) -> Build:
    who = f"A <a@example.org> {date}".encode()
    return _commit(b"tree {tree}\nauthor " + who + b"\ncommitter " + who + b"\n", b"x\n")


def _message(text: bytes) -> Build:
    who = b"A <a@example.org> 1 +0000"
    return _commit(b"tree {tree}\nauthor " + who + b"\ncommitter " + who + b"\nencoding nowhere\n", text)


def _object(repository: Repository, sha: str) -> Any:
    return repository.path / "objects" / sha[:2] / sha[2:]


def _without_an_object(kind: str) -> Build:
    def build(place: Place) -> None:
        repository = place.repository
        commit = repository.commit({"odd/odd.py": CODE})
        name = {"blob": "main:odd/odd.py", "tree": "main:odd", "commit": commit}[kind]
        _object(repository, repository.git("rev-parse", name)).unlink()

    return build


def _damaged(place: Place) -> None:
    place.repository.commit({"odd.py": CODE})
    file = _object(place.repository, place.repository.git("rev-parse", "main:odd.py"))
    file.write_bytes(b"no zlib" + file.read_bytes()[7:])


def _tree_that_is_a_blob(place: Place) -> None:
    repository = place.repository
    repository.commit_tree(repository.tree([*_good(repository), ("40000", b"z", repository.blob(CODE))]))


def _garbled_tree(place: Place) -> None:
    repository = place.repository
    repository.commit_tree(repository.store(b"tree", b"100644 a.py\0" + b"too short"))


def _branch_of_a_tree(place: Place) -> None:
    repository = place.repository
    tree = repository.tree(_good(repository))
    (repository.path / "refs/heads/main").write_text(f"{tree}\n")


def _gone(place: Place) -> None:
    shutil.rmtree(place.repository.path)


def _private(place: Place) -> None:
    place.host.behaviour.token = "Basic nobody-knows"


def _moved(place: Place) -> None:
    place.host.behaviour.status = 301
    place.host.behaviour.location = "https://localhost:1/elsewhere/name"


def _garbled_host(place: Place) -> None:
    (place.repository.path / "HEAD").write_text("no repository")


def _in_trouble(place: Place) -> None:
    place.host.behaviour.status = 503


def _breaks_off(place: Place) -> None:
    place.repository.commit({"odd.py": os.urandom(30_000)})
    place.host.behaviour.cut_after = 3_000
