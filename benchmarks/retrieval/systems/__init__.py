"""What is compared, each in a process of its own: it indexes some corpora, and is asked.

    python -m benchmarks.retrieval.systems NAME JOB.json ANSWERS.json     NAME is a module here, or ablated:RULE

This module and `vectors` need the standard library only: the peers' environment has neither Django nor Docent's model.
"""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.retrieval.vectors import Vectors

SHOWN = 8  # passages that an answer gets
LONG = 30  # enough for 4,000 tokens
DEEP = 100
ROUNDS = 3  # of each question's search, for the times


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage: its lines, 1-based and inclusive, its text, and what the system ranks it by."""

    path: str
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """`repository`: a bare git repository. `files`: path, language, kind and text of what Docent indexes of it."""

    name: str
    repository: str
    files: list[dict[str, str]]
    questions: list[str]


class System(Protocol):
    def index(self, corpus: Corpus) -> int:
        """Store the corpus; how many rows that were."""

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        """Best first."""

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        """The first hundred before anything ranks them again."""

    def confidence(self, corpus: str, question: str) -> float:
        """Higher where it is likelier that the corpus answers the question."""


def place(text: str, start: int, piece: str) -> tuple[int, int]:
    """First and last line of `piece`, which stands at the character `start` of `text`."""
    first = text.count("\n", 0, start) + 1
    return first, first + piece.rstrip("\n").count("\n")


def run(system: System, corpora: Sequence[Corpus], vectors: Vectors, postgres: int) -> dict[str, Any]:
    indexed = {corpus.name: _indexed(system, corpus, vectors, postgres) for corpus in corpora}
    answers = {corpus.name: [_answers(system, corpus.name, each) for each in corpus.questions] for corpus in corpora}
    times = {corpus.name: _times(system, corpus, vectors) for corpus in corpora}
    return {"indexed": indexed, "answers": answers, "times": times, "peak_mb": _peak()}


def stored(store: Callable[[], None], rows: int, postgres: int) -> dict[str, float]:
    """What `store` costs, which stores so many rows."""
    database, cpu = database_cpu(postgres), _cpu()
    store()
    return {"rows": rows, "cpu": _cpu() - cpu, "database_cpu": database_cpu(postgres) - database}


def _indexed(system: System, corpus: Corpus, vectors: Vectors, postgres: int) -> dict[str, float]:
    waited, model, database = vectors.waited, vectors.model_seconds, database_cpu(postgres)
    started, cpu = time.perf_counter(), _cpu()
    rows = system.index(corpus)
    return {
        "rows": rows, "seconds": time.perf_counter() - started - (vectors.waited - waited), "cpu": _cpu() - cpu,
        "database_cpu": database_cpu(postgres) - database, "model_seconds": vectors.model_seconds - model,
    }  # fmt: skip


def _answers(system: System, corpus: str, question: str) -> dict[str, Any]:
    return {
        "shown": [asdict(hit) for hit in system.search(corpus, question, SHOWN)],
        "long": [asdict(hit) for hit in system.search(corpus, question, LONG)],
        "deep": [_lines(hit) for hit in system.search(corpus, question, DEEP)],
        "candidates": [_lines(hit) for hit in system.candidates(corpus, question)],
        "confidence": system.confidence(corpus, question),
    }


def _times(system: System, corpus: Corpus, vectors: Vectors) -> dict[str, list[float]]:
    """Milliseconds of searches, without and with embedding the question."""
    times: dict[str, list[float]] = {"search": [], "with_question": []}
    for kind, taken in times.items():
        vectors.anew = kind == "with_question"
        for question in corpus.questions * ROUNDS:
            started = time.perf_counter()
            system.search(corpus.name, question, SHOWN)
            taken.append((time.perf_counter() - started) * 1_000)
    vectors.anew = False
    return times


def _lines(hit: Hit) -> tuple[str, int, int]:
    return hit.path, hit.start, hit.end


def _peak() -> float:
    """Megabytes. What getrusage tells begins with the memory of the process that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _cpu() -> float:
    """Seconds of this process, its threads and the children that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def database_cpu(postmaster: int) -> float:
    """Seconds of the server: itself, those of its processes that have ended, and those that run."""
    own = _stat(postmaster)
    running = sum(sum(_stat(pid)[:2]) for pid in _children(postmaster))
    return (sum(own) + running) / 100  # ticks a second, on every Linux


def _stat(pid: int) -> tuple[int, int, int, int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0, 0
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return user, system, ended_user, ended_system


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
