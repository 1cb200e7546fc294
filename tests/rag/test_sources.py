import base64
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from rag import sources
from rag.sources import environment, errors
from rag.sources import git as running
from tests.git_fixtures import HttpsHost, Repository, certificate

ABSENT = "0" * 39 + "1"
pytestmark = pytest.mark.usefixtures("own_temporary_folder")


@pytest.fixture
def local(settings: Settings) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = True


def failure(url: str, ref: str = "") -> sources.SourceError:
    """What fetching fails with."""
    with pytest.raises(sources.SourceError) as caught, sources.fetch(url, ref) as clone:
        clone.entries()
    return caught.value


def contents(clone: sources.Clone) -> dict[str, bytes | None]:
    entries = [entry for entry in clone.entries() if entry.mode != "160000"]
    return {e.path: text for e, (_sha, text) in zip(entries, clone.read(e.blob_sha for e in entries), strict=True)}


# Addresses


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("https://github.com/o/n", "https://github.com/o/n.git"),
        ("https://github.com/o/n/", "https://github.com/o/n.git"),
        ("https://github.com/o/n.git", "https://github.com/o/n.git"),
        (" HTTPS://GitHub.com:443/Owner/.github ", "https://github.com/Owner/.github.git"),
        ("https://gitlab.com/group/sub/name", "https://gitlab.com/group/sub/name.git"),
        ("https://codeberg.org/o/n.js", "https://codeberg.org/o/n.js.git"),
    ],
)
def test_an_address_is_taken_apart_and_rebuilt(given_url: str, url: str) -> None:
    assert sources.parse(given_url).url == url


ATTACKS = [
    "ext::sh -c touch% /tmp/x",
    "ext::https://github.com/o/n",
    "file:///etc",
    "/etc",
    "../../etc",
    "C:\\repo",
    "ssh://-oProxyCommand=x/o/n",
    "git@github.com:o/n.git",
    "git://github.com/o/n",
    "http://github.com/o/n",
    "--upload-pack=touch /tmp/x",
    "-u https://github.com/o/n",
    "https://github.com@evil.example/o/n",
    "https://user:pw@github.com/o/n",
    "https://github.com.evil.example/o/n",
    "https://evil.example/github.com/o/n",
    "https://github.com\\@evil.example/o/n",
    "https://github.com#@evil.example/o/n",
    "https://github.com?x=/o/n",
    "https://github.com/o/n?x=1",
    "https://github.com/o/n#x",
    "https://github.com/o/../../x",
    "https://github.com/o/%2e%2e",
    "https://github.com/-o/n",
    "https://github.com/o/--upload-pack=x",
    "https://github.com/o/n\n--upload-pack=x",
    "https://github.com/o/n\x00",
    "https://gith\u200bub.com/o/n",
    "https://githuв.com/o/n",
    "https://github.com./o/n",
    "https://127.0.0.1/o/n",
    "https://[::1]/o/n",
    "https://169.254.169.254/latest/meta-data",
    "https://github.com:8080/o/n",
    "https://github.com//o/n",
    "https://github.com/o",
    "https://github.com/o/.git",
    "https://github.com/o/n/tree/main",
    "https://gitlab.com/o/n/-/tree/main",
    "https://github.com/o/n o",
    "https:/github.com/o/n",
    "javascript:alert(1)",
    "",
]


@pytest.mark.parametrize("address", ATTACKS)
def test_any_other_address_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(sources.AddressRefused) as caught:
        sources.parse(address)
    assert caught.value.permanent
    assert str(caught.value).isprintable() and str(caught.value).endswith(".")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("address", ATTACKS)
def test_no_git_is_started_for_an_address_that_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("started"))
    with pytest.raises(sources.AddressRefused):
        sources.head(address)


@given(st.one_of(st.text(), st.text().map("https://github.com/".__add__), st.from_regex(r"https://github\.com/.+")))
def test_whatever_is_parsed_is_an_allowed_host_and_plain_names(text: str) -> None:
    try:
        address = sources.parse(text)
    except sources.AddressRefused:
        return
    assert address.host in ("github.com", "gitlab.com", "codeberg.org")
    assert all(part.strip("._~+-") or part for part in address.path.split("/"))
    assert sources.parse(address.url) == address


ODD = ["https://", "HTTPS://", "github.com", "GitHub.com:443", "/owner/name", ".git", "@", ":", "/..", "%2e%2e", "#"]
ODD += ["gitlab.com/a/b/c", "\u3002", "\uff0f", "-", "ext::sh", "file://", " ", "\n", "\0", "\ud800", "[::1]", "x" * 99]
ADDRESSES = st.lists(st.sampled_from(ODD), max_size=8).map("".join) | st.text(st.characters(codec=None))


