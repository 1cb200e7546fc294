"""The owner's view of processing: what stands where, what failed and what to do, and what visitors asked.

Everything a repository or a visitor wrote is shown as text; nothing here is marked safe but links built from ids.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portfolio.models import ProjectRAG
from rag import models, revisions


class ReadOnly:
    """For rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ProjectRAG)
class ProjectRAGAdmin(admin.ModelAdmin):
    list_display = ("project", "state", "last_error", "index", "embedding_model", "attempts", "duration", "cost")
    list_filter = ("processing_status", "processing_stage", "error_code")
    list_select_related = ("project", "live_revision")
    search_fields = ("project__title", "project__repository_url", "processing_error")
    ordering = ("project__title",)
    actions = ("process_again", "cancel", "reset")
    readonly_fields = (
        "project", "processing_status", "processing_stage", "percentage", "queued", "processing_error", "error_code",
        "attempts", "next_attempt_at", "requested_at", "started_at", "finished_at", "duration", "checked_at",
        "source_bytes", "commit", "embedding_model", "files", "skipped_files", "chunks", "embedded", "cost", "timings",
        "lease_expires_at",
    )  # fmt: skip
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ProjectRAG | None = None) -> bool:
        return False  # it lives as long as its project; "reset" empties it

    @admin.display(ordering="processing_status")
    def state(self, rag: ProjectRAG) -> str:
        """Status, with stage and percentage while there are some."""
        parts = [rag.get_processing_status_display()]
        if rag.processing_status == ProjectRAG.Status.PROCESSING:
            parts += [rag.get_processing_stage_display(), f"{rag.progress_percentage} %"]
        parts += ["queued"] if rag.is_queued else []
        return ", ".join([*parts, *(["cancelled"] if rag.cancelled_at else [])])

    @admin.display(empty_value="–")
    def index(self, rag: ProjectRAG) -> str:
        """What visitors are answered from."""
        live = rag.live_revision
        return f"{live.commit_sha[:10]}: {self.files(rag)} files, {live.chunk_count:,} chunks" if live else ""

    @admin.display(description="progress", ordering="progress_percentage")
    def percentage(self, rag: ProjectRAG) -> str:
        return f"{rag.progress_percentage} %"

    @admin.display(boolean=True)
    def queued(self, rag: ProjectRAG) -> bool:
        return rag.is_queued

    @admin.display(empty_value="–")
    def commit(self, rag: ProjectRAG) -> str:
        return rag.live_revision.commit_sha[:10] if rag.live_revision else ""

    @admin.display(description="model", empty_value="–")
    def embedding_model(self, rag: ProjectRAG) -> str:
        return rag.live_revision.embedding_model if rag.live_revision else ""

    @admin.display(empty_value="–")
    def files(self, rag: ProjectRAG) -> str:
        live = rag.live_revision
        return f"{live.files_indexed:,} of {live.files_seen:,}" if live else ""

    @admin.display(description="files left out")
    def skipped_files(self, rag: ProjectRAG) -> str | SafeString:
        live = rag.live_revision
        if live is None:
            return "–"
        url = f"{reverse('admin:rag_sourcefile_changelist')}?rag__id__exact={rag.pk}&left_out=yes"
        return format_html('<a href="{}">{} files, with the reasons</a>', url, live.files_skipped)

    @admin.display(empty_value="–")
    def chunks(self, rag: ProjectRAG) -> str:
        return f"{rag.live_revision.chunk_count:,}" if rag.live_revision else ""

    @admin.display(description="embedded / reused")
    def embedded(self, rag: ProjectRAG) -> str:
        live = rag.live_revision
        return f"{live.embedded_count:,} / {live.reused_count:,}" if live else "–"

    @admin.display(description="last error and remedy", ordering="error_code", empty_value="–")
    def last_error(self, rag: ProjectRAG) -> str:
        return rag.processing_error

    @admin.display(empty_value="–")
    def duration(self, rag: ProjectRAG) -> str:
        seconds = rag.seconds_taken(timezone.now())
        return "" if seconds is None else str(timedelta(seconds=round(seconds)))

    @admin.display(empty_value="–")
    def cost(self, rag: ProjectRAG) -> str:
        return f"${rag.live_revision.cost_usd:.4f}" if rag.live_revision else ""

    @admin.display(empty_value="–")
    def timings(self, rag: ProjectRAG) -> str:
        stages = rag.live_revision.timings.items() if rag.live_revision else ()
        return ", ".join(f"{stage} {seconds} s" for stage, seconds in stages)

    @admin.action(permissions=["change"], description="Process again")
    def process_again(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        self._tell(request, sum(ProjectRAG.objects.request(rag.pk) for rag in rags), "queued for processing")

    @admin.action(permissions=["change"], description="Cancel")
    def cancel(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        self._tell(request, sum(ProjectRAG.objects.cancel(rag.pk) for rag in rags), "cancelled")

    @admin.action(permissions=["change"], description="Reset: forget the index and start anew")
    def reset(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        for rag in rags:
            revisions.clear(rag)
        self._tell(request, len(rags), "reset")

    def _tell(self, request: HttpRequest, count: int, what: str) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{count} {what}." if count else f"There was nothing to be {what}.", level)


class LeftOut(admin.SimpleListFilter):
    title = "left out"
    parameter_name = "left_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No"), ("partly", "Some lines")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[models.SourceFile]) -> QuerySet[models.SourceFile]:
        if self.value() == "partly":
            return queryset.exclude(note="")
        chosen = {"yes": queryset.exclude(skip_reason=""), "no": queryset.filter(skip_reason="")}
        return chosen.get(self.value() or "", queryset)


@admin.register(models.SourceFile)
class SourceFileAdmin(ReadOnly, admin.ModelAdmin):
    """The files of the live revisions: which were left out and why, which a parser could not read."""

    list_display = ("path", "left_out", "project", "bytes", "language", "chunk_count", "fell_back", "note")
    list_filter = (LeftOut, "skip_reason", "fell_back", "language", "rag")
    list_select_related = ("rag__project",)
    search_fields = ("path",)
    ordering = ("rag", "path")

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.SourceFile]:
        live = ProjectRAG.objects.exclude(live_revision=None).values("live_revision")
        members = models.RevisionFile.objects.filter(revision__in=live).values("file")
        return super().get_queryset(request).filter(pk__in=members)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="left out because", ordering="skip_reason", empty_value="–")
    def left_out(self, file: models.SourceFile) -> str:
        return file.get_skip_reason_display() if file.skip_reason else ""

    @admin.display(ordering="size")
    def bytes(self, file: models.SourceFile) -> str:
        most = settings.RAG_MAX_FILE_BYTES
        return f"over {most:,}" if file.size == most + 1 else f"{file.size:,}"  # what is over it was never fetched

    @admin.display(ordering="rag__project__title")
    def project(self, file: models.SourceFile) -> str:
        return file.rag.project.title


