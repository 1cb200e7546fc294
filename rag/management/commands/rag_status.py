"""Says where every project's assistant stands."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portfolio.models import ProjectRAG
from rag import models, overview, revisions


class Command(BaseCommand):
    help = "Every project: status, percentage, stage, commit, counts, error, and the digest of its index."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [describe(rag) for rag in ProjectRAG.objects.select_related("project", "live_revision").order_by("pk")]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2, default=str))
        else:
            self.stdout.write(
                "\n".join(line(row) for row in rows) or "There are no projects yet. add_project adds one."
            )
            self.stdout.write("\n".join(glance(overview.now())))


def glance(now: overview.Overview) -> list[str]:
    """What wants the owner beyond the errors of projects, which stand beside them, and what is spent."""
    told = [fact for fact in (*now.stuck.shown, *now.failing.shown) if fact.rag_id is None or fact in now.stuck.shown]
    return ["", *now.notices, *(f"{fact.title}: {fact.sentence}" for fact in told), now.sentence]


def describe(rag: ProjectRAG) -> dict[str, Any]:
    """The facts of one project, ready for JSON."""
    live = rag.live_revision
    facts: dict[str, Any] = {
        "id": rag.project_id, "slug": rag.project.slug, "title": rag.project.title, "status": rag.processing_status,
        "percentage": rag.progress_percentage, "stage": rag.processing_stage,
        "speed": rag.processing_speed, "queued": rag.is_queued,
        "cancelled": rag.cancelled_at is not None, "has_repository": bool(rag.project.repository_url),
        "attempts": rag.attempts, "error_code": rag.error_code, "error": rag.processing_error,
        "files_masked": models.SourceFile.objects.with_secrets(rag.live_revision_id).count(),
        "commit": live.commit_sha if live else "", "index_digest": revisions.digest(live) if live else "",
    }  # fmt: skip
    counts = ("files_seen", "files_indexed", "files_skipped", "files_fell_back", "chunk_count", "embedded_count",
              "reused_count", "tokens", "cost_usd", "embedding_model", "embedding_provider",
              "timings", "finished_at")  # fmt: skip
    return facts | {name: getattr(live, name) if live else None for name in counts}


def line(row: dict[str, Any]) -> str:
    """One project for a reader."""
    text = f"{row['id']:>4}  {row['title']}: {row['status']} ({row['percentage']} %)"
    text += f", {row['stage']}" if row["stage"] else ""
    text += f", {row['speed']}" if row["speed"] else ""
    text += ", cancelled" if row["cancelled"] else ""
    text += "" if row["has_repository"] else ", no repository"
    if row["commit"]:
        text += (
            f"; {row['commit'][:10]}, {row['files_indexed']:,} of {row['files_seen']:,} files, "
            f"{row['chunk_count']:,} chunks, "
            f"{row['embedding_model']}, digest {row['index_digest'][:12]}"
        )
    text += f", secrets masked in {row['files_masked']} files" if row["files_masked"] else ""
    return text + (f"\n      {row['error']}" if row["error"] else "")
