"""The pages with an assistant. Nothing is processed here: a request is recorded, and a command works it off."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import conditional_page, require_GET, require_http_methods, require_POST, require_safe

from portfolio.models import Project, ProjectRAG
from rag import admission, answers, limits, questions, streaming, suggestions, visitors
from rag.models import Message, MessageSource

TURNS = 20  # questions with their answers on one page


class SeeOther(HttpResponseRedirect):
    """Go on to another page of this site, with a GET whatever this request was."""

    status_code = 303


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a question is not answered now, as a sentence; `retry_after` seconds it may be."""

    sentence: str
    status: int
    retry_after: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


@require_safe
@cache_control(private=True)  # staff see more
@conditional_page
def panel(request: HttpRequest, slug: str) -> HttpResponse:
    """The panel by itself; a page asks for it every two seconds while something is being done.

    Where no worker watches, whoever looks at what a dead one has left frees it.
    """
    project = _project(slug)
    if project.rag.is_abandoned:
        ProjectRAG.objects.sweep()
        project = _project(slug)
    return render(request, "rag/panel.html", {"project": project})


@require_POST
def initialize(request: HttpRequest, slug: str) -> HttpResponse:
    """Record that somebody wants this project's code read. Visitors can ask for the first time, staff any time."""
    project = _project(slug)
    is_new = project.rag.processing_status == ProjectRAG.Status.PENDING and project.rag.cancelled_at is None
    if project.repository_url and (is_new or getattr(request.user, "is_staff", False)):
        ProjectRAG.objects.request(project.rag.pk)
    if "HX-Request" in request.headers:
        return render(request, "rag/panel.html", {"project": _project(slug)})
    return SeeOther(project.get_absolute_url())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def chat(request: HttpRequest, slug: str) -> HttpResponse:
    project = _project(slug)
    if not project.rag.can_answer:
        messages.info(request, "Nothing can be asked yet: the code of this project has not been read.")
        return SeeOther(project.get_absolute_url())
    if request.method == "POST":
        return _ask(request, project)
    return _page(request, project)


@never_cache
@require_safe
def earlier(request: HttpRequest, slug: str, message_id: uuid.UUID) -> HttpResponse:
    """The questions before one."""
    project = _project(slug)
    return _page(request, project, before=get_object_or_404(visitors.messages(request, project), pk=message_id))


@never_cache
@require_safe
def source(request: HttpRequest, slug: str, message_id: uuid.UUID, number: int) -> HttpResponse:
    """The lines that an answer was given as its n-th source: where they unfold, or without scripts as a page."""
    project = _project(slug)
    given = MessageSource.objects.filter(message__in=visitors.messages(request, project)).select_related("message")
    found = get_object_or_404(given, message=message_id, number=number)
    template = "rag/_lines.html" if "HX-Request" in request.headers else "rag/source.html"
    return render(request, template, {"project": project, "source": found})


@never_cache
@require_GET  # a HEAD would have the whole answer written
def stream(request: HttpRequest, slug: str, message_id: uuid.UUID) -> HttpResponseBase:
    def find() -> Message:
        return get_object_or_404(visitors.messages(request, _project(slug)), pk=message_id)

    return streaming.respond(find, visitors.address(request))


@require_POST
def again(request: HttpRequest, slug: str, message_id: uuid.UUID) -> HttpResponse:
    """Ask an unfinished question once more, in the place of the unfinished answer."""
    project = _project(slug)
    unfinished = visitors.messages(request, project).exclude(status=Message.Status.COMPLETE)
    get_object_or_404(unfinished, pk=message_id)
    return _answer(request, project, lambda: _renewed(unfinished, message_id))


@require_POST
def clear(request: HttpRequest, slug: str) -> HttpResponse:
    visitors.forget(request, _project(slug))
    return SeeOther(reverse("chat", args=[slug]))


def _ask(request: HttpRequest, project: Project) -> HttpResponse:
    question = questions.cleaned(request.POST.get("question", ""))
    if sentence := questions.problem(question):
        return _refuse(request, project, Refusal(sentence=sentence, status=422), question)

    def store() -> Message:
        conversation = visitors.conversation(request, project)
        with transaction.atomic():
            limits.check_conversation(conversation)
            return Message.objects.create(conversation=conversation, question=question)

    return _answer(request, project, store, question)


