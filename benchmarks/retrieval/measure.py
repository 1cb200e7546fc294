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
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import corpora, machine
from rag.evaluation.questions import Question

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEPT = HERE.parent / "results" / "retrieval.json"
OURS = ("docent", "first")
DIMENSIONS = {"many": 384, "wide": 1_536}
STORES = ("docent", "langchain", "llamaindex")  # that keep vectors in PostgreSQL
CORPORA = [*corpora.TUNED_ON, *corpora.HELD_OUT]
PEERS = ("langchain", "llamaindex", "bm25", "grep")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="docent-retrieval-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with surroundings(folder):
            told = _measure(folder, options)
            told |= _measure_many(folder, options) if options.copies else {"many": {}, "wide": {}}
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
    parser.add_argument(
        "--copies", type=int, default=2, help="of all corpora, for the speed at about 10,000 chunks; 0: no"
    )
    return parser.parse_args()


@contextmanager
def surroundings(folder: Path, provider: str = "local") -> Iterator[None]:
    """A PostgreSQL of its own that runs, with Docent's tables, and Django set up for it."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "DATABASE_URL": "",
        "EMBEDDING_PROVIDER": provider,
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
    from benchmarks.retrieval.systems import ablated
    from rag import embeddings
    from rag.embeddings import local

    model, kept = embeddings.for_model(embeddings.LOCAL_MODEL), KEPT.with_name("vectors.pickle")
    with closing(vectors.Server(model, folder / "vectors", kept, local.FOLDER)):
        asked = [corpus_of(name, corpora.unpacked(name), folder, corpora.questions(name)) for name in options.corpora]
        without = [f"ablated:{rule}" for rule in ablated.RULES] if options.ablations else []
        told = _run_all([*options.systems, *without], asked, folder, options)
    paths = {corpus["name"]: [file["path"] for file in corpus["files"]] for corpus in asked}
    return {"corpora": options.corpora, "systems": told, "paths": paths, "machine": machine.describe()}


def _measure_many(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Speed only, on copies of all the corpora as one repository, with vectors that are drawn.

    "many" as the local model has them; "wide" as OpenAI's has them, where indexing alone is measured.
    """
    from benchmarks.retrieval import vectors

    root = corpora.many(folder / "many", options.copies)
    asked = {"many": [each for name in corpora.names() for each in corpora.questions(name)], "wide": []}
    told = {}
    for name, dimensions in DIMENSIONS.items():
        with closing(vectors.Server(vectors.Drawn(dimensions), folder / f"{name}-vectors", folder / "nothing", "")):
            corpus = corpus_of(name, root, folder, asked[name])
            told[name] = _run_all(STORES, [corpus], folder, options, served=f"{name}-vectors")
    return told


def corpus_of(name: str, root: Path, folder: Path, asked: Sequence[Question]) -> dict[str, Any]:
    """As a system is given it. Docent reads the repository, the others what Docent reads of it."""
    files = [
        {"path": file.path, "language": file.language, "kind": file.kind, "text": file.text}
        for file in corpora.read_folder(root)
    ]
    repository = str(corpora.commit(root, folder / f"{name}.git"))
    return {"name": name, "repository": repository, "files": files, "questions": [each.text for each in asked]}


def _run_all(
    names: Sequence[str],
    asked: list[dict[str, Any]],
    folder: Path,
    options: argparse.Namespace,
    served: str = "vectors",
) -> dict[str, Any]:
    """System → what it told. Docent goes first: its versions share its index."""
    job = {
        "vectors": str(folder / served), "database": _database(), "postgres": _postmaster(folder), "corpora": asked,
        "storing": served != "vectors",
    }  # fmt: skip
    told = {}
    for name in ["docent", *(name for name in names if name != "docent")]:
        told[name] = _run(name, options.peers if name in PEERS else sys.executable, job, folder)
        if name == "docent":
            _check_files(asked)
    return told


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


def _check_files(asked: list[dict[str, Any]]) -> None:
    """The others get what Docent has really indexed, neither more nor less."""
    from rag import models

    for corpus in asked:
        indexed = models.SourceFile.objects.filter(rag__project__title=corpus["name"], skip_reason="")
        paths = set(indexed.values_list("path", flat=True))
        corpus["files"] = [file for file in corpus["files"] if file["path"] in paths]
        assert {file["path"] for file in corpus["files"]} == paths


def _database() -> dict[str, Any]:
    from django.conf import settings

    return {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


if __name__ == "__main__":
    main()
