"""How much of a repository is embedded again when a commit changes it.

    python -m benchmarks.reindexing FOLDER [--commits 100]

Goes through the last commits of a clone one by one. Of each it takes what would be indexed, all kinds of files, and
counts the bytes of the texts that its parent did not have, as a share of the bytes of all its files. Merges are left
out: they bring what other commits did. The rest counts twice: all of it, and alone those commits that change something
which is indexed, as one that does not (documentation, say, or a workflow) is free
for every way to cut.
"""

import argparse
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django

django.setup()

from rag import chunks, files  # noqa: E402
from rag.evaluation import measures  # noqa: E402
from rag.sources import TreeEntry  # noqa: E402

Cut = Callable[[files.SourceFile], list[str]]  # what is embedded of a file
Texts = dict[int, int]  # hash of a text → its bytes


def by_syntax(file: files.SourceFile) -> list[str]:
    return [chunks.embedded_text(file, chunk) for chunk in chunks.split(file, chunks.Sizes.from_settings()).chunks]


def by_windows(file: files.SourceFile) -> list[str]:
    return [file.text[start : start + 1_000] for start in range(0, len(file.text), 800)]


def by_file(file: files.SourceFile) -> list[str]:
    return [file.text]


CUTS: dict[str, Cut] = {"syntax": by_syntax, "windows, 1,000/200": by_windows, "whole files": by_file}


class History:
    """The last commits of a clone; each version of a file is read and cut once."""

    def __init__(self, folder: Path, commits: int) -> None:
        self._git = ["git", "-C", str(folder)]
        listed = self._run("rev-list", "--no-merges", "--parents", f"-{commits}", "HEAD").decode().splitlines()
        self._pairs = [line.split() for line in listed if " " in line]  # all but a first commit
        self._known: dict[tuple[str, str], tuple[int, list[Texts]] | None] = {}

    def steps(self) -> Iterator[list[float]]:
        """Of every commit, by cut: bytes to embed, of all of its bytes."""
        for commit, parent in self._pairs:
            total, found = self._state(commit)
            pairs = zip(self._state(parent)[1], found, strict=True)
            yield [sum(size for text, size in now.items() if text not in old) / total for old, now in pairs]

    def _state(self, commit: str) -> tuple[int, list[Texts]]:
        """Bytes of the files that are indexed of a commit, and by cut the texts."""
        wanted, _ = files.select(self._entries(commit), {}, "", files.Limits.from_settings())
        self._read([entry for entry in wanted if (entry.path, entry.blob_sha) not in self._known])
        versions = [known for entry in wanted if (known := self._known[entry.path, entry.blob_sha])]
        merged: list[Texts] = [{} for _ in CUTS]
        for _, texts in versions:
            for all_texts, some in zip(merged, texts, strict=True):
                all_texts.update(some)
        return sum(size for size, _ in versions), merged

    def _entries(self, commit: str) -> list[TreeEntry]:
        records = self._run("ls-tree", "-r", "-l", "-z", commit).decode("utf-8", "surrogateescape").split("\0")
        named = [(record.split(maxsplit=3), record.partition("\t")[2]) for record in records if record]
        return [
            TreeEntry(path=path, mode=mode, blob_sha=sha, size=int(rest.split("\t")[0]))
            for (mode, kind, sha, rest), path in named
            if kind == "blob"
        ]

    def _read(self, entries: Sequence[TreeEntry]) -> None:
        content = self._run("cat-file", "--batch", given="".join(f"{entry.blob_sha}\n" for entry in entries))
        start = 0
        for entry in entries:
            start = content.index(b"\n", start) + 1
            end = start + (entry.size or 0)
            self._known[entry.path, entry.blob_sha] = _cut(files.decode(entry, content[start:end]))
            start = end + 1

    def _run(self, *arguments: str, given: str = "") -> bytes:
        return subprocess.run([*self._git, *arguments], capture_output=True, check=True, input=given.encode()).stdout


def _cut(file: files.SourceFile | files.SkippedFile) -> tuple[int, list[Texts]] | None:
    if isinstance(file, files.SkippedFile):
        return None
    texts = [{hash(text): len(text.encode()) for text in cut(file)} for cut in CUTS.values()]
    return len(file.text.encode()), texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=100)
    options = parser.parse_args()
    steps = list(History(options.folder, options.commits).steps())
    changing = [step for step in steps if any(step)]
    print(f"{len(steps)} commits, of which {len(changing)} change something that is indexed\n")
    print("| cut | median | p95 | of all: median | p95 |\n|---|---|---|---|---|")
    for number, name in enumerate(CUTS):
        cells = [
            f"{measures.percentile([step[number] for step in some], share):.2%}"
            for some in (changing, steps)
            for share in (0.5, 0.95)
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