@given(ADDRESSES)
def test_any_address_is_rebuilt_from_plain_names_or_refused_with_a_sentence(text: str) -> None:
    try:
        address = sources.parse(text)
    except sources.AddressRefused as refused:
        assert str(refused).endswith(".") and str(refused).isprintable()
    else:
        assert re.fullmatch(r"https://(github|gitlab|codeberg)\.(com|org)(/[A-Za-z0-9_.~+-]+){2,10}\.git", address.url)
        assert not {"", ".", "..", ".git"} & set(address.path.split("/"))


@given(ADDRESSES)
def test_any_branch_is_taken_as_it_is_or_refused_with_a_sentence(text: str) -> None:
    try:
        assert sources.check_ref(text) == text
    except sources.AddressRefused as refused:
        assert str(refused).endswith(".") and str(refused).isprintable()
    else:
        assert not text.startswith("-") and text.isprintable()


@given(ADDRESSES, st.text(st.characters(codec=None, exclude_categories=["Cs"])), st.integers(1, 10**9))
def test_lines_of_any_path_are_a_page_of_the_repository(url: str, path: str, line: int) -> None:
    found = sources.lines_url(url, "c0ffee", path, line, line + 1)
    assert found == "" or (found.isascii() and found.startswith(f"{sources.parse(url).web_url}/"))
    assert not set(found) & set(" <>\"'\\`\n\r\t")


@given(st.text(st.characters(codec=None)) | st.lists(st.sampled_from(
    ["fatal: ", "remote: ", "not found", "early EOF", "returned error: 503", "\n", "\x1b[31m", "{name}", "x" * 300]
)).map("".join))  # fmt: skip
def test_whatever_git_writes_is_told_in_a_sentence(message: str) -> None:
    error = errors.explain(message, "github.com/owner/name", has_token=False)
    assert str(error).isprintable() and str(error).endswith((".", "?")) and len(str(error)) < 400


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.0", "fonctionnalité", "a#b", "it's", "user@x", "1"])
def test_branches_may_have_odd_names(ref: str) -> None:
    assert sources.check_ref(ref) == ref


@pytest.mark.parametrize(
    "ref", ["-x", "a..b", "a b", "a*", "a:b", "a^", "a~1", "a\\b", "a\n", "x.lock", "/a", "a/", "a@{1}", "?"]
)
def test_what_cannot_be_a_branch_is_refused(ref: str) -> None:
    with pytest.raises(sources.AddressRefused) as caught:
        sources.check_ref(ref)
    assert caught.value.code == "no_branch"


def test_a_folder_of_this_computer_is_refused_unless_allowed(repository: Repository, settings: Settings) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = False
    for address in (str(repository.path), f"file://{repository.path}", "/does/not/exist"):
        assert failure(address).code == "local_refused"


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}", "{}/"])
def test_a_folder_is_read_where_that_is_allowed(form: str, repository: Repository, local: None) -> None:
    commit = repository.commit({"a.py": "x = 1\n"})
    with sources.fetch(form.format(repository.path)) as clone:
        assert (clone.commit, contents(clone)) == (commit, {"a.py": b"x = 1\n"})


def test_a_work_tree_is_read_by_its_commit_and_not_by_its_files(
    repository: Repository, tmp_path: Path, local: None
) -> None:
    repository.commit({"a.py": "committed\n"})
    tree, linked = tmp_path / 'it\'s a \\ "tree"', tmp_path / "linked"
    shutil.copytree(repository.path, tree / ".git")
    (tree / "a.py").write_text("changed\n")
    repository.git("worktree", "add", "--quiet", str(linked), "main")
    for folder in (tree, linked):
        with sources.fetch(str(folder)) as clone:
            assert contents(clone) == {"a.py": b"committed\n"}


def test_a_folder_of_another_user_is_read(repository: Repository, local: None) -> None:
    if os.getuid():
        pytest.skip("only root can give a folder away")
    commit = repository.commit({"a.py": "x\n"})
    for path in [repository.path, *repository.path.rglob("*")]:
        os.chown(path, 12_345, 12_345)
    assert sources.head(str(repository.path)) == commit


@pytest.mark.parametrize(
    "address", ["/does/not/exist", "{}", "file://elsewhere/x", "file:relative", "/\x00", "file:///%00"]
)
def test_a_folder_that_is_no_repository_is_refused(address: str, tmp_path: Path, local: None) -> None:
    assert failure(address.format(tmp_path)).code in ("not_found", "bad_address")


# Links to lines