class MessageInline(ReadOnly, admin.StackedInline):
    model = models.Message
    fields = readonly_fields = (
        "question", "answer", "status", "found", "confidence", "provider", "model", "error_code", "tokens_in",
        "tokens_out", "cost_usd", "retrieval_ms", "first_token_ms", "total_ms", "created_at", "cited",
    )  # fmt: skip
    extra = 0

    @admin.display(description="sources")
    def cited(self, message: models.Message) -> str:
        return "\n".join(f"{source}{' (cited)' if source.cited else ''}" for source in message.sources.all())


@admin.register(models.Conversation)
class ConversationAdmin(ReadOnly, admin.ModelAdmin):
    """What visitors asked. Conversations can be deleted, never edited."""

    list_display = ("created_at", "project", "first_question", "questions")
    list_filter = ("project", "messages__status", "messages__found")
    list_select_related = ("project",)
    search_fields = ("messages__question",)
    inlines = (MessageInline,)
    fields = ("project", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Conversation]:
        return super().get_queryset(request).prefetch_related("messages__sources")

    @admin.display(description="first question")
    def first_question(self, conversation: models.Conversation) -> str:
        return next((str(message) for message in conversation.messages.all()), "")

    @admin.display
    def questions(self, conversation: models.Conversation) -> int:
        return len(conversation.messages.all())
