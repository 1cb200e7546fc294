"""Answers that are given again: which, how often, what that saved, and how to forget one."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rag import models
from rag.admin.read_only import ReadOnly
from rag.spending import prices


@admin.register(models.RememberedAnswer)
class RememberedAnswerAdmin(ReadOnly, admin.ModelAdmin):
    """Each with a link to the conversation that it was first given in."""

    list_display = ("question", "project", "commit", "writer", "answered_at", "times", "saved", "first")
    list_display_links = None
    list_filter = ("message__conversation__project", "writer")
    list_select_related = ("message__conversation__project", "revision")
    search_fields = ("message__question",)
    actions = ("forget",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[models.RememberedAnswer]":
        return super().get_queryset(request).filter(answered_at__isnull=False)

    def has_delete_permission(self, request: HttpRequest, obj: models.RememberedAnswer | None = None) -> bool:
        return False  # by its action, which says what it does

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("rag.delete_rememberedanswer"))

    @admin.display(ordering="message__question")
    def question(self, kept: models.RememberedAnswer) -> str:
        return str(kept.message)

    @admin.display(ordering="message__conversation__project__title")
    def project(self, kept: models.RememberedAnswer) -> str:
        return kept.message.conversation.project.title

    @admin.display
    def commit(self, kept: models.RememberedAnswer) -> str:
        return kept.revision.commit_sha[:10]

    @admin.display
    def saved(self, kept: models.RememberedAnswer) -> str:
        return prices.shown(kept.times * kept.message.cost_usd)

    @admin.display(description="first answer")
    def first(self, kept: models.RememberedAnswer) -> SafeString:
        page = reverse("admin:rag_conversation_change", args=[kept.message.conversation_id])
        return format_html('<a href="{}">{}</a>', page, "asked ahead" if kept.message.conversation.ahead else "asked")

    @admin.action(permissions=["forget"], description="Forget: whoever asks next is answered anew")
    def forget(self, request: HttpRequest, kept: "QuerySet[models.RememberedAnswer]") -> None:
        count, _ = kept.delete()
        self.message_user(request, f"{count} forgotten. What was shown to visitors stays with them.", messages.SUCCESS)