@pytest.mark.parametrize(
    ("url", "path", "lines", "expected"),
    [
        ("https://github.com/o/n.git", "a/b.py", (1, 9), "https://github.com/o/n/blob/c0/a/b.py#L1-L9"),
        ("https://github.com/o/n", "a.py", (3, 3), "https://github.com/o/n/blob/c0/a.py#L3"),
        ("https://github.com/o/n", "README.md", (1, 2), "https://github.com/o/n/blob/c0/README.md?plain=1#L1-L2"),
        ("https://github.com/o/n", "ü #?%.py", (1, 2), "https://github.com/o/n/blob/c0/%C3%BC%20%23%3F%25.py#L1-L2"),
        ("https://gitlab.com/g/s/n", "a.py", (1, 9), "https://gitlab.com/g/s/n/-/blob/c0/a.py#L1-9"),
        ("https://codeberg.org/o/n", "a.py", (1, 9), "https://codeberg.org/o/n/src/commit/c0/a.py#L1-L9"),
        (
            "https://codeberg.org/o/n",
            "a.md",
            (1, 9),
            "https://codeberg.org/o/n/src/commit/c0/a.md?display=source#L1-L9",
        ),
        ("https://bitbucket.org/o/n", "a.py", (1, 9), "https://bitbucket.org/o/n/src/c0/a.py#lines-1:9"),
        ("https://bitbucket.org/o/n", "a.md", (3, 3), "https://bitbucket.org/o/n/src/c0/a.md?viewer=source#lines-3"),
        ("https://evil.example/o/n", "a.py", (1, 9), ""),
        ("nonsense", "a.py", (1, 9), ""),
    ],
)
def test_lines_have_a_page_on_the_host(
    url: str, path: str, lines: tuple[int, int], expected: str, settings: Settings
) -> None:
    settings.RAG_ALLOWED_HOSTS = [*settings.RAG_ALLOWED_HOSTS, "bitbucket.org"]
    assert sources.lines_url(url, "c0", path, *lines) == expected


def test_a_local_repository_has_no_page(repository: Repository, local: None) -> None:
    assert sources.lines_url(str(repository.path), "c0", "a.py", 1, 2) == ""


# Over https


