"""Rows for tests, as processing would have left them, without a repository and without processing."""

import hashlib
import itertools
import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from django.test import Client
from django.utils import timezone

from portfolio.models import Project, ProjectRAG
from rag import models, search_index, visitors
from rag.embeddings import fake
from rag.search_index import postings

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LANGUAGES = {".py": "Python", ".js": "JavaScript", ".go": "Go", ".md": "Markdown", ".rs": "Rust", ".yaml": "yaml"}
LINES_A_CHUNK = 20
_DEFINITION = re.compile(r"^\s*(?:async )?(?:def|class|func|function|fn)\s+(\w+)", re.MULTILINE)
_count = itertools.count(1)
Known = Mapping[tuple[str, str], models.SourceFile]


def make_project(title: str = "", **fields: Any) -> Project:
    """A published project with a repository, pending unless its fields say otherwise."""
    title = title or f"Project {next(_count)}"
    about = {"summary": f"What {title} does.", "repository_url": "https://github.com/owner/name", "is_published": True}
    return Project.objects.create(title=title, **{**about, **fields})


def make_live_revision(project: Project, files: Mapping[str, str], *, skipped: int = 0) -> models.Revision:
    """`project` made ready: an index of `files` (path → text) by the fake embedder, live."""
    revision = models.Revision.objects.create(
        rag=project.rag,
        repository_url=project.repository_url,
        commit_sha=COMMIT,
        embedding_model="fake",
        embedding_provider="fake",
        dimensions=fake.DIMENSIONS,
        pipeline="test",
        files_seen=len(files) + skipped,
        files_indexed=len(files),
        files_skipped=skipped,
        finished_at=timezone.now(),
    )
    for path, text in files.items():
        add_file(revision, path, text)
    with search_index.prepared(revision) as change:
        search_index.write(change)
    revision.chunk_count = search_index.size(revision.rag_id)
    revision.search_rules = postings.fingerprint()
    revision.save()
    set_state(project, "ready", live_revision=revision)
    return revision


def remember(client: Client, conversation: models.Conversation) -> None:
    """`client` is the visitor whose conversation it is."""
    conversation.visitor = uuid.uuid4()
    conversation.save()
    session = client.session
    session[visitors.SESSION_KEY] = str(conversation.visitor)
    session.save()


def set_state(project: Project, status: str, **facts: Any) -> None:
    """The assistant of `project` in one of its states, with what the constraints ask of each."""
    needed: dict[str, dict[str, Any]] = {
        "pending": {},
        "processing": {
            "lease_token": "00000000-0000-0000-0000-000000000001",
            "lease_expires_at": timezone.now() + timedelta(minutes=1),
            "processing_stage": "embedding",
            "progress_percentage": 42,
        },
        "ready": {"progress_percentage": 100, "processing_stage": ""},
        "failed": {"processing_error": "The host secret-host did not answer.", "error_code": "network"},
    }
    idle = {"lease_token": None, "lease_expires_at": None, "progress_percentage": 0}
    changes = {**idle, "processing_status": status, **needed[status], **facts}
    ProjectRAG.objects.filter(project=project).update(**changes)
    project.rag.refresh_from_db()


def add_file(revision: models.Revision, path: str, text: str, known: Known | None = None) -> None:
    """A file of `revision`: one of those that are `known`, by path and blob, or a new one with its chunks."""
    sha = hashlib.sha1(text.encode()).hexdigest()
    if known and (path, sha) in known:
        known[path, sha].revisions.add(revision)
        return
    suffix = PurePosixPath(path).suffix
    language = LANGUAGES.get(suffix, "")
    kind = "readme" if path.lower().startswith("readme") else "prose" if suffix == ".md" else "code"
    file = models.SourceFile.objects.create(
        rag=revision.rag,
        path=path,
        blob_sha=sha,
        pipeline="test",
        embedding_model="fake",
        language=language,
        kind=kind,
        size=len(text.encode()),
    )
    file.revisions.add(revision)
    revision.languages[language] = revision.languages.get(language, 0) + file.size
    models.Chunk.objects.bulk_create(_chunks(file, text))


def _chunks(file: models.SourceFile, text: str) -> list[models.Chunk]:
    embedder = fake.build("fake")
    lines = text.splitlines()
    chunks = []
    for ordinal, start in enumerate(range(0, len(lines), LINES_A_CHUNK)):
        piece = "\n".join(lines[start : start + LINES_A_CHUNK])
        heading = re.search(r"^#+ (.*)", piece, re.MULTILINE) if file.kind != "code" else None
        symbol = ", ".join(_DEFINITION.findall(piece)) if file.kind == "code" else heading[1] if heading else ""
        chunk = models.Chunk(
            file=file,
            ordinal=ordinal,
            start_line=start + 1,
            end_line=min(start + LINES_A_CHUNK, len(lines)),
            symbol=symbol,
            text=piece,
            sha256=hashlib.sha256(piece.encode()).digest(),
            embedding=list(embedder.embed_query(f"{file.path}\n{piece}")),
        )
        chunks.append(chunk)
    return chunks
