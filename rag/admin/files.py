"""What was read of each repository, and what was left out and why."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from portfolio.models import ProjectRAG
from rag import models
from rag.admin.read_only import ReadOnly


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
    """The files of the live revisions: which were left out and why, which no parser could read, which held secrets."""

    list_display = ("path", "left_out", "project", "bytes", "language", "chunk_count", "fell_back", "masked", "note")
    list_filter = (LeftOut, ("masked", admin.EmptyFieldListFilter), "skip_reason", "fell_back", "language", "rag")
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
