"""Kilobytes that would unpack to gigabytes: what they cost the command, in seconds and memory of all its processes."""

import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from django.conf import settings
from django.db import connection

from portfolio.models import Project, ProjectRAG
from tests.git_fixtures import Repository
from tests.hostile.cases import GOOD

EVERY = 0.01  # seconds between looks at the memory
GIGABYTE = 1_000_000_000
Build = Callable[[Repository], object]
PIECE = 10_000_000  # bytes of a bomb that are in memory while it is made


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """`code`: the project's error, or "" where the good files are indexed; in at most so many seconds and megabytes.

    `packed`: bytes that the repository has at most. `timeout`: seconds, RAG_CLONE_TIMEOUT.
    """

    name: str
    build: Build
    code: str
    timeout: int
    packed: int
    seconds: float
    megabytes: float
    section: str = "Bombs"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`megabytes`: the most that the command and every git of it held at once (resident), as `settled` without one."""

    packed: int
    code: str
    sentence: str
    seconds: float
    megabytes: float
    lost: list[str]
    log: str

    def is_as_expected(self, bomb: Bomb) -> bool:
        in_bounds = self.seconds <= bomb.seconds and self.megabytes <= bomb.megabytes and self.packed <= bomb.packed
        return in_bounds and self.code == bomb.code and not self.lost and "Traceback" not in self.log


def bombs() -> Iterator[Bomb]:
    """What stops within seconds."""
    yield _bomb("a tree of 10^8 paths", _tree, "too_large")
    yield _bomb("a tree of 10^8 folders without a file", _folders, "timeout", timeout=2)
    yield _bomb("a folder of 50 MB", _folder, "too_large")
    yield _bomb("1 GB of zeros", _zeros, "")


def slow() -> Iterator[Bomb]:
    """What is no more than a repository may hold, and takes as long as that does; and no bomb, to compare with."""
    yield _bomb("no bomb", lambda repository: repository.commit(GOOD), "")
    yield _bomb("20 times 1 GB of zeros", lambda repository: _zeros(repository, 20), "")
    yield _bomb("1 GB of zeros from a host that cannot leave them out", _unfiltered, "", seconds=150)
    yield _bomb("one text in 900 files", _repeated, "", seconds=600)


def _bomb(name: str, build: Build, code: str, *, timeout: int = 120, seconds: float = 40) -> Bomb:
    """`seconds`: some three times what it takes while other programs run."""
    return Bomb(
        name=name, build=build, code=code, timeout=timeout, packed=5_000_000, seconds=seconds, megabytes=400
    )  # fmt: skip


def tried(bomb: Bomb, folder: Path) -> Seen:
    """In a process of its own, on a database whose changes it can see."""
    repository = Repository(folder / f"{abs(hash(bomb.name))}.git")
    bomb.build(repository)
    packed = sum(file.stat().st_size for file in (repository.path / "objects").rglob("*") if file.is_file())
    project = Project.objects.create(title=bomb.name, repository_url=str(repository.path), is_published=True)
    started = time.monotonic()
    log, peak = _run(bomb, "process_rag_async", f"--project-id={project.pk}")
    seconds = time.monotonic() - started
    rag = ProjectRAG.objects.select_related("live_revision").get(project=project)
    rows = rag.live_revision.files.filter(skip_reason="") if rag.live_revision else []
    lost = sorted(set(GOOD) - {row.path for row in rows}) if not bomb.code else []
    project.delete()
    return Seen(
        packed=packed, code=rag.error_code, sentence=rag.processing_error, seconds=seconds, megabytes=peak, lost=lost,
        log=log,
    )  # fmt: skip


def _run(bomb: Bomb, *arguments: str) -> tuple[str, float]:
    """What the command wrote, and the most megabytes that its processes held at once."""
    with subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=_environment(bomb), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        peaks: list[float] = [0.0]
        watch = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
        watch.start()
        log, _ = process.communicate()
        watch.join()
    return log, max(peaks)


def _watch(process: subprocess.Popen[str], peaks: list[float]) -> None:
    while process.poll() is None:
        peaks.append(sum(map(_resident, _family(process.pid))))
        time.sleep(EVERY)


def _family(pid: int) -> list[int]:
    """The process and all below it: each git has a group of its own."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _resident(pid: int) -> float:
    """Megabytes; what is shared counts for each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _environment(bomb: Bomb) -> dict[str, str]:
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return {
        "PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DEBUG": "true", "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": f"postgresql://{address}", "RAG_ALLOW_LOCAL_REPOSITORIES": "true", "EMBEDDING_PROVIDER": "fake",
        "LLM_PROVIDER": "fake", "RAG_CLONE_TIMEOUT": str(bomb.timeout),
    }  # fmt: skip


def _nested(repository: Repository, leaf: str) -> str:
    """A tree that names `leaf` 10^8 times."""
    for _ in range(8):
        leaf = repository.tree([("40000", b"f%d" % n, leaf) for n in range(10)])
    return leaf


def _tree(repository: Repository) -> None:
    leaf = repository.tree([("100644", b"a.py", repository.blob("x = 1\n"))])
    repository.commit_tree(_nested(repository, leaf))


def _folders(repository: Repository) -> None:
    repository.commit_tree(_nested(repository, repository.tree([])))


def _unfiltered(repository: Repository) -> None:
    repository.git("config", "uploadpack.allowFilter", "false")
    _zeros(repository)


def _folder(repository: Repository) -> None:
    blob = repository.blob("x = 1\n")
    sha = repository.tree([("100644", b"a" * 2_000 + b"%06d.py" % n, blob) for n in range(25_000)])
    repository.commit_tree(repository.tree([("40000", b"z", sha)]))


def _repeated(repository: Repository) -> None:
    """One text of nearly the largest size in 900 files: 45 MB to read, and to cut."""
    repository.commit(GOOD | {f"z/z/z/{n}.py": "x = 1\n" * 8_000 for n in range(900)})


def _zeros(repository: Repository, count: int = 1) -> None:
    """Files of a gigabyte of zero bytes, written as git keeps them without ever being in memory."""
    whole, packed = sha1(usedforsecurity=False), zlib.compressobj(1)
    pieces = [packed.compress(head := b"blob %d\0" % GIGABYTE)]
    whole.update(head)
    for _ in range(GIGABYTE // PIECE):
        whole.update(zeros := bytes(PIECE))
        pieces.append(packed.compress(zeros))
    sha = whole.hexdigest()
    file = repository.path / "objects" / sha[:2] / sha[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join([*pieces, packed.flush()]))
    for n in range(count):
        repository.link(f"zeros{n}.py", sha)
    repository.commit(GOOD)
