"""How much of a repository is embedded again when a commit changes it.

    python -m benchmarks.reindexing FOLDER [--commits 100]

Goes back over the history of a clone and compares the embedded texts of each commit's code with its parent's.
"""

import argparse
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import PurePath
from statistics import mean, median

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django

django.setup()

from rag import chunks, files  # noqa: E402

LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".go": "go",
    ".rs": "rust",
}
Cut = Callable[[str, str], set[str]]  # path, text → what is embedded


def by_syntax(path: str, text: str) -> set[str]:
    return _embedded(path, text, LANGUAGES[PurePath(path).suffix])


def by_windows(path: str, text: str) -> set[str]:
    return {text[start : start + 1_000] for start in range(0, len(text), 800)}


def by_file(path: str, text: str) -> set[str]:
    return {text}


def _embedded(path: str, text: str, language: str) -> set[str]:
    file = files.SourceFile(path=path, blob_sha="", size=len(text), language=language, kind="code", text=text)
    return {chunks.embedded_text(file, chunk) for chunk in chunks.split(file, chunks.Sizes.from_settings()).chunks}


def git(folder: str, *arguments: str) -> str:
    command = ["git", "-C", folder, *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")


def shares(folder: str, commits: int, cut: Cut) -> Iterator[float]:
    """Of each commit that changes code: characters to embed again, of all of its code."""
    patterns = [f"*{ending}" for ending in LANGUAGES]
    for commit in git(folder, "log", "--no-merges", "--format=%H", f"-{commits}", "--", *patterns).split():
        listing = [line.split(maxsplit=4) for line in git(folder, "ls-tree", "-r", "-l", commit).splitlines()]
        total = sum(int(size) for _, _, _, size, path in listing if PurePath(path).suffix in LANGUAGES)
        again = sum(map(len, _new(folder, commit, cut)))
        if again:
            yield again / total


def _new(folder: str, commit: str, cut: Cut) -> Iterator[str]:
    changes = git(folder, "diff-tree", "-r", "--root", "--raw", "--no-renames", "-z", "--no-commit-id", commit).split(
        "\0"
    )
    for change, path in zip(changes[::2], changes[1::2], strict=False):
        _, _, old, new, status = change.split()
        if PurePath(path).suffix in LANGUAGES and status != "D":
            before = cut(path, git(folder, "cat-file", "blob", old)) if status == "M" else set()
            yield from cut(path, git(folder, "cat-file", "blob", new)) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--commits", type=int, default=100)
    options = parser.parse_args()
    print("| cut | commits | median | mean |\n|---|---|---|---|")
    for name, cut in {"syntax": by_syntax, "windows of 1,000/200": by_windows, "whole files": by_file}.items():
        found = list(shares(options.folder, options.commits, cut))
        print(f"| {name} | {len(found)} | {median(found):.2%} | {mean(found):.2%} |", flush=True)


if __name__ == "__main__":
    main()
