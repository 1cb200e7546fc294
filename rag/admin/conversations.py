"""What visitors asked, and what they were answered."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from rag import models
from rag.admin.read_only import ReadOnly


class MessageInline(ReadOnly, admin.StackedInline):
    model = models.Message
    fields = readonly_fields = (
        "question", "answer", "status", "found", "confidence", "provider", "model", "detour", "complexity",
        "error_code", "tokens_in", "tokens_out", "cost_usd", "retrieval_ms", "first_token_ms", "total_ms",
        "created_at", "first_answered_at", "cited",
    )  # fmt: skip
    extra = 0

    @admin.display(description="sources")
    def cited(self, message: models.Message) -> str:
        return "\n".join(f"{source}{' (cited)' if source.cited else ''}" for source in message.sources.all())


@admin.register(models.Conversation)
class ConversationAdmin(ReadOnly, admin.ModelAdmin):
    """What visitors asked. Conversations can be deleted, never edited."""

    list_display = ("created_at", "project", "first_question", "questions")
    list_filter = (
        "project", "ahead", "messages__status", "messages__found", ("messages__detour", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = ("project",)
    search_fields = ("messages__question",)
    inlines = (MessageInline,)
    fields = ("project", "created_at", "ahead")

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Conversation]:
        return super().get_queryset(request).prefetch_related("messages__sources")

    @admin.display(description="first question")
    def first_question(self, conversation: models.Conversation) -> str:
        return next((str(message) for message in conversation.messages.all()), "")

    @admin.display
    def questions(self, conversation: models.Conversation) -> int:
        return len(conversation.messages.all())
