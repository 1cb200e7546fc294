"""Fills a table with 100 projects of mixed size and measures searches of three of them; prints SEARCH.md's tables.

    PEERS_VENV=… .venv/bin/python -m benchmarks.search

PEERS_VENV is the environment that benchmarks/retrieval/run makes; without it the peers are left out. Uses a PostgreSQL
of its own, of which nothing is kept.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine

HEAD = """| chunks | dimensions | what | p50, ms | p95, ms | own p50 | own p95 | Recall@10 |
|---|---|---|---|---|---|---|---|"""
ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="docent-search-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        _set_up(folder)
        from django.conf import settings
        from django.core.management import call_command

        from config import local_postgres

        with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
            call_command("migrate", verbosity=0)
            told = _measure(folder)
    _print(told)


def _set_up(folder: Path) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "DATABASE_URL": "", "EMBEDDING_PROVIDER": "local",
    }  # fmt: skip
    import django

    django.setup()
    from django.conf import settings

    settings.DEBUG = False  # or Django would note every statement


def _measure(folder: Path) -> list[dict[str, Any]]:
    from benchmarks.search import ours, texts

    _say("reading and embedding texts")
    read = texts.read(max(size for size, _ in ours.MEASURED))
    vectors = texts.Vectors(read)
    _say("filling the table")
    revisions = ours.fill(read, vectors)
    _say("{:,} chunks in {} projects".format(*ours.size()))
    told = []
    for revision in revisions:
        _say(f"searching {revision.chunk_count:,} chunks of {revision.dimensions} dimensions")
        asked = ours.ask(revision, vectors, texts.questions())
        told.append({
            "chunks": revision.chunk_count, "dimensions": revision.dimensions, "questions": len(asked),
            "docent": ours.times(asked), "recall": ours.recall(asked), "peers": _peers(folder, revision, asked),
        })  # fmt: skip
    return told


def _peers(folder: Path, revision: Any, asked: list[Any]) -> dict[str, Any]:
    """Their times, on a table of theirs with the same rows."""
    if "PEERS_VENV" not in os.environ:
        return {}
    from django.conf import settings

    from benchmarks.search import ours

    job, rows, times = (folder / name for name in ("job.json", "rows.jsonl", "times.json"))
    with rows.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in ours.rows(revision))
    database = {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
    facts = {"database": database, "dimensions": revision.dimensions, "rows": str(rows)}
    job.write_text(json.dumps(facts | {"questions": [each.vector for each in asked]}))
    python = Path(os.environ["PEERS_VENV"]) / "bin" / "python"
    subprocess.run([str(python), "-m", "benchmarks.search.peers", str(job), str(times)], cwd=ROOT, check=True)
    told: dict[str, Any] = json.loads(times.read_text())
    return told


def _print(told: list[dict[str, Any]]) -> None:
    print(f"{machine.describe()}; {told[0]['questions']} questions each\n")
    print(HEAD)
    for each in told:
        place = f"| {each['chunks']:,} | {each['dimensions']:,} |"
        docent = each["docent"]
        print(f"{place} **Docent**, both legs | {_figures(docent['candidates'])} | {each['recall']:.4f} |")
        print(f"{place} Docent, ranked and joined | {_figures(docent['whole'])} | |")
        for name, times in each["peers"].items():
            print(f"{place} {name}, vectors only | {_figures(times)} | |")


def _figures(times: dict[str, list[float]]) -> str:
    from benchmarks.search.clock import percentile

    return " | ".join(f"{percentile(times[kind], share):.1f}" for kind in ("wall", "own") for share in (0.5, 0.95))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
