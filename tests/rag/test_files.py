import json
from contextlib import suppress

import pytest
import semble_grammars
from hypothesis import given
from hypothesis import strategies as st

from rag import files, models
from rag.files import languages
from rag.files import text as texts
from rag.sources import RulesRefused, TreeEntry

SHA = "1" * 40
LIMITS = files.Limits(file_bytes=50_000, files=100, text_bytes=1_000_000)


def entry(path: str, *, mode: str = "100644", size: int | None = 10, sha: str = SHA) -> TreeEntry:
    return TreeEntry(path=path, mode=mode, blob_sha=sha, size=size)


def reason(path: str, *attributes: str, ignore: str = "", mode: str = "100644", size: int | None = 10) -> str:
    """Why `select` leaves the path out; "" when it keeps it."""
    given_attributes = {path: frozenset(attributes)} if attributes else {}
    wanted, skipped = files.select([entry(path, mode=mode, size=size)], given_attributes, ignore, LIMITS)
    assert len(wanted) + len(skipped) == 1
    return skipped[0].reason if skipped else ""


def decoded(content: bytes, path: str = "a.py") -> files.SourceFile:
    result = files.decode(entry(path), content)
    assert isinstance(result, files.SourceFile), result
    return result


def refused(content: bytes | None, path: str = "a.py") -> str:
    result = files.decode(entry(path), content)
    assert isinstance(result, files.SkippedFile), result
    return result.reason


def test_its_reasons_can_all_be_stored() -> None:
    assert set(files.Reason) <= set(models.SourceFile.Skip.values)


def test_languages_with_a_grammar_bear_its_name() -> None:
    ours = {
        languages.of_name(f"a.{extension}")
        for extension in ("py", "js", "tsx", "go", "rs", "rb", "c", "h", "yml", "tf")
    }
    assert ours <= set(semble_grammars.available_languages())


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("A.PY", "python"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("Makefile", "make"),
        ("x.d.ts", "typescript"),
        ("a.unknown", ""),
        ("Procfile", ""),
        ("go.mod", "go module"),
        (".py", "python"),
    ],
)
def test_the_name_tells_the_language(name: str, language: str) -> None:
    assert languages.of_name(name) == language


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("#!/usr/bin/env python3.11\n", "python"),
        ("#!/bin/sh -e\n", "bash"),
        ("#!/usr/bin/env -S node --flag\n", "javascript"),
        ("#!\n", ""),
        ("#!/usr/bin/env\n", ""),
        ("x = 1\n", ""),
    ],
)
def test_the_first_line_tells_the_language_of_a_program_without_extension(line: str, language: str) -> None:
    assert decoded(f"{line}echo\n".encode(), "bin/tool").language == language


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.py", ""),
        ("README.md", ""),
        ("readme", ""),
        ("pkg/README.rst", ""),
        ("docs/README.md", "documentation"),
        ("README.zh-CN.md", "documentation"),
        ("docs/conf.py", "documentation"),
        ("djangoproject/docs/models.py", ""),
        ("pkg/documentation/a.py", "documentation"),
        ("CHANGELOG", "documentation"),
        ("LICENSE.txt", "documentation"),
        ("notes/idea.md", "documentation"),
        ("requirements-dev.txt", ""),
        ("CMakeLists.txt", ""),
        ("security.py", ""),
        ("package-lock.json", "lock_file"),
        ("a/Cargo.lock", "lock_file"),
        ("uv.lock", "lock_file"),
        ("go.sum", "lock_file"),
        ("node_modules/x/index.js", "vendored"),
        ("a/vendor/b/c.go", "vendored"),
        ("static/jquery.js", "vendored"),
        ("static/lodash-4.17.21.js", "vendored"),
        ("static/vue.js", ""),
        ("api/x_pb2.py", "generated"),
        ("api/x.pb.go", "generated"),
        ("web/dist/app.js", "generated"),
        ("a.js.map", "generated"),
        ("static/app.min.js", "minified"),
        ("logo.png", "binary"),
        ("icon.svg", "binary"),
        ("model.pkl", "binary"),
        ("data.csv", "data"),
        ("notebook.ipynb", "data"),
        (".gitignore", "data"),
        (".docentignore", "data"),
        ("package.json", ""),
        (".github/workflows/ci.yml", ""),
        ("-rf", ""),
        (".GIT/config", ""),
        ('quo"te.py', ""),
    ],
)
def test_the_path_tells_what_is_left_out(path: str, expected: str) -> None:
    assert reason(path) == expected


