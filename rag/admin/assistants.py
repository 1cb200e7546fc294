"""Assistants: what stands where, what failed and what to do."""

from datetime import timedelta

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portfolio.models import ProjectRAG
from rag import embeddings, models, revisions
from rag.ingest import estimate
from rag.spending import prices


@admin.register(ProjectRAG)
class ProjectRAGAdmin(admin.ModelAdmin):
    list_display = ("project", "state", "last_error", "index", "embedding_model", "attempts", "duration", "cost")
    list_filter = ("processing_status", "processing_stage", "error_code")
    list_select_related = ("project", "live_revision")
    search_fields = ("project__title", "project__repository_url", "processing_error")
    ordering = ("project__title",)
    actions = ("process_again", "estimate_cost", "cancel", "reset")
    readonly_fields = (
        "project", "processing_status", "processing_stage", "percentage", "queued", "next_run", "processing_error",
        "error_code", "attempts", "next_attempt_at", "requested_at", "started_at", "finished_at", "duration",
        "checked_at", "source_bytes", "commit", "embedding_model", "files", "skipped_files", "masked_files", "chunks",
        "embedded", "cost", "timings", "lease_expires_at",
    )  # fmt: skip
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ProjectRAG | None = None) -> bool:
        return False  # it lives as long as its project; "reset" empties it

    @admin.display(ordering="processing_status")
    def state(self, rag: ProjectRAG) -> str:
        """Status, with stage, percentage and speed while there are some."""
        parts = [rag.get_processing_status_display()]
        if rag.processing_status == ProjectRAG.Status.PROCESSING:
            parts += [rag.get_processing_stage_display(), f"{rag.progress_percentage} %"]
            parts += [rag.processing_speed] if rag.processing_speed else []
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

    @admin.display(description="next run")
    def next_run(self, rag: ProjectRAG) -> str:
        """What it would send, cost and take, as last found out. A look at the repository takes a command."""
        known = models.Estimate.objects.filter(rag=rag).first()
        if known is None or not known.sentence:
            return _ASKED if known and known.requested_at else _UNKNOWN
        found = f"{known.sentence} (As of {timezone.localtime(known.made_at):%Y-%m-%d %H:%M}.)"
        return f"{found} {_ASKED}" if known.requested_at else found

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

    @admin.display(description="secrets masked")
    def masked_files(self, rag: ProjectRAG) -> str | SafeString:
        count = models.SourceFile.objects.with_secrets(rag.live_revision_id).count()
        if not count:
            return "none found"
        url = f"{reverse('admin:rag_sourcefile_changelist')}?rag__id__exact={rag.pk}&masked__isempty=0"
        return format_html('<a href="{}">in {} files</a>. {}', url, count, _CHANGE_THEM)

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
        live = rag.live_revision
        if live is None:
            return ""
        maker = live.embedding_provider or embeddings.maker(live.embedding_model)
        return prices.shown(live.cost_usd, is_known=prices.known(maker, live.embedding_model) is not None)

    @admin.display(empty_value="–")
    def timings(self, rag: ProjectRAG) -> str:
        stages = rag.live_revision.timings.items() if rag.live_revision else ()
        return ", ".join(f"{stage} {seconds} s" for stage, seconds in stages)

    @admin.action(permissions=["change"], description="Process again")
    def process_again(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        self._tell(request, sum(ProjectRAG.objects.request(rag.pk) for rag in rags), "queued for processing")

    @admin.action(permissions=["change"], description="Estimate what the next run costs")
    def estimate_cost(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        for rag in rags:
            estimate.request(rag)
        self._tell(request, len(rags), "queued for an estimate; nothing is paid for it")

    @admin.action(permissions=["change"], description="Cancel")
    def cancel(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> None:
        self._tell(request, sum(ProjectRAG.objects.cancel(rag.pk) for rag in rags), "cancelled")

    @admin.action(permissions=["change"], description="Reset: forget the index and start anew")
    def reset(self, request: HttpRequest, rags: QuerySet[ProjectRAG]) -> HttpResponse | None:
        """Asks first: until it is processed again, visitors get no answer."""
        if "confirmed" not in request.POST:
            about = {
                **self.admin_site.each_context(request), "title": "Reset: are you sure?", "rags": rags,
                "opts": self.opts, "checkbox": ACTION_CHECKBOX_NAME,
            }  # fmt: skip
            return TemplateResponse(request, "admin/rag/reset.html", about)
        for rag in rags:
            revisions.clear(rag)
        self._tell(request, len(rags), "reset")
        return None

    def _tell(self, request: HttpRequest, count: int, what: str) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{count} {what}." if count else f"There was nothing to be {what}.", level)


_ASKED = "An estimate is asked for: process_rag_async makes it, before it processes anything."
_CHANGE_THEM = (
    "Visitors and models do not see them, but whoever has the repository does: change those that open something."
)
_UNKNOWN = (
    "Not known yet. Choose “Estimate what the next run costs” in the list, or run process_rag_async --dry-run. To see "
    "it before anything is paid, cancel the assistant first and process it again afterwards."
)
