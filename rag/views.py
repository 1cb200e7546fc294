"""The pages with an assistant. Nothing is processed here: a request is recorded, and a command works it off."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import conditional_page, require_http_methods, require_POST, require_safe

from portfolio.models import Project, ProjectRAG
from rag import answers, questions, streaming, suggestions
from rag.models import Conversation, Message

SESSION_KEY = "conversations"


class SeeOther(HttpResponseRedirect):
    """Go on to another page of this site, with a GET whatever this request was."""

    status_code = 303


@require_safe
@cache_control(private=True)  # staff see more
@conditional_page
def panel(request: HttpRequest, slug: str) -> HttpResponse:
    """The panel by itself; a page asks for it every two seconds while something is being done."""
    return render(request, "rag/panel.html", {"project": _project(slug)})


@require_POST
def initialize(request: HttpRequest, slug: str) -> HttpResponse:
    """Record that somebody wants this project's code read. Visitors can ask for the first time, staff any time."""
    project = _project(slug)
    is_new = project.rag.processing_status == ProjectRAG.Status.PENDING
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
def stream(request: HttpRequest, slug: str, message_id: uuid.UUID) -> HttpResponseBase:
    return streaming.respond(get_object_or_404(_messages(request, _project(slug)), pk=message_id))


@require_POST
def again(request: HttpRequest, slug: str, message_id: uuid.UUID) -> HttpResponse:
    """Ask an unfinished question once more, in the place of the unfinished answer."""
    project = _project(slug)
    unfinished = _messages(request, project).exclude(status=Message.Status.COMPLETE)
    old = get_object_or_404(unfinished, pk=message_id)
    message = Message.objects.create(conversation=old.conversation, question=old.question)
    old.delete()
    return _answer(request, project, message)


@require_POST
def clear(request: HttpRequest, slug: str) -> HttpResponse:
    project = _project(slug)
    _conversations(request, project).delete()
    request.session[SESSION_KEY] = {
        key: value for key, value in request.session.get(SESSION_KEY, {}).items() if key != str(project.pk)
    }
    return SeeOther(reverse("chat", args=[slug]))


def _ask(request: HttpRequest, project: Project) -> HttpResponse:
    question = questions.cleaned(request.POST.get("question", ""))
    if error := questions.problem(question):
        return _refuse(request, project, question, error)
    message = Message.objects.create(conversation=_conversation(request, project), question=question)
    return _answer(request, project, message)


def _answer(request: HttpRequest, project: Project, message: Message) -> HttpResponse:
    """With scripts the page streams it; without, it is written before the page comes back."""
    if "HX-Request" in request.headers:
        return render(request, "rag/_message.html", {"message": message, "sources": [], "project": project})
    if "stream" not in request.POST:
        answers.complete(message)
    return SeeOther(f"{reverse('chat', args=[project.slug])}#message-{message.pk}")


def _refuse(request: HttpRequest, project: Project, question: str, error: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        headers = {"HX-Retarget": "#question-error", "HX-Reswap": "textContent"}
        return HttpResponse(error, status=422, headers=headers, content_type="text/plain; charset=utf-8")
    return _page(request, project, question, error)


def _page(request: HttpRequest, project: Project, question: str = "", error: str = "") -> HttpResponse:
    asked = list(_messages(request, project).prefetch_related("sources"))
    context = {
        "project": project,
        "chat_messages": asked,
        "questions": [] if asked else suggestions.for_project(project),
        "question": question.replace("\0", "").encode("utf-8", "ignore").decode(),
        "error": error,
        "max_characters": settings.RAG_MAX_QUESTION_CHARACTERS,
    }
    return render(request, "rag/chat.html", context, status=422 if error else 200)


def _project(slug: str) -> Project:
    return get_object_or_404(Project.objects.published().with_assistants(), slug=slug)


def _conversations(request: HttpRequest, project: Project) -> QuerySet[Conversation]:
    """The visitor's own about this project: one or none."""
    known = request.session.get(SESSION_KEY, {}).get(str(project.pk))
    return Conversation.objects.filter(project=project, pk=known) if known else Conversation.objects.none()


def _conversation(request: HttpRequest, project: Project) -> Conversation:
    conversation = _conversations(request, project).first()
    if conversation is None:
        conversation = Conversation.objects.create(project=project)
        known = request.session.get(SESSION_KEY, {})
        request.session[SESSION_KEY] = {**known, str(project.pk): str(conversation.pk)}
    return conversation


def _messages(request: HttpRequest, project: Project) -> QuerySet[Message]:
    """What this visitor asked about this project; everybody else's is not there."""
    return Message.objects.filter(conversation__in=_conversations(request, project)).select_related("conversation")