@pytest.mark.parametrize(
    ("path", "attribute", "expected"),
    [
        ("lib/a.py", "linguist-vendored", "vendored"),
        ("lib/a.py", "linguist-generated", "generated"),
        ("lib/a.py", "linguist-documentation", "documentation"),
        ("vendor/a.py", "-linguist-vendored", ""),
        ("web/dist/a.js", "-linguist-generated", ""),
        ("docs/models.py", "-linguist-documentation", ""),
        ("README.md", "linguist-documentation", ""),
        ("lib/a.min.js", "-linguist-generated", ""),
    ],
)
def test_attributes_overrule_the_path(path: str, attribute: str, expected: str) -> None:
    assert reason(path, attribute) == expected


@pytest.mark.parametrize("mode", ["120000", "160000", "040000"])
def test_only_regular_files_are_read(mode: str) -> None:
    assert reason("a.py", mode=mode) == "not_a_file"


@pytest.mark.parametrize(("size", "expected"), [(0, "empty"), (1, ""), (50_000, ""), (50_001, "too_large"), (None, "")])
def test_the_size_decides_when_it_is_known(size: int | None, expected: str) -> None:
    assert reason("a.py", size=size) == expected


def test_a_size_that_nobody_knows_is_no_reason() -> None:
    unknown = [entry("vendor/a.py", size=None), entry("logo.png", size=None), entry("a.py", size=None)]
    wanted, skipped = files.select(unknown, {}, "", LIMITS)
    assert [(file.reason, file.size) for file in skipped] == [("vendored", 0), ("binary", 0)]
    assert [file.size for file in wanted] == [None]
    assert refused(None) == "too_large"


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("*.py", "a/b.py", "ignored"),
        ("/a.py", "b/a.py", ""),
        ("a/\n!a/keep.py", "a/keep.py", "ignored"),
        ("a/*\n!a/keep.py", "a/keep.py", ""),
        ("# a.py\n\n", "a.py", ""),
        ("a.py\r\n", "a.py", "ignored"),
        ("**/gen/**", "x/gen/y.py", "ignored"),
        ("a.py", "a.py", "ignored"),
    ],
)
def test_docentignore_has_the_syntax_of_gitignore(rules: str, path: str, expected: str) -> None:
    assert reason(path, ignore=rules) == expected


def test_a_docentignore_that_cannot_be_followed_is_no_empty_one() -> None:
    with pytest.raises(RulesRefused):
        reason("a.py", ignore="[")


@pytest.mark.parametrize(
    "path",
    [
        "a\nb.py", "a\tb.py", "a\rb.py", "\x1b[31m.py", "a\udcff.py", "a\u202eyp.py", "a\u200b.py", "x" * 1_025,
        "../../etc/passwd", "a/../b.py", "a//b.py", "/a.py", "é" * 600,
    ],
)  # fmt: skip
def test_a_path_that_cannot_be_shown_is_left_out_under_a_printable_name(path: str) -> None:
    _, (skipped,) = files.select([entry(path)], {}, "", LIMITS)
    assert skipped.reason == "path"
    assert skipped.path.isprintable() and len(skipped.path.encode()) <= 1_024


def test_paths_that_cannot_be_shown_keep_different_names() -> None:
    _, skipped = files.select(
        [entry("x" * 2_000), entry("x" * 2_001), entry("a\udcfe"), entry("a\udcff")], {}, "", LIMITS
    )
    assert len({file.path for file in skipped}) == 4


def test_a_real_file_is_never_called_like_the_stand_in_of_another() -> None:
    _, (shown,) = files.select([entry("a\x01.py")], {}, "", LIMITS)
    wanted, skipped = files.select([entry("a\x01.py"), entry(shown.path), entry("a [0123].py")], {}, "", LIMITS)
    assert [file.path for file in wanted] == ["a [0123].py"]
    assert [file.reason for file in skipped] == ["path", "path"]
    assert len({file.path for file in skipped}) == 2


def test_names_that_differ_by_case_or_normal_form_are_files_of_their_own() -> None:
    paths = ["a.py", "A.py", "\u00e9.py", "e\u0301.py"]
    wanted, _ = files.select([entry(path) for path in paths], {}, "", LIMITS)
    assert [file.path for file in wanted] == paths


