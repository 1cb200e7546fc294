"""What everything but the embedding model costs: processor time a chunk, from the git objects to the stored rows.

    .venv/bin/python -m benchmarks.ingest /path/to/a/repository [--dimensions 384] [--runs 3]

indexes the repository into a PostgreSQL of its own (fsync on) with vectors that are drawn beforehand and cost nothing,
then once more after nothing changed and once after one file changed. All processor time is counted: Python's, that of
the gits that it starts, and PostgreSQL's with everything that it does in the background. Nothing is kept.
"""

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.retrieval.systems import database_cpu

POOL = 200  # different vectors


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """Seconds of processor time."""

    python: float
    git: float
    database: float

    @property
    def total(self) -> float:
        return self.python + self.git + self.database

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(python=self.python - other.python, git=self.git - other.git, database=self.database - other.database)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="docent-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        _set_up(folder)
        repository = folder / "repository.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", options.repository, str(repository)], check=True)
        from django.conf import settings

        from config import local_postgres

        with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
            _measure(repository, folder / "postgres", options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


def _set_up(folder: Path) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "DATABASE_URL": "",
        "EMBEDDING_PROVIDER": "fake",
    }  # fmt: skip
    import django

    django.setup()


def _measure(repository: Path, postgres: Path, options: argparse.Namespace) -> None:
    from django.core.management import call_command

    from portfolio.models import Project
    from rag import revisions

    call_command("migrate", verbosity=0)
    _draw(options.dimensions)
    postmaster = int((postgres / "data" / "postmaster.pid").read_text().split()[0])
    project = Project.objects.create(title="Benchmark", repository_url=str(repository))
    rows = []
    for run in range(1, options.runs + 1):
        revisions.clear(project.rag)
        rows.append(_row(f"first index, run {run}", project, postmaster))
    rows.append(_row("unchanged commit", project, postmaster))
    _change_one_file(repository)
    rows.append(_row("one file changed", project, postmaster))
    _print(rows, options)


def _draw(dimensions: int) -> None:
    """Have the fake model answer at once, with vectors of that many dimensions."""
    from rag import embeddings

    draw = random.Random(1)
    drawn = [array("f", [draw.gauss(0, 1) / dimensions**0.5 for _ in range(dimensions)]) for _ in range(POOL)]
    model: Any = type(embeddings.configured())
    model.dimensions = dimensions
    model.embed_documents = lambda _self, texts: [drawn[n % POOL] for n in range(len(texts))]


def _row(label: str, project: Any, postmaster: int) -> dict[str, Any]:
    from django.conf import settings

    from portfolio.models import ProjectRAG
    from rag import ingest
    from rag.interruption import Interruption
    from rag.worker import Worker

    started, before = time.perf_counter(), _cpu(postmaster)
    worker = Worker(
        options=ingest.Options(batch_size=settings.RAG_BATCH_SIZE), interruption=Interruption(), report=Silent()
    )
    outcome = worker.process(project.rag.pk)
    seconds, spent = time.perf_counter() - started, _cpu(postmaster) - before
    live = ProjectRAG.objects.select_related("live_revision").get(project=project).live_revision
    assert live is not None, outcome.sentence
    return {"label": label, "outcome": outcome, "revision": live, "seconds": seconds, "cpu": spent}


def _cpu(postmaster: int) -> Cpu:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cpu(python=time.process_time(), git=children.ru_utime + children.ru_stime, database=database_cpu(postmaster))


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


def _print(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    first = rows[0]["revision"]
    print(f"{first.files_seen:,} files, {first.files_indexed:,} indexed, {first.chunk_count:,} chunks of "
          f"{options.dimensions} dimensions, {first.text_bytes / 1e6:.1f} MB of text")  # fmt: skip
    print("\n| run | seconds | CPU, s | Python | git | PostgreSQL | texts embedded | stages |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        ready = row["outcome"].result.value == "ready"
        stages = row["revision"].timings if ready else {}
        told = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
        cpu, embedded = row["cpu"], row["revision"].embedded_count if ready else 0
        print(f"| {row['label']} | {row['seconds']:.2f} | {cpu.total:.2f} | {cpu.python:.2f} | {cpu.git:.2f} | "
              f"{cpu.database:.2f} | {embedded:,} | {told} |")  # fmt: skip
    _print_a_chunk([row["cpu"] for row in rows[: options.runs]], first.chunk_count)


def _print_a_chunk(runs: list[Cpu], count: int) -> None:
    middle = sorted(runs, key=lambda cpu: cpu.total)[len(runs) // 2]
    total = statistics.median(cpu.total for cpu in runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = (f"{name} {seconds / count * 1e6:.0f}" for name, seconds in vars(middle).items())
    print(f"\n{total / count * 1e6:.0f} µs of processor time a chunk ({', '.join(parts)}), the median of {len(runs)}; "
          f"peak memory {peak:.0f} MB")  # fmt: skip


class Silent:
    def stage(self, name: str) -> None: ...

    def progress(self, done: int, total: int, speed: str = "") -> None: ...

    def note(self, sentence: str) -> None: ...

    def finish(self) -> None: ...


if __name__ == "__main__":
    main()
