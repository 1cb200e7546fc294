"""A case on disk, processed into PostgreSQL, and looked at as the admin does."""

import html
import io
import os
import re
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from portfolio.models import Project, ProjectRAG
from rag import files, ingest, models, reporting, revisions, sources
from rag.failures import UNEXPECTED
from rag.interruption import Interruption
from rag.worker import Worker
from tests.git_fixtures import Behaviour, HttpsHost, Repository, https_host
from tests.hostile import logs
from tests.hostile.cases import GOOD, INDEXED, Case, Place


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How the files beside the good ones ended (→ how many), or the project's error code and its sentence.

    `unhandled`: errors that were logged, and whatever is not as it should be with what was stored. `lost`: good files
    that are not indexed whole. Both are empty when all is well.
    """

    ends: dict[str, int]
    code: str
    sentence: str
    unhandled: list[str]
    lost: list[str]
    seconds: float

    def is_as_expected(self, case: Case) -> bool:
        as_said = (self.ends, self.code) == (dict(case.ends), case.code)
        return (
            as_said and not self.unhandled and not self.lost and (not self.code or self.sentence.endswith((".", "?")))
        )


@dataclass(kw_only=True)
class Line:
    """Where cases are tried, one after the other."""

    folder: Path
    host: HttpsHost
    count: int = field(default=0, init=False)

    def tried(self, case: Case) -> Seen:
        self.count += 1
        self.host.behaviour = Behaviour()
        repository = Repository(self.host.root / "owner" / f"case{self.count}.git")
        address = f"https://{self.host.host}/owner/case{self.count}" if case.is_served else str(repository.path)
        project = Project.objects.create(
            title="Odd", slug=f"odd-{self.count}", repository_url=address, is_published=True
        )  # fmt: skip
        with override_settings(**case.settings), logs.errors() as errors:
            repository.commit(GOOD)
            if case.was_read:
                process(project)
            before = _live(project)
            case.build(Place(repository=repository, host=self.host))
            Project.objects.filter(pk=project.pk).update(ref=case.ref)
            started = time.monotonic()
            process(project)
            seconds = time.monotonic() - started
            seen = _seen(project, repository, before, errors, seconds)
        project.delete()
        return seen


@contextmanager
def opened() -> Iterator[Line]:
    """Repositories of this computer are read, and those of a host of ours. The database is the caller's."""
    with tempfile.TemporaryDirectory() as name, patch.dict(os.environ):
        folder = Path(name)
        (folder / "served" / "owner").mkdir(parents=True)
        with https_host(folder / "served", folder) as host:
            os.environ["GIT_SSL_CAINFO"] = str(host.certificate)
            for proxy in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
                os.environ.pop(proxy, None)
            with override_settings(RAG_ALLOW_LOCAL_REPOSITORIES=True, RAG_ALLOWED_HOSTS=[host.host]):
                yield Line(folder=folder, host=host)


def process(project: Project) -> None:
    """As the command does it."""
    report = reporting.Lines(io.StringIO())
    Worker(options=ingest.Options(), interruption=Interruption(), report=report).process(project.rag.pk)


def _seen(project: Project, repository: Repository, before: str, errors: list[str], seconds: float) -> Seen:
    rag = ProjectRAG.objects.select_related("live_revision", "project").get(project=project)
    rows = list(rag.live_revision.files.all()) if rag.live_revision else []
    failed = rag.processing_status == ProjectRAG.Status.FAILED
    unhandled = [*errors, *_of_state(rag), *_of_doors(rag)]
    if failed and _live(project) != before:
        unhandled.append("the index that was live has changed")
    if not failed:
        unhandled += [problem for row in rows for problem in _of_row(row, repository)]
        unhandled += _of_admin(rag, rows)
    return Seen(
        ends={} if failed else dict(Counter(row.skip_reason or INDEXED for row in rows if row.path not in GOOD)),
        code=rag.error_code,
        sentence=rag.processing_error,
        unhandled=unhandled,
        lost=sorted(set(GOOD) - {row.path for row in rows if row.chunk_count and not row.skip_reason})
        if before or not failed
        else [],
        seconds=seconds,
    )


