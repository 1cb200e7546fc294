"""Runs every system on every corpus and prints the tables of RESULTS.md; `benchmarks/retrieval/run` starts it.

    python -m benchmarks.retrieval.measure --peers PYTHON [--corpora koa …] [--systems docent bm25 …] [--ablations]

PYTHON is the environment of requirements.txt. Nothing of the computer's own database is touched.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import corpora, machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEPT = HERE.parent / "results" / "retrieval.json"
OURS = ("docent", "first")
CORPORA = [*corpora.TUNED_ON, *corpora.HELD_OUT]
PEERS = ("langchain", "llamaindex", "bm25", "grep")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="docent-retrieval-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with _surroundings(folder):
            told = _measure(folder, options)
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(told))
    from benchmarks.retrieval import tables

    print("\n".join(tables.lines(told)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    parser.add_argument("--corpora", nargs="+", default=CORPORA, choices=CORPORA)
    parser.add_argument("--systems", nargs="+", default=[*OURS, *PEERS], choices=[*OURS, *PEERS])
    parser.add_argument("--ablations", action="store_true", help="Docent without each of its rules, too")
    return parser.parse_args()


@contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """A PostgreSQL of its own that runs, with Docent's tables, and Django set up for it."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "DATABASE_URL": "",
        "EMBEDDING_PROVIDER": "local",
    }  # fmt: skip
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from config import local_postgres

    with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
        call_command("migrate", verbosity=0)
        yield


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.retrieval import vectors
    from rag import embeddings

    server = vectors.Server(embeddings.for_model(embeddings.LOCAL_MODEL), folder / "vectors")
    job = {
        "vectors": str(folder / "vectors"), "database": _database(), "postgres": _postmaster(folder),
        "corpora": [
            {
                "name": name, "repository": str(corpora.repository(name, folder)), "files": [],
                "questions": [question.text for question in corpora.questions(name)],
            }
            for name in options.corpora
        ],
    }  # fmt: skip
    python = dict.fromkeys(OURS, sys.executable) | dict.fromkeys(PEERS, options.peers)
    told = {"docent": _run("docent", sys.executable, job, folder)}
    for corpus in job["corpora"]:
        corpus["files"] = _files(corpus["name"])
    for name in options.systems:
        if name != "docent":
            told[name] = _run(name, python[name], job, folder)
    for name in _ablations() if options.ablations else ():
        told[name] = _run(name, sys.executable, job, folder)
    server.close()
    return {"corpora": options.corpora, "systems": told, "machine": machine.describe()}


def _run(name: str, python: str, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    print(f"{name} …", file=sys.stderr, flush=True)
    given, answers = folder / "job.json", folder / "answers.json"
    given.write_text(json.dumps(job))
    # LlamaIndex and LangChain would look for a newer version, a key, or somebody to report to.
    quiet = {"LANGSMITH_TRACING": "false", "ANONYMIZED_TELEMETRY": "false", "TOKENIZERS_PARALLELISM": "false"}
    command = [python, "-m", "benchmarks.retrieval.systems", name, str(given), str(answers)]
    subprocess.run(command, cwd=ROOT, env=os.environ | quiet, check=True, stdout=sys.stderr)
    told: dict[str, Any] = json.loads(answers.read_text())
    return told


def _files(name: str) -> list[dict[str, str]]:
    """What Docent has indexed of a corpus, as it was read."""
    from rag import models

    indexed = models.SourceFile.objects.filter(rag__project__title=name, skip_reason="")
    paths = set(indexed.values_list("path", flat=True))
    read = {file.path: file for file in corpora.read(name)}
    return [
        {"path": path, "language": read[path].language, "kind": read[path].kind, "text": read[path].text}
        for path in sorted(paths)
    ]


def _database() -> dict[str, Any]:
    from django.conf import settings

    return {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def _ablations() -> Sequence[str]:
    from benchmarks.retrieval.systems import ablated

    return [f"ablated:{rule}" for rule in ablated.RULES]


if __name__ == "__main__":
    main()