def _answer(request: HttpRequest, project: Project, store: Callable[[], Message], question: str = "") -> HttpResponse:
    """With scripts the page streams it; without, it is written before the page comes back.

    `store` makes the message, once it is sure that the question is taken; `question` stays in the box when it is not.
    """
    if wait := visitors.seconds_to_wait(request):
        return _refuse(request, project, Refusal(sentence=visitors.TOO_MANY, status=429, retry_after=wait), question)

    def taken() -> Message:
        with limits.counted(visitors.address(request)):
            return store()

    try:
        if "HX-Request" in request.headers:
            return render(request, "rag/_message.html", {"message": taken(), "sources": [], "project": project})
        message = taken() if "stream" in request.POST else _completed(request, taken)
    except limits.LimitReached as reached:
        refusal = Refusal(sentence=str(reached), status=429, retry_after=reached.retry_after)
        return _refuse(request, project, refusal, question)
    except admission.Busy as busy:
        refusal = Refusal(sentence=str(busy), status=503, retry_after=busy.retry_after)
        return admission.expected(_refuse(request, project, refusal, question))
    return SeeOther(f"{reverse('chat', args=[project.slug])}#message-{message.pk}")


def _completed(request: HttpRequest, store: Callable[[], Message]) -> Message:
    with admission.admitted(visitors.address(request)):
        return answers.complete(store())


def _renewed(unfinished: QuerySet[Message], message_id: uuid.UUID) -> Message:
    """The same question as a new message in the old one's place.

    Whoever still writes the old one finds it gone. Of two who ask again at once, the second does, too.
    """
    with transaction.atomic():
        old = get_object_or_404(unfinished.select_for_update(of=("self",)), pk=message_id)
        new = Message.objects.create(conversation=old.conversation, question=old.question)
        new.created_at = old.created_at
        new.save(update_fields=["created_at"])
        old.delete()
    return new


def _refuse(request: HttpRequest, project: Project, refusal: Refusal, question: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        headers = {**refusal.headers, "HX-Retarget": "#question-error", "HX-Reswap": "textContent"}
        plain = "text/plain; charset=utf-8"
        return HttpResponse(refusal.sentence, status=refusal.status, headers=headers, content_type=plain)
    return _page(request, project, refusal=refusal, question=question)


def _page(
    request: HttpRequest, project: Project, *, before: Message | None = None, refusal: Refusal | None = None,
    question: str = "",
) -> HttpResponse:  # fmt: skip
    """The last TURNS questions, or the last of those `before` one."""
    shown, has_earlier = _turns(visitors.messages(request, project), before)
    context = {
        "project": project,
        "chat_messages": shown,
        "has_earlier": has_earlier,
        "is_latest": before is None,
        "questions": [] if shown else suggestions.for_project(project),
        "question": question.replace("\0", "").encode("utf-8", "ignore").decode(),
        "error": refusal.sentence if refusal else "",
        "max_characters": settings.RAG_MAX_QUESTION_CHARACTERS,
    }
    response = render(request, "rag/chat.html", context, status=refusal.status if refusal else 200)
    for name, value in (refusal.headers if refusal else {}).items():
        response.headers[name] = value
    return response


def _turns(asked: QuerySet[Message], before: Message | None) -> tuple[list[Message], bool]:
    """In the order they were asked, and whether there are earlier ones. The lines are read when they are unfolded."""
    if before is not None:
        at_once = Q(created_at=before.created_at, pk__lt=before.pk)
        asked = asked.filter(Q(created_at__lt=before.created_at) | at_once)
    sources = Prefetch("sources", MessageSource.objects.defer("text"))
    newest = list(asked.prefetch_related(sources).order_by("-created_at", "-pk")[: TURNS + 1])
    return newest[:TURNS][::-1], len(newest) > TURNS


def _project(slug: str) -> Project:
    return get_object_or_404(Project.objects.published().with_assistants(), slug=slug)