def test_a_path_named_twice_counts_once() -> None:
    wanted, skipped = files.select([entry("a.py"), entry("a.py")], {}, "", LIMITS)
    assert (len(wanted), skipped) == (1, [])


def test_files_near_the_root_are_kept_when_there_are_too_many() -> None:
    limits = files.Limits(file_bytes=100, files=2, text_bytes=1_000)
    wanted, skipped = files.select([entry("a/b/c.py"), entry("d.py"), entry("a/e.py")], {}, "", limits)
    assert [file.path for file in wanted] == ["d.py", "a/e.py"]
    assert [(file.path, file.reason) for file in skipped] == [("a/b/c.py", "over_limit")]


def test_small_files_are_kept_when_there_is_too_much_text() -> None:
    limits = files.Limits(file_bytes=100, files=9, text_bytes=60)
    wanted, skipped = files.select(
        [entry("a.py", size=50), entry("b.py", size=10), entry("c.py", size=20)], {}, "", limits
    )
    assert [file.path for file in wanted] == ["b.py", "c.py"]
    assert [file.reason for file in skipped] == ["over_limit"]


@given(st.lists(st.tuples(st.text("ab/", min_size=1, max_size=6), st.integers(0, 60)), max_size=12))
def test_selecting_again_with_the_sizes_never_adds_a_file(found: list[tuple[str, int]]) -> None:
    limits = files.Limits(file_bytes=50, files=4, text_bytes=100)
    unknown, _ = files.select([entry(path, size=None) for path, _size in found], {}, "", limits)
    known, skipped = files.select([entry(path, size=size) for path, size in found], {}, "", limits)
    if len(found) <= limits.files:
        assert {file.path for file in known} <= {file.path for file in unknown}
    assert len(known) + len(skipped) == len({path for path, _size in found})


@pytest.mark.parametrize(
    ("path", "kind", "language"),
    [
        ("README.md", "readme", "markdown"),
        ("README", "readme", ""),
        ("README.rst", "readme", "rst"),
        ("pkg/README.md", "prose", "markdown"),
        ("docs/guide.md", "prose", "markdown"),
        ("a.py", "code", "python"),
        ("requirements.txt", "code", ""),
        ("Procfile", "code", ""),
    ],
)
def test_the_readme_is_a_kind_of_its_own(path: str, kind: str, language: str) -> None:
    file = decoded(b"hello\n", path)
    assert (file.kind, file.language) == (kind, language)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a", "a"),
        ("é\n".encode(), "é\n"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("aé\n".encode("utf-16"), "aé\n"),
        (b"\xfe\xff" + "aé\n".encode("utf-16-be"), "aé\n"),
        ("a\n".encode("utf-32"), "a\n"),
        ("# Grüße an alle\n".encode("latin-1"), "# Grüße an alle\n"),
        (b"it\x92s fine, really\n", "it’s fine, really\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\rb\r\r\nc", "a b \nc"),
        (b"a\x0cb\x0bc\x1b[0m\x1cd\n", "abc[0md\n"),
        ("a\u2028b\u2029c\u0085d\n".encode(), "a b cd\n"),
        ("x\u202ey\u2066z\u200b\u200d\ufeff\u00ad!\n".encode(), "xyz!\n"),
        ("a\U000e0041\U000e0042b\ufe0f\n".encode(), "ab\n"),
        ("a\tb 漢字 🎉\n".encode(), "a\tb 漢字 🎉\n"),
        (b"<|endoftext|>\n", "<|endoftext|>\n"),
    ],
)
def test_text_is_decoded_and_cleaned(content: bytes, text: str) -> None:
    file = decoded(content)
    assert file.text == text
    assert file.size == len(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\xff\xfe", "empty"),
        (b"\0", "binary"),
        (b"\0abc", "binary"),
        (b"abc\0def\n", "binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (b"\x7fELF\x02\x01\x01\0", "binary"),
        ("aé".encode("utf-16-le"), "binary"),
        (b"\x01\x02\x03\x04\x05\x06", "binary"),
        (b"\xff\xfea\xd8b", "encoding"),
        (b"\xc0\x80\xc0\x80", "encoding"),
        (b"a = '\xed\xa0\x80\xed\xa0\x80'", "encoding"),
        ("# これは日本語の説明です\nx = 1\n".encode("shift-jis"), "encoding"),
        ("# これは日本語の説明です\nx = 1\n".encode("euc-jp"), "encoding"),
        ("# привет, мир\nx = 1\n".encode("koi8-r"), "encoding"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", "lfs_pointer"),
        (b"# Code generated by protoc-gen-go. DO NOT EDIT.\n", "generated"),
        (b"/*\n * @generated by hand\n */\nx\n", "generated"),
        (b"# This file was autogenerated by uv\nx\n", "generated"),
        (b"// This file is automatically generated\nx\n", "generated"),
        (b"x" * 5_001, "minified"),
        (b"a\n" * 50 + b"x" * 5_001 + b"\n", "long_lines"),
        (b"x = '" + b"a" * 900_000 + b"'\n", "minified"),
    ],
)
def test_what_is_no_text_to_read_is_left_out_with_the_reason(content: bytes, expected: str) -> None:
    assert refused(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        b'MARKERS = ["@generated", "Code generated by x. DO NOT EDIT."]\n',
        b"# Generated by Django 5.2 on 2026-01-01\n",
        b"# Finds the files that were generated by a tool.\n",
        b"a\n" * 100_000,
        b"a\n" * 50 + b"x" * 5_000 + b"\n",
    ],
)
def test_what_only_looks_generated_or_long_is_read(content: bytes) -> None:
    assert decoded(content).kind == "code"