def test_it_fetches_one_commit_with_the_small_files(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    settings.RAG_MAX_FILE_BYTES = 100
    repository.commit({"old.py": "old\n"})
    commit = repository.commit({"old.py": None, "a.py": "a" * 100, "b/c.py": "", "big.py": "b" * 101})
    with sources.fetch(https_repository.url) as clone:
        sizes = {entry.path: entry.size for entry in clone.entries()}
        assert clone.commit == commit
        assert sizes == {"a.py": 100, "b/c.py": 0, "big.py": 101}
        assert contents(clone) == {"a.py": b"a" * 100, "b/c.py": b"", "big.py": None}


def test_a_huge_file_is_never_transferred(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a.py": "x\n", "zeros.py": bytes(50_000_000), "noise.py": os.urandom(3_000_000)})
    with sources.fetch(https_repository.url) as clone:
        clone.fetch_blobs(entry.blob_sha for entry in clone.entries())
        assert contents(clone) == {"a.py": b"x\n", "zeros.py": None, "noise.py": None}
    assert https_repository.bytes_sent < 10_000


def test_a_listing_alone_fetches_no_file_and_then_only_the_wanted_one(
    repository: Repository, https_repository: HttpsHost
) -> None:
    noise = {f"{n}.py": os.urandom(5_000).hex() for n in range(40)}
    repository.commit(noise)
    with sources.fetch(https_repository.url, complete=False) as clone:
        before, requests = https_repository.bytes_sent, len(https_repository.requests)
        entries = clone.entries()
        assert {entry.size for entry in entries} == {None}
        wanted = next(entry.blob_sha for entry in entries if entry.path == "7.py")
        clone.fetch_blobs([wanted])
        assert list(clone.read([wanted])) == [(wanted, noise["7.py"].encode())]
        assert [entry.path for entry in clone.entries() if entry.size is not None] == ["7.py"]
    assert before < 10_000 and https_repository.bytes_sent - before < 10_000
    assert len(https_repository.requests) == requests + 2


def test_nothing_is_fetched_behind_its_back(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({f"{n}.py": f"{n}\n" for n in range(5)})
    with sources.fetch(https_repository.url, complete=False) as clone:
        requests = len(https_repository.requests)
        assert set(contents(clone).values()) == {None}
        assert len(https_repository.requests) == requests


def test_many_missing_files_come_in_one_piece(
    repository: Repository, https_repository: HttpsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.sources.clone._FEW", 3)
    repository.commit({f"{n}.py": f"{n}\n" for n in range(5)})
    with sources.fetch(https_repository.url, complete=False) as clone:
        clone.fetch_blobs(entry.blob_sha for entry in clone.entries())
        assert contents(clone) == {f"{n}.py": f"{n}\n".encode() for n in range(5)}


def test_a_huge_file_among_the_wanted_ones_costs_only_itself(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    settings.RAG_MAX_FILE_BYTES = 1_000
    repository.commit({"a.py": "x\n", "noise.py": os.urandom(5_000_000)})
    https_repository.behaviour.bytes_a_second = 4_000_000
    with sources.fetch(https_repository.url, complete=False) as clone:
        clone.fetch_blobs(entry.blob_sha for entry in clone.entries())
        assert contents(clone) == {"a.py": b"x\n", "noise.py": None}


def test_a_host_that_fails_in_between_is_not_asked_for_everything_instead(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    repository.commit({"a.py": "x\n"})
    with sources.fetch(https_repository.url, complete=False) as clone:
        shas = [entry.blob_sha for entry in clone.entries()]
        https_repository.behaviour.status = 503
        with pytest.raises(sources.SourceError) as caught:
            clone.fetch_blobs(shas)
    assert not caught.value.permanent


def test_known_sizes_are_filled_in(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a.py": "x\n"})
    with sources.fetch(https_repository.url, complete=False) as clone:
        sha = clone.entries()[0].blob_sha
        assert clone.entries({sha: 2})[0].size == 2


def test_a_known_commit_saves_the_question_for_it(repository: Repository, https_repository: HttpsHost) -> None:
    commit = repository.commit({"a.py": "1\n"})
    assert sources.head(https_repository.url) == commit
    repository.commit({"a.py": "2\n"})
    https_repository.requests.clear()
    with sources.fetch(https_repository.url, commit=commit) as clone:
        assert contents(clone) == {"a.py": b"1\n"}
    assert len(https_repository.requests) == 2


def test_a_host_without_filters_is_read_all_the_same(repository: Repository, https_repository: HttpsHost) -> None:
    repository.git("config", "uploadpack.allowFilter", "false")
    repository.commit({"a.py": "x\n", "big.py": "b" * 60_000})
    with sources.fetch(https_repository.url, complete=False) as clone:
        assert contents(clone) == {"a.py": b"x\n", "big.py": None}
        assert [entry.size for entry in clone.entries()] == [2, 60_000]


def test_read_keeps_the_order_and_the_bytes(repository: Repository, https_repository: HttpsHost) -> None:
    blobs = [b"", b"\n", b"\0\n\0", b"x blob 3\n", b"no end of line", bytes(range(256)) * 100]
    repository.commit({f"{n}": content for n, content in enumerate(blobs)})
    with sources.fetch(https_repository.url) as clone:
        shas = [entry.blob_sha for entry in clone.entries()]
        asked = [*reversed(shas), ABSENT, *shas, shas[0]]
        assert [content for _sha, content in clone.read(asked)] == [*reversed(blobs), None, *blobs, blobs[0]]
        assert list(clone.read([])) == []


def test_thousands_of_files_fill_no_pipe(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({f"{n % 50}/{n}.py": f"{n}\n" * 50 for n in range(900)})
    with sources.fetch(https_repository.url) as clone:
        assert len([text for text in contents(clone).values() if text]) == 900


def test_links_and_submodules_are_listed_by_their_mode(repository: Repository, https_repository: HttpsHost) -> None:
    repository.add("link", "/etc/passwd", "120000")
    repository.add("up", "../../../etc", "120000")
    repository.link("sub", ABSENT, "160000")
    repository.add("run", "#!/bin/sh\n", "100755")
    repository.commit({".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c x\n'})
    with sources.fetch(https_repository.url) as clone:
        modes = {entry.path: entry.mode for entry in clone.entries()}
        assert modes["link"] == modes["up"] == "120000"
        assert (modes["sub"], modes["run"]) == ("160000", "100755")
        assert contents(clone)["link"] == b"/etc/passwd"


ODD_PATHS = [
    b"new\nline",
    b'quo"te',
    b"tab\t",
    b"\xff\xfe",
    b"-rf",
    b".GIT/config",
    b".git/config",
    b"back\\slash",
    b"a b",
    b"*",
]


def test_paths_of_every_kind_arrive_as_they_are(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a.py": "1", "A.py": "2", "é": "3", "e\u0301": "4"})
    for path in ODD_PATHS:
        repository.add(path, b"x")
    repository.commit({".gitattributes": "*.py linguist-generated\n"})
    with sources.fetch(https_repository.url) as clone:
        paths = {os.fsencode(entry.path) for entry in clone.entries()}
        assert paths >= {*ODD_PATHS, b"a.py", b"A.py", "é".encode(), "e\u0301".encode()}
        assert clone.attributes(["A.py"]) == {"A.py": {"linguist-generated"}}


def test_a_tree_bomb_ends_soon(repository: Repository, https_repository: HttpsHost, settings: Settings) -> None:
    settings.RAG_MAX_FILES = 500
    sha = repository.tree([("100644", b"%d" % n, repository.blob("x")) for n in range(10)])
    for _ in range(8):
        sha = repository.tree([("40000", b"%d" % n, sha) for n in range(10)])
    repository.commit_tree(sha)
    started = time.monotonic()
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("too_large", True)
    assert "2,000 files" in str(error) and time.monotonic() - started < 5


def test_as_many_files_as_the_limit_allows_are_listed(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    settings.RAG_MAX_FILES = 2
    repository.commit({f"{n}.py": "x" for n in range(8)})
    with sources.fetch(https_repository.url) as clone:
        assert len(clone.entries()) == 8
    repository.commit({"9.py": "x"})
    assert failure(https_repository.url).code == "too_large"


# Attributes


def test_attributes_come_from_every_folder_and_the_deeper_wins(
    repository: Repository, https_repository: HttpsHost
) -> None:
    repository.commit({
        ".gitattributes": "[attr]made linguist-generated\n*.gen.py made\nlib/** linguist-vendored\n# *.py made\n",
        "lib/.gitattributes": "own.py -linguist-vendored\n/deep/x.py linguist-generated=true\n"
        "sub/*.py linguist-documentation\n",
        'o [d]*d "/.gitattributes': "*.py linguist-generated=false\n",
        "a.gen.py": "1", "lib/b.py": "2", "lib/own.py": "3", "lib/x/own.py": "4", "lib/deep/x.py": "5",
        "lib/sub/s.py": "6",
        'o [d]*d "/e.py': "7", "plain.py": "8",
    })  # fmt: skip
    with sources.fetch(https_repository.url, complete=False) as clone:
        found = clone.attributes(entry.path for entry in clone.entries() if entry.path.endswith(".py"))
    assert found == {
        "a.gen.py": {"linguist-generated"},
        "lib/b.py": {"linguist-vendored"},
        "lib/own.py": {"-linguist-vendored"},
        "lib/x/own.py": {"-linguist-vendored"},
        "lib/deep/x.py": {"linguist-vendored", "linguist-generated"},
        "lib/sub/s.py": {"linguist-vendored", "linguist-documentation"},
        'o [d]*d "/e.py': {"-linguist-generated"},
    }


def test_filters_and_drivers_in_attributes_start_nothing(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({".gitattributes": "* filter=evil diff=evil merge=evil text eol=crlf ident\n", "a.py": "$Id$\n"})
    with sources.fetch(https_repository.url) as clone:
        assert clone.attributes(["a.py"]) == {}
        assert contents(clone)["a.py"] == b"$Id$\n"


def test_the_text_of_a_file_is_read_by_its_path(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({".docentignore": b"\xef\xbb\xbfa/\n"})
    with sources.fetch(https_repository.url, complete=False) as clone:
        assert [clone.text(path) for path in (".docentignore", "absent")] == ["a/\n", ""]


@pytest.mark.parametrize("complete", [True, False])
def test_rules_that_cannot_be_read_as_a_whole_are_not_none(
    repository: Repository, https_repository: HttpsHost, complete: bool
) -> None:
    repository.add("link", "x", "120000")
    repository.link("sub", ABSENT, "160000")
    repository.commit({"large": "a/\n" + "#" * 50_000, "latin": "ä/\n".encode("latin-1"), "wide": "a".encode("utf-16")})
    with sources.fetch(https_repository.url, complete=complete) as clone:
        for path in ("link", "sub", "large", "latin", "wide"):
            with pytest.raises(sources.RulesRefused, match=path) as caught:
                clone.text(path)
            assert (caught.value.code, caught.value.permanent) == ("bad_ignore", True)


# Branches


def test_a_ref_is_a_branch_first_and_then_a_tag(repository: Repository, https_repository: HttpsHost) -> None:
    first = repository.commit({"a": "1"})
    repository.git("-c", "tag.gpgSign=false", "tag", "--annotate", "--message=x", "v1")
    second = repository.commit({"a": "2"}, branch="feature/ü#1")
    repository.git("tag", "main", second)
    heads = [sources.head(https_repository.url, ref) for ref in ("", "main", "v1", "feature/ü#1")]
    assert heads == [first, first, first, second]


@pytest.mark.parametrize("complete", [True, False])
def test_an_annotated_tag_is_fetched(repository: Repository, https_repository: HttpsHost, complete: bool) -> None:
    commit = repository.commit({"a": "1"})
    repository.git("tag", "--annotate", "--message=x", "v1")
    repository.commit({"a": "2"})
    with sources.fetch(https_repository.url, "v1", complete=complete) as clone:
        clone.fetch_blobs(entry.blob_sha for entry in clone.entries())
        assert (clone.commit, contents(clone)) == (commit, {"a": b"1"})


def test_a_missing_branch_is_said(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a": "1"})
    error = failure(https_repository.url, "mian")
    assert (error.code, error.permanent) == ("no_branch", True)
    assert "'mian'" in str(error)


def test_a_default_branch_that_does_not_exist_is_said(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a": "1"}, branch="other")
    error = failure(https_repository.url)
    assert (error.code, "Name the branch" in str(error)) == ("no_branch", True)


@pytest.mark.parametrize("ref", ["", "main"])
def test_a_repository_without_commits_is_empty(https_repository: HttpsHost, ref: str) -> None:
    error = failure(https_repository.url, ref)
    assert (error.code, error.permanent) == ("empty", True)


def test_a_commit_that_a_push_removed_is_tried_again(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a": "1"})
    with pytest.raises(sources.SourceError) as caught, sources.fetch(https_repository.url, commit=ABSENT):
        pass
    assert (caught.value.code, caught.value.permanent) == ("gone", False)


# What goes wrong


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (401, "not_found", True),
        (403, "not_found", True),
        (404, "not_found", True),
        (410, "not_found", True),
        (301, "moved", True),
        (302, "moved", True),
        (307, "moved", True),
        (429, "network", False),
        (500, "network", False),
        (503, "network", False),
    ],
)
def test_what_the_host_answers_becomes_a_sentence(
    https_repository: HttpsHost, status: int, code: str, permanent: bool
) -> None:
    https_repository.behaviour.status = status
    https_repository.behaviour.location = "https://localhost:1/elsewhere" if status < 400 else ""
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == (code, permanent)
    assert "https://localhost:1" not in str(error)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("garbled", [b"no zlib", None])
def test_a_repository_that_is_damaged_is_not_taken_for_a_broken_connection(
    repository: Repository, https_repository: HttpsHost, complete: bool, garbled: bytes | None
) -> None:
    sha = repository.blob("x")
    repository.commit({"a.py": "x"})
    file = repository.path / "objects" / sha[:2] / sha[2:]
    file.write_bytes(garbled) if garbled else file.unlink()
    with pytest.raises(sources.SourceError) as caught, sources.fetch(https_repository.url, complete=complete) as clone:
        clone.fetch_blobs([sha])
    assert (caught.value.code, caught.value.permanent) == ("damaged", False)


def test_an_unknown_repository_is_said_to_be_absent_or_private(https_repository: HttpsHost) -> None:
    error = failure(f"https://{https_repository.host}/owner/absent")
    assert error.code == "not_found" and "private" in str(error) and "RAG_GIT_TOKENS" in str(error)


def test_a_redirect_is_not_followed(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a": "1"})
    shutil.copytree(repository.path, repository.path.parent / "new.git")
    https_repository.behaviour.status = 301
    https_repository.behaviour.location = f"https://{https_repository.host}/owner/new"
    assert failure(https_repository.url).code == "moved"
    assert len(https_repository.requests) == 1


def test_a_host_that_refuses_connections_is_tried_again(settings: Settings) -> None:
    settings.RAG_ALLOWED_HOSTS = ["localhost:1"]
    error = failure("https://localhost:1/o/n")
    assert (error.code, error.permanent) == ("network", False)


def test_a_name_that_nobody_knows_is_tried_again(settings: Settings) -> None:
    settings.RAG_ALLOWED_HOSTS = ["docent.invalid"]
    error = failure("https://docent.invalid/o/n")
    assert (error.code, error.permanent) == ("network", False)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    repository: Repository, https_repository: HttpsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a": "1"})
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate(tmp_path / "other")[0]))
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("certificate", True)


def test_a_host_that_never_answers_is_given_up(https_repository: HttpsHost, settings: Settings) -> None:
    settings.RAG_CLONE_TIMEOUT = 1
    https_repository.behaviour.stall = 3
    started = time.monotonic()
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("timeout", False)
    assert time.monotonic() - started < 2.5


def test_the_time_is_for_the_whole_fetch(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    repository.commit({"a": "1"})
    settings.RAG_CLONE_TIMEOUT = 1
    https_repository.behaviour.stall = 0.4
    assert failure(https_repository.url).code == "timeout"


def test_a_host_that_trickles_is_given_up(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    repository.commit({"a": os.urandom(40_000)})
    settings.RAG_CLONE_TIMEOUT = 2
    https_repository.behaviour.bytes_a_second = 1_000
    assert failure(https_repository.url).code == "timeout"


def test_a_connection_that_breaks_is_tried_again(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({"a": os.urandom(40_000)})
    https_repository.behaviour.cut_after = 20_000
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("network", False)


def test_a_repository_larger_than_the_limit_is_stopped_on_the_way(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    repository.commit({f"{n}": os.urandom(40_000) for n in range(100)})
    settings.RAG_MAX_CLONE_BYTES = 1_000_000
    https_repository.behaviour.bytes_a_second = 200_000
    started = time.monotonic()
    error = failure(https_repository.url)
    assert (error.code, error.permanent, "1 MB" in str(error)) == ("too_large", True, True)
    assert time.monotonic() - started < 15  # the whole takes 20 seconds


def test_a_repository_larger_than_the_limit_is_also_seen_at_the_end(
    repository: Repository, settings: Settings, local: None
) -> None:
    repository.commit({f"{n}": os.urandom(40_000) for n in range(3)})
    settings.RAG_MAX_CLONE_BYTES = 100_000
    assert failure(str(repository.path)).code == "too_large"


def test_what_is_fetched_later_counts_too(repository: Repository, settings: Settings, local: None) -> None:
    repository.commit({f"{n}": os.urandom(40_000) for n in range(10)})
    settings.RAG_MAX_CLONE_BYTES = 100_000
    with pytest.raises(sources.SourceError) as caught, sources.fetch(str(repository.path), complete=False) as clone:
        clone.fetch_blobs(entry.blob_sha for entry in clone.entries())
    assert caught.value.code == "too_large"


def test_without_git_the_sentence_says_so(https_repository: HttpsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/does/not/exist")
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("no_git", True)


def test_what_git_says_itself_is_shown_without_escapes_and_short() -> None:
    error = errors.explain("remote: x\nfatal: \x1b[31mstrange\u202e " + "y" * 900, "h/o/n", has_token=False)
    assert (error.code, error.permanent) == ("git", False)
    assert str(error).isprintable() and len(str(error)) < 300


def test_a_bomb_of_zeros_is_not_unpacked_in_memory(
    repository: Repository, https_repository: HttpsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("config", "uploadpack.allowFilter", "false")
    repository.commit({"zeros.py": bytes(120_000_000), "a.py": "x\n"})
    monkeypatch.setattr("rag.sources.git._MEMORY", 120_000_000)
    with sources.fetch(https_repository.url) as clone:
        assert contents(clone) == {"zeros.py": None, "a.py": b"x\n"}


# Tokens


def test_a_private_repository_is_read_with_the_token(
    repository: Repository, https_repository: HttpsHost, settings: Settings
) -> None:
    basic = "Basic " + base64.b64encode(b"x-access-token:s3cret").decode()
    https_repository.behaviour.token = basic
    settings.RAG_GIT_TOKENS = ["example.org=other", f"{https_repository.host}=s3cret"]
    repository.commit({"a": "1"})
    with sources.fetch(https_repository.url) as clone:
        assert contents(clone) == {"a": b"1"}
    assert {request.authorization for request in https_repository.requests} == {basic}


def test_a_token_goes_to_its_host_only(repository: Repository, https_repository: HttpsHost, settings: Settings) -> None:
    settings.RAG_GIT_TOKENS = ["example.org=s3cret", "localhost=s3cret"]
    repository.commit({"a": "1"})
    sources.head(https_repository.url)
    assert {request.authorization for request in https_repository.requests} == {None}


def test_a_token_that_the_host_refuses_is_said_and_not_shown(https_repository: HttpsHost, settings: Settings) -> None:
    https_repository.behaviour.token = "Basic something else"
    settings.RAG_GIT_TOKENS = [f"{https_repository.host}=s3cret"]
    error = failure(https_repository.url)
    assert (error.code, error.permanent) == ("auth", True)
    assert "s3cret" not in f"{error!r}{error.__cause__!r}"


def test_a_token_is_in_no_argument_and_no_file(
    repository: Repository,
    https_repository: HttpsHost,
    settings: Settings,
    own_temporary_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.RAG_GIT_TOKENS = [f"{https_repository.host}=s3cret"]
    commands: list[list[str]] = []
    start = subprocess.Popen

    def noted(command: list[str], **options: object) -> object:
        commands.append(command)
        return start(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", noted)
    repository.commit({"a": "1"})
    with sources.fetch(https_repository.url):
        written = b"".join(path.read_bytes() for path in own_temporary_folder.rglob("*") if path.is_file())
    forms = environment.secrets(https_repository.host)
    assert len(forms) == 2 and commands
    assert not [form for form in forms if form in str(commands) or form.encode() in written]


def test_what_git_writes_is_scrubbed(settings: Settings, tmp_path: Path) -> None:
    settings.RAG_GIT_TOKENS = ["github.com=bot:s3cret"]
    git = running.Git(home=tmp_path, address=sources.parse("https://github.com/o/n"), seconds_left=1)
    basic = base64.b64encode(b"bot:s3cret").decode()
    written = f"fatal: {basic} s3cret https://bot:pw@proxy.example {tmp_path}/x"
    assert git._scrubbed(written.encode()) == "fatal: *** *** https://proxy.example …/x"


# The environment


def test_git_sees_nothing_of_the_callers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GIT_DIR",
        "GIT_SSH_COMMAND",
        "GIT_EXEC_PATH",
        "GIT_PROXY_COMMAND",
        "LD_PRELOAD",
        "OPENAI_API_KEY",
        "GIT_TRACE",
    ):
        monkeypatch.setenv(name, "x")
    address = sources.parse("https://github.com/o/n")
    seen = environment.talking(tmp_path, address, tmp_path) | environment.silent(tmp_path)
    assert "x" not in seen.values()
    assert environment.talking(tmp_path, address, tmp_path)["GIT_ALLOW_PROTOCOL"] == "https"


def test_settings_of_the_machine_change_nothing(
    repository: Repository, https_repository: HttpsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit({"a": "1"})
    hook = f'[core]\n\tfsmonitor = "touch {tmp_path}/hooked"\n[url "https://localhost:1/"]\n\tinsteadOf = https://\n'
    (tmp_path / ".gitconfig").write_text(hook)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    assert sources.head(https_repository.url) == commit
    assert not (tmp_path / "hooked").exists()


def test_hooks_of_a_local_repository_do_not_run(repository: Repository, local: None, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    repository.git("config", "uploadpack.packObjectsHook", f"touch {tmp_path}/ran; false")
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        hook = repository.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    with sources.fetch(str(repository.path)) as clone:
        assert contents(clone) == {"a": b"1"}
    assert not (tmp_path / "ran").exists()


# Stopping


class Stop(BaseException):
    """What the command's signal handler raises."""


def running_in_group(group: int) -> list[str]:
    """The processes of a group that have not ended; one that nobody has waited for yet has."""
    shown = subprocess.run(["ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    found = [line.split(None, 2) for line in shown.splitlines()]
    return [args for pgid, state, args in found if int(pgid) == group and not state.startswith("Z")]


def test_a_signal_ends_git_and_leaves_nothing(https_repository: HttpsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    start = subprocess.Popen

    def noted(*arguments: object, **options: object) -> object:
        process = start(*arguments, **options)  # type: ignore[call-overload]
        started.append(process.pid)
        return process

    def stop(*_arguments: object) -> None:
        raise Stop

    monkeypatch.setattr(subprocess, "Popen", noted)
    https_repository.behaviour.stall = 5
    before = signal.signal(signal.SIGUSR1, stop)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    began = time.monotonic()
    try:
        with pytest.raises(Stop):
            sources.head(https_repository.url)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - began < 3
    while running_in_group(started[0]):
        assert time.monotonic() - began < 4


def test_leaving_a_stream_half_read_ends_git(repository: Repository, https_repository: HttpsHost) -> None:
    repository.commit({f"{n}": os.urandom(20_000) for n in range(50)})
    with sources.fetch(https_repository.url) as clone:
        reading = clone.read([entry.blob_sha for entry in clone.entries()])
        next(reading)
        reading.close()
        assert len(list(clone.read([clone.entries()[0].blob_sha]))) == 1


# The spool


def test_texts_come_back_from_the_spool_in_any_order(repository: Repository, local: None) -> None:
    texts = ["Grüße\n", "", "x" * 100_000, "日本語"]
    repository.commit({"a.py": "a"})
    with sources.fetch(str(repository.path)) as clone, clone.spool() as spool:
        places = [spool.add(text) for text in texts]

        assert [spool.text(place) for place in reversed(places)] == texts[::-1]
        assert spool.text(spool.add("one more")) == "one more"


def test_a_spool_has_no_name_that_could_be_left_behind(
    repository: Repository, local: None, own_temporary_folder: Path
) -> None:
    repository.commit({"a.py": "a"})
    with sources.fetch(str(repository.path)) as clone:
        before = set(own_temporary_folder.rglob("*"))
        with clone.spool() as spool:
            spool.add("a text")

            assert set(own_temporary_folder.rglob("*")) == before


def test_a_full_disk_under_the_spool_is_said(
    repository: Repository, local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.py": "a"})
    with sources.fetch(str(repository.path)) as clone:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: Path("/dev/full").open("r+b"))  # noqa: SIM115
        with pytest.raises(sources.SourceError, match="disk is full") as caught, clone.spool() as spool:
            for _ in range(100):
                spool.add("a text" * 100)

    assert (caught.value.code, caught.value.permanent) == ("machine", False)
