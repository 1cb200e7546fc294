"""How fast everything but the embedding provider is: chunks a second, and seconds by stage.

    .venv/bin/python -m benchmarks.ingest /path/to/a/repository

indexes the repository three times into a PostgreSQL of its own (fsync on) with the fake embedding model, whose own
time is taken off, then once more after nothing changed and once after one file changed. It prints one table; nothing
is kept.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS = 3


def main(source: str) -> None:
    with tempfile.TemporaryDirectory(prefix="docent-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        _set_up(folder)
        repository = folder / "repository.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", source, str(repository)], check=True)
        from django.conf import settings

        from config import local_postgres

        with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
            _measure(repository)


def _set_up(folder: Path) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "RAG_ALLOW_LOCAL_REPOSITORIES": "true",
        "EMBEDDING_PROVIDER": "fake",
    }  # fmt: skip
    import django

    django.setup()


def _measure(repository: Path) -> None:
    from django.core.management import call_command

    from portfolio.models import Project
    from rag import revisions

    call_command("migrate", verbosity=0)
    provider = _timed_provider()
    project = Project.objects.create(title="Benchmark", repository_url=str(repository))
    rows = []
    for run in range(1, RUNS + 1):
        revisions.clear(project.rag)
        rows.append(_row(f"first index, run {run}", project, provider))
    rows.append(_row("unchanged commit", project, provider))
    _change_one_file(repository)
    rows.append(_row("one file changed", project, provider))
    _print(rows)


def _timed_provider() -> dict[str, float]:
    """Wrap the fake model so that its time can be taken off; seconds and texts so far."""
    from rag import embeddings

    spent = {"seconds": 0.0, "texts": 0.0}
    embedder = type(embeddings.configured())
    original = embedder.embed_documents

    def timed(self: Any, texts: list[str]) -> Any:
        started = time.perf_counter()
        vectors = original(self, texts)
        spent["seconds"] += time.perf_counter() - started
        spent["texts"] += len(texts)
        return vectors

    embedder.embed_documents = timed  # type: ignore[method-assign]
    return spent


def _row(label: str, project: Any, provider: dict[str, float]) -> dict[str, Any]:
    from portfolio.models import ProjectRAG
    from rag import ingest
    from rag.interruption import Interruption
    from rag.worker import Worker

    before, started, cpu = dict(provider), time.perf_counter(), time.process_time()
    worker = Worker(options=ingest.Options(batch_size=25), interruption=Interruption(), report=Silent())
    outcome = worker.process(project.rag.pk)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    live = ProjectRAG.objects.select_related("live_revision").get(project=project).live_revision
    assert live is not None, outcome.sentence
    return {
        "label": label, "outcome": outcome, "revision": live, "provider": provider["seconds"] - before["seconds"],
        "texts": int(provider["texts"] - before["texts"]), "seconds": seconds, "cpu": cpu,
    }  # fmt: skip


def _change_one_file(repository: Path) -> None:
    tree = repository.parent / "tree"
    git = ["git", "-C", str(tree), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "clone", "--quiet", str(repository), str(tree)], check=True)
    names = subprocess.run(
        [*git, "ls-files", "*.py", "*.js", "*.go"], check=True, capture_output=True, text=True
    ).stdout
    largest = max((tree / n for n in names.split("\n") if n and (tree / n).stat().st_size < 40_000), key=_size)
    largest.write_text(largest.read_text().replace("return", "return  ", 1))
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Change one file"], check=True)
    subprocess.run([*git, "push", "--quiet"], check=True)
    shutil.rmtree(tree)


def _size(path: Path) -> int:
    return path.stat().st_size


def _print(rows: list[dict[str, Any]]) -> None:
    first = rows[0]["revision"]
    print(f"{first.files_seen:,} files, {first.files_indexed:,} indexed, {first.chunk_count:,} chunks, "
          f"{first.text_bytes / 1e6:.1f} MB of text")  # fmt: skip
    print("\n| run | seconds | provider | rest | CPU | texts embedded | stages |\n|---|---|---|---|---|---|---|")
    for row in rows:
        stages = row["revision"].timings if row["outcome"].result.value == "ready" else {}
        told = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
        rest = row["seconds"] - row["provider"]
        print(f"| {row['label']} | {row['seconds']:.2f} | {row['provider']:.2f} | {rest:.2f} | "
              f"{row['cpu']:.2f} | {row['texts']:,} | {told} |")  # fmt: skip
    rest = statistics.median(row["seconds"] - row["provider"] for row in rows[:RUNS])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{first.chunk_count / rest:,.0f} chunks a second of everything but the provider (median of {RUNS}); "
          f"peak memory {peak:.0f} MB")  # fmt: skip


class Silent:
    def stage(self, name: str) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def note(self, sentence: str) -> None: ...

    def finish(self) -> None: ...


if __name__ == "__main__":
    main(sys.argv[1])
