"""The published packages that questions/ asks about, fetched by the registries' own clients and checked by hash."""

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag import files, sources

HERE = Path(__file__).parent
QUESTIONS = HERE / "questions"
FOLDER = HERE / "results" / "corpora"


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines of a file, 1-based and inclusive."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """`gold`: the lines that answer it."""

    text: str
    gold: tuple[Lines, ...]


def questions(name: str) -> list[Question]:
    """Those of a corpus that have an answer in it."""
    rows = map(json.loads, (QUESTIONS / f"{name}.jsonl").read_text().splitlines())
    return [
        Question(text=row["question"], gold=tuple(Lines(**gold) for gold in row["gold"])) for row in rows if row["gold"]
    ]


def read(name: str) -> Iterator[files.SourceFile]:
    """The files of a corpus that would be indexed."""
    root = _unpacked(name)
    paths = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
    entries = [
        sources.TreeEntry(path=path, mode="100644", blob_sha=_blob_sha(file), size=file.stat().st_size)
        for path, file in paths.items()
    ]
    chosen, _ = files.select(entries, {}, "", files.Limits.from_settings())
    for entry in chosen:
        decoded = files.decode(entry, paths[entry.path].read_bytes())
        if isinstance(decoded, files.SourceFile):
            yield decoded


def _blob_sha(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _unpacked(name: str) -> Path:
    corpus = next(each for each in json.loads((QUESTIONS / "corpora.json").read_text()) if each["name"] == name)
    target: Path = FOLDER / corpus["strip"] / name
    if not target.exists():
        archive = _archive(corpus)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != corpus["sha256"]:
            raise SystemExit(f"{archive} is not the archive that the questions are about: its sha256 differs.")
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    return target / corpus["strip"]


def _archive(corpus: dict[str, str]) -> Path:
    archive = FOLDER / corpus["archive"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    package, version = corpus["package"], corpus["version"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    clients = {"pypi": [*pip, f"{package}=={version}"], "npm": ["npm", "pack", "--silent", f"{package}@{version}"]}
    if not archive.exists():
        subprocess.run(clients[corpus["registry"]], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
    return archive