def _of_state(rag: ProjectRAG) -> list[str]:
    if rag.processing_status not in (ProjectRAG.Status.READY, ProjectRAG.Status.FAILED):
        return [f"it ended as {rag.processing_status}"]
    if rag.error_code == UNEXPECTED or (rag.processing_status == "failed") == (not rag.processing_error):
        return [f"it ended with {rag.error_code or 'no code'}: {rag.processing_error}"]
    return []


def _of_row(row: models.SourceFile, repository: Repository) -> list[str]:
    """What is wrong with a stored file: its reason, or its chunks against the lines of the commit."""
    if row.skip_reason:
        known = row.skip_reason in models.SourceFile.Skip.values
        return [] if known and not row.chunk_count else [f"{row.path}: left out as {row.skip_reason}"]
    entry = sources.TreeEntry(path=row.path, mode="100644", blob_sha=row.blob_sha, size=row.size)
    read = files.decode(entry, _blob(repository, row.blob_sha))
    if isinstance(read, files.SkippedFile):
        return [f"{row.path}: indexed though it is {read.reason}"]
    lines = read.text.split("\n")
    chunks = list(row.chunks.order_by("ordinal"))
    covered = {number for chunk in chunks for number in range(chunk.start_line, chunk.end_line + 1)}
    problems = [
        f"{row.path}: lines {chunk.start_line}–{chunk.end_line} are others"
        for chunk in chunks
        if chunk.text not in "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        or (not chunk.text.isprintable() and _UNSEEN.search(chunk.text))
    ]  # fmt: skip
    if {number for number, line in enumerate(lines, start=1) if line.strip()} - covered:
        problems.append(f"{row.path}: lines are missing")
    return problems


_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\U000e0000-\U000e0fff]"
)


def _of_admin(rag: ProjectRAG, rows: list[models.SourceFile]) -> list[str]:
    """What the admin is not told of the files that were left out, on the first page of them."""
    owner = Client(raise_request_exception=False)
    owner.force_login(User.objects.get_or_create(username="owner", is_staff=True, is_superuser=True)[0])
    page = owner.get(reverse("admin:rag_sourcefile_changelist"), {"left_out": "yes", "rag__id__exact": str(rag.pk)})
    if page.status_code != 200:
        return [f"the admin's list of files: {page.status_code}"]
    shown = {int(pk): html.unescape(reason) for pk, reason in _ROW.findall(page.text)}
    reasons = {row.pk: row.get_skip_reason_display() for row in rows if row.skip_reason}
    missing = max(0, min(len(reasons), ROWS) - len(shown))
    wrong = [row.path for row in rows if row.pk in shown and shown[row.pk] != reasons.get(row.pk)]
    return [f"shown with another reason: {path}" for path in wrong] + [f"not shown: {missing} files"] * bool(missing)


# Of the list alone: the filter beside it names every reason, whatever is listed.
_ROW = re.compile(r'/admin/rag/sourcefile/(\d+)/change/[^>]*>[^<]*</a></th><td class="field-left_out[^>]*>([^<]*)</td>')
ROWS = 100  # on a page of it


def _of_doors(rag: ProjectRAG) -> list[str]:
    """What of the site does not stand it."""
    cache.clear()  # of how often was asked
    visitor = Client(raise_request_exception=False)
    slug, kind = rag.project.slug, "application/json"
    answers = [visitor.get(rag.project.get_absolute_url())]
    if rag.can_answer:
        answers.append(visitor.post(f"/api/projects/{slug}/ask/", {"question": "What does odd return?"}, kind))
    return [f"{answer.request['PATH_INFO']}: {answer.status_code}" for answer in answers if answer.status_code != 200]


def _live(project: Project) -> str:
    """Digest of what is live; "" without."""
    live = ProjectRAG.objects.select_related("live_revision").get(project=project).live_revision
    return revisions.digest(live) if live else ""


def _blob(repository: Repository, sha: str) -> bytes:
    file = repository.path / "objects" / sha[:2] / sha[2:]
    if file.exists():
        return zlib.decompress(file.read_bytes()).partition(b"\0")[2]
    return repository.git("cat-file", "blob", sha).encode() + b"\n"  # packed: only short plain ones are
