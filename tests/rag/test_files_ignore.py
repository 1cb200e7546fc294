import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.files import ignore
from rag.sources import RulesRefused, SourceError
from tests.git_fixtures import ENVIRONMENT

PATHS = [
    "a", "b", "a.py", "b.py", "ab.py", "abb", "aXb", "a/b", "a/b.py", "a/b/c", "a/c/b", "a/x/y/b", "b/a",
    "b/a.py", "b/c/a", "foo/bar", "x/foo/bar", "foo/x/bar", "foo/x/y/bar/z", "foo", ".a", "a b", "a ", "!a",
    "#a", "a*b", "a[b", "a-b", "a]b", "aba", "aa", "aaa", "docs/a/x.py", "docs/x.py", "app.min.js",
    "app.min.2.js", "x_test_y.py", "a\\b", "foo.bar/x", "abc/def/ghi", "abc/x", "n/abc/x", "+", "0", "a.b.c",
    "aab", "abab/ba",
]  # fmt: skip
RULES = [
    "a", "*", "**", "*.py", "a*", "*a", "a*b", "*a*", "?", "a?b", "??", "/a", "/*", "a/", "b/", "/a/", "a/b",
    "/a/b", "a/*", "a/**", "**/a", "**/a/", "**/b.py", "a/**/b", "foo/**/bar", "**/foo/**", "/**", "**/", "a**",
    "a**b", "*/a", "*/*", "*/", "foo/*/bar", "**/foo/bar", "a/**/", "**/**/a", "a/**/**/b", "*.min.*.js",
    "*_test_*.py", "docs/**/x.py", "[ab]", "[!a]", "[^a]", "[a-c]*", "a[*]b", "a[[]b", "a[]]b", "a[-]b",
    "a[+--]b", "[--0]", "[]-a]", "[a-]", "\\*", "a\\*b", "\\!a", "\\#a", "#a", "a ", "a\\ ", "a  ", "\\a",
    "a\\\\b", "a[\\]]b", "ab*ba", "a*a", "*a*a*", "*b*b*", "é", "*é*", ".*", "*.", "a.*.c", "*\n!a", "*\n!a/",
    "a/\n!a/b", "a/*\n!a/b", "*.py\n!b.py\nb/*.py", "!a", "/*\n!/foo", "*\n!*/\n!*.py", "a\r", "\ufeffa",
    "foo/\n!foo/\n", "**/b\n!a/**/b", "abc/**\n!abc/def/", "a*\n!ab*\nabb", "  ", "\n\n", "a/b/", "foo/bar/",
    "*/b/", "x/**",
]  # fmt: skip


def by_git(folder: Path, rules: str) -> set[str]:
    """Those of PATHS that git leaves out by `rules`."""
    (folder / ".gitignore").write_bytes(rules.encode())
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(PATHS).encode(), cwd=folder, env=ENVIRONMENT, capture_output=True, check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return set(filter(None, done.stdout.decode().split("\0")))


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True, env=ENVIRONMENT)
    return folder


def test_a_letter_is_one_character_however_many_bytes_it_takes() -> None:
    assert ignore.ignored("?\nx[!a]y\n*ü*\n", ["é", "xéy", "für", "e"]) == {"é", "xéy", "für", "e"}


def refusal(rules: str, *paths: str) -> str:
    with pytest.raises(RulesRefused) as caught:
        ignore.ignored(rules, paths or ["a"])
    assert isinstance(caught.value, SourceError)
    assert (caught.value.code, caught.value.permanent) == ("bad_ignore", True)
    return str(caught.value)


@pytest.mark.parametrize("rules", RULES)
def test_rules_leave_out_what_git_leaves_out(work_tree: Path, rules: str) -> None:
    assert ignore.ignored(rules, PATHS) == by_git(work_tree, rules)


@given(st.lists(st.text("ab*?/!", min_size=1, max_size=6), min_size=1, max_size=3))
def test_rules_of_any_kind_are_followed_as_git_does_or_refused(work_tree: Path, lines: list[str]) -> None:
    rules = "\n".join(lines)
    try:
        assert ignore.ignored(rules, PATHS) == by_git(work_tree, rules)
    except RulesRefused as refused:
        assert "Line " in str(refused)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("[", '"["'), ("a[b", '"["'), ("a[/]b", '"["'), ("a\\", "backslash"), ("/", "path"), ("!", "path"),
        ("./a", "path"), ("a/../b", "path"), ("a//b", "path"), ("[[:alpha:]]", "class"), ("[z-a]", "backwards"),
        ("a" * 257, "256"), ("s\0e\0c", "UTF-8"), ("caf\ufffd", "UTF-8"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_followed_is_refused_by_its_line(rule: str, why: str) -> None:
    sentence = refusal(f"# mine\n\n{rule}\nb\n")
    assert "Line 3 of .docentignore" in sentence and why in sentence


def test_more_rules_than_the_limit_are_refused() -> None:
    assert "1,000 rules" in refusal("a\n" * 1_001)


def test_comments_and_blank_lines_are_no_rules() -> None:
    assert ignore.ignored("# a\n\n  \n" * 1_000 + "a\n" * 1_000, ["a", "b"]) == {"a"}


def test_folders_may_lie_as_deep_as_a_path_is_long() -> None:
    deep = "a/" * 500 + "x"
    assert ignore.ignored("x\n!a/x\n", [deep, "a/x"]) == {deep}


@pytest.mark.parametrize(
    "rules",
    ["*a" * 100 + "b", "*a*a*b", "*" + "a" * 120 + "*" + "a" * 120 + "b", "**/a/" * 50 + "b", "**/" + "*a/" * 80 + "b"],
)
def test_no_rule_takes_ages(rules: str) -> None:
    started = time.thread_time()
    assert ignore.ignored(rules, ["a" * 1_000, "a/" * 500 + "a", "/".join(["a" * 100] * 10)]) == set()
    assert time.thread_time() - started < 2


def test_work_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ignore, "_MAX_STEPS", 10_000_000)
    started = time.thread_time()
    paths = (f"{n}/" + "a/" * 500 for n in range(2_000))
    assert "too long" in refusal("\n".join(f"*a*a*b{n}" for n in range(900)), *(f"{path}x" for path in paths))
    assert time.thread_time() - started < 5


def test_as_many_rules_as_may_be_are_followed_for_as_many_files_as_may_be() -> None:
    rules = "\n".join(f"*.x{n}" for n in range(900))
    assert ignore.ignored(rules, [f"p{n % 90}/{n}.x1" for n in range(900)]) == {f"p{n % 90}/{n}.x1" for n in range(900)}
