"""Unanswered questions: what visitors looked for and did not find, how often, and whether it is found by now."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import RelatedOnlyFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from rag import embeddings, models, retrieval
from rag.admin.read_only import ReadOnly
from rag.answers import drafts, unanswered
from rag.answers.unanswered import Questions, UnansweredQuestion

MOST_ASKED_AGAIN = 20  # in one request: each is embedded and searched
QUOTED = 80  # characters of a question in a sentence


class ReviewFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*models.Message.Review.choices, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "New"}, *others]  # which it is when nothing is chosen

    def queryset(self, request: HttpRequest, queryset: "QuerySet[UnansweredQuestion]") -> Any:
        return queryset if self.value() == "all" else queryset.filter(review=self.value() or "")


@admin.register(UnansweredQuestion)
class UnansweredQuestionAdmin(ReadOnly, admin.ModelAdmin):
    """Each question once, its last time; "seen" and "resolved" hold for all the times it was asked."""

    list_display = ("asked", "project", "reason", "likely", "times", "closest", "last_asked", "state")
    list_filter = (ReviewFilter, ("conversation__project", RelatedOnlyFieldListFilter), "created_at")
    list_select_related = ("conversation__project__rag",)
    list_per_page = 50
    search_fields = ("question",)
    actions = ("ask_again", "mark_seen", "mark_resolved", "mark_new")
    fields = readonly_fields = ("question", "project", "created_at", "reason", "likely", "answer", "passages", "state")

    def get_queryset(self, request: HttpRequest) -> Questions:
        found: Questions = UnansweredQuestion.asked.in_vain().each_once().prefetch_related("sources")
        return found

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # with its conversation

    def has_review_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("rag.change_unansweredquestion"))

    @admin.display(description="question", ordering="question")
    def asked(self, question: UnansweredQuestion) -> str:
        return str(question)

    @admin.display(ordering="conversation__project__title")
    def project(self, question: UnansweredQuestion) -> str:
        return question.conversation.project.title

    @admin.display(description="why")
    def reason(self, question: UnansweredQuestion) -> str:
        if question.found is False:
            return "nothing found"
        cited = any(source.cited for source in question.sources.all())
        return "the answer says so" if cited else "the answer cites nothing"

    @admin.display(description="confidence", ordering="confidence", empty_value="–")
    def likely(self, question: UnansweredQuestion) -> str:
        return "" if question.confidence is None else f"{question.confidence:.0%}"

    @admin.display(ordering="times")
    def times(self, question: UnansweredQuestion) -> int:
        return int(getattr(question, "times"))  # noqa: B009 — by each_once

    @admin.display(description="last asked", ordering="created_at")
    def last_asked(self, question: UnansweredQuestion) -> datetime:
        return question.created_at

    @admin.display(description="closest passage", empty_value="–")
    def closest(self, question: UnansweredQuestion) -> str | SafeString:
        return next((_place(source) for source in question.sources.all()), "")

    @admin.display(empty_value="–")
    def passages(self, question: UnansweredQuestion) -> str | SafeString:
        return format_html_join(
            SafeString("<br>"), "[{}] {}", ((each.number, _place(each)) for each in question.sources.all())
        )

    @admin.display(ordering="review")
    def state(self, question: UnansweredQuestion) -> str:
        state = question.get_review_display() or "New"
        newer = question.revision_id != question.conversation.project.rag.live_revision_id
        return f"{state}; the code was read anew since" if newer else state

    @admin.action(permissions=["review"], description="Ask again: is it found by now? No model is asked")
    def ask_again(self, request: HttpRequest, questions: "QuerySet[UnansweredQuestion]") -> None:
        for question in questions[:MOST_ASKED_AGAIN]:
            try:
                level, said = _judged(unanswered.ask_again(question))
            except (embeddings.EmbeddingError, retrieval.NotIndexed, drafts.Removed) as error:
                level, said = messages.ERROR, str(error) or str(error.__doc__)
            self.message_user(request, f"“{question.question[:QUOTED]}”: {said}", level)
        if len(questions) > MOST_ASKED_AGAIN:
            said = f"Only {MOST_ASKED_AGAIN} of {len(questions)} were asked again: choose the others anew."
            self.message_user(request, said, messages.WARNING)

    @admin.action(permissions=["review"], description="Mark as seen")
    def mark_seen(self, request: HttpRequest, questions: "QuerySet[UnansweredQuestion]") -> None:
        self._mark(request, questions, models.Message.Review.SEEN)

    @admin.action(permissions=["review"], description="Mark as resolved")
    def mark_resolved(self, request: HttpRequest, questions: "QuerySet[UnansweredQuestion]") -> None:
        self._mark(request, questions, models.Message.Review.RESOLVED)

    @admin.action(permissions=["review"], description="Mark as new")
    def mark_new(self, request: HttpRequest, questions: "QuerySet[UnansweredQuestion]") -> None:
        self._mark(request, questions, "")

    def _mark(self, request: HttpRequest, questions: "QuerySet[UnansweredQuestion]", state: str) -> None:
        chosen = list(questions)
        for question in chosen:
            UnansweredQuestion.asked.alike(question).update(review=state)
        self.message_user(request, f"{len(chosen)} marked as {state or 'new'}.", messages.SUCCESS)


def _judged(found: retrieval.Found) -> tuple[int, str]:
    """How loud to say it, and what."""
    said = f"{'found now' if found.confident else 'still not found'}, confidence {found.confidence:.0%}"
    if found.passages:
        best = found.passages[0]
        said += f"; closest is {best.path}:{best.start_line}-{best.end_line}"
    return messages.SUCCESS if found.confident else messages.WARNING, said


def _place(source: models.MessageSource) -> SafeString:
    """A long path may go on in the next line after each folder: it would take the columns beside it off the page."""
    parts = f"{source.path}:{source.start_line}-{source.end_line}".split("/")
    place = format_html_join(SafeString("/<wbr>"), "{}", ((part,) for part in parts))
    return format_html('<a href="{}">{}</a>', source.url, place) if source.url else place