def test_scripts_are_minified_sooner_than_templates() -> None:
    lines = b"".join(b"a" * 300 + b"\n" for _ in range(10))
    assert refused(lines, "a.js") == "minified"
    assert decoded(lines, "a.html").kind == decoded(lines[:1_500], "a.js").kind == "code"


def test_a_generated_marker_yields_to_the_attribute() -> None:
    content = b"# @generated\nx = 1\n"
    assert isinstance(files.decode(entry("a.py"), content, {"-linguist-generated"}), files.SourceFile)


def test_content_that_the_limit_kept_away_is_too_large() -> None:
    assert refused(None) == "too_large"


def test_data_in_json_is_left_out_and_configuration_is_not() -> None:
    rows = json.dumps([{"n": n} for n in range(5_000)], indent=1).encode()
    assert refused(rows, "fixtures/rows.json") == "data"
    assert decoded(rows, "package.json").language == "json"
    assert decoded(b'{"a": 1}\n', "fixtures/small.json").language == "json"


def test_a_readme_with_one_paragraph_a_line_is_read() -> None:
    assert decoded(b"word " * 900, "README.md").kind == "readme"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = texts.cleaned(text)
    assert texts.cleaned(once) == once


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_cleaned_like_any_other(text: str) -> None:
    assert texts.cleaned(text) == texts.cleaned(f"{text}é").removesuffix("é")


@given(st.text(st.sampled_from("a\r\n\0\x85\u2028\u200b\ufeff\x0c\t\ud800\U000e0041")))
def test_cleaning_keeps_the_lines_and_drops_the_rest(text: str) -> None:
    clean = texts.cleaned(text)
    assert clean.count("\n") == text.count("\n")
    assert set(clean) <= set("a\n\t ")
    assert clean.splitlines() == clean.removesuffix("\n").split("\n") or not clean


ANYTHING = st.text(st.characters(codec=None))  # lone surrogates too
UNSEEN = {*map(chr, [*range(9), *range(11, 32), *range(127, 160), *range(0xD800, 0xE000), *range(0xE0000, 0xE1000)])}


@given(ANYTHING)
def test_cleaned_text_of_any_kind_can_be_stored_and_is_seen(text: str) -> None:
    clean = texts.cleaned(text)
    assert not UNSEEN & set(clean)
    assert clean.encode().decode() == clean
    assert clean.count("\n") == text.count("\n")


@given(st.binary(max_size=300), st.sampled_from(["a.py", "README.md", "x", "a.json", "b.js"]))
def test_any_bytes_end_as_text_or_with_a_reason(content: bytes, path: str) -> None:
    result = files.decode(entry(path), content)
    if isinstance(result, files.SkippedFile):
        assert result.reason in models.SourceFile.Skip.values
    else:
        assert "\0" not in result.text and result.text.encode()


@given(st.text(max_size=60))
def test_any_path_is_kept_or_left_out_with_a_reason(path: str) -> None:
    assert reason(path) in {"", *models.SourceFile.Skip.values}


@given(st.text(max_size=80))
def test_any_docentignore_is_followed_or_refused(rules: str) -> None:
    with suppress(RulesRefused):
        assert reason("src/a.py", ignore=rules) in ("", "ignored")
