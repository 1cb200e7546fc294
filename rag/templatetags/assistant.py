"""What the assistant's templates call by name."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portfolio import markdown
from portfolio.models import Project
from rag import answers, sources, suggestions
from rag.models import Message, MessageSource, Revision

register = template.Library()


@register.inclusion_tag("rag/_panel.html", takes_context=True)
def panel(context: dict[str, Any], project: Project) -> dict[str, object]:
    """Where the project's assistant stands, and what can be done about it."""
    rag = project.rag
    return {
        "project": project,
        "questions": suggestions.for_project(project),
        "is_staff": getattr(context.get("user"), "is_staff", False),
        # A pending one too: a worker may take it up at any time.
        "polls": rag.is_queued or (rag.processing_status in ("pending", "processing") and bool(project.repository_url)),
    }


@register.simple_tag
def answer(message: Message, given: Sequence[MessageSource], project: Project) -> SafeString:
    """The answer's HTML: `[n]` leads to the lines of source n, other links nowhere but into the repository."""
    repository = repository_link(project)
    citations = {
        source.number: markdown.Citation(
            href=source.url or f"#{source_id(source)}",
            source=source_id(source),
            title=f"{source.path}, lines {source.start_line}–{source.end_line}",
        )
        for source in given
    }
    return markdown.render(message.answer, links=[repository] if repository else [], citations=citations)


@register.filter
def source_id(source: MessageSource) -> str:
    return f"source-{source.message_id}-{source.number}"


@register.simple_tag
def lines(source: MessageSource) -> SafeString:
    return markdown.highlight(source.text, source.path, source.start_line)


@register.simple_tag
def path(path: str) -> SafeString:
    """Breaks after slashes only, and the file's name stands out."""
    folder, _, name = path.rpartition("/")
    broken = mark_safe(conditional_escape(f"{folder}/").replace("/", "/<wbr>")) if folder else ""  # noqa: S308 — escaped
    return format_html("{}<b>{}</b>", broken, name)


@register.simple_tag
def shown_sources(message: Message, given: Sequence[MessageSource]) -> dict[str, list[MessageSource]]:
    """Those that the answer cites, and the others; all, while it is being written or when it cites none."""
    cited = [source for source in given if source.cited]
    if not cited:
        return {"shown": list(given), "others": []}
    return {"shown": cited, "others": [source for source in given if not source.cited]}


@register.simple_tag
def repository_link(project: Project) -> str:
    """The repository's own page; empty for one of this computer and for an address that is refused."""
    return _web_url(project.repository_url)


@register.simple_tag
def commit_link(revision: Revision) -> str:
    """The indexed commit on the repository's host."""
    page = _web_url(revision.repository_url)
    before = "-/commit" if "gitlab" in (urlsplit(page).hostname or "") else "commit"
    return page and f"{page}/{before}/{quote(revision.commit_sha, safe='')}"


@register.filter
def code_spans(question: str) -> SafeString:
    """Text with `these` as code."""
    pieces = str(conditional_escape(question)).split("`")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["`".join(pieces[-2:])]
    return mark_safe("".join(f"<code>{piece}</code>" if odd % 2 else piece for odd, piece in enumerate(pieces)))  # noqa: S308


@register.filter
def host(url: str) -> str:
    return urlsplit(url).hostname or ""


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def is_live(message: Message) -> bool:
    """Whether its answer is still to come."""
    return message.status in (Message.Status.PENDING, Message.Status.STREAMING)


@register.filter
def sentence(message: Message) -> str:
    return answers.sentence(message)


@register.filter
def origin(message: Message) -> str:
    """Who wrote the answer, and how long it took, or when it was written for the same question."""
    if not message.provider:
        return ""
    if message.first_answered_at:
        day = date_format(timezone.localtime(message.first_answered_at), "j F Y")
        return f"Answered before, on {day}, from the same commit · written by {message.model}"
    writer = "Quoted without a language model" if message.provider == "extractive" else f"Written by {message.model}"
    return f"{writer} in {message.total_ms / 1000:.1f} s" if message.total_ms else writer


def _web_url(repository_url: str) -> str:
    try:
        return sources.parse(repository_url).web_url
    except sources.SourceError:
        return ""
