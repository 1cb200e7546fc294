"""The pages that need no assistant: the list, a project, pictures, and what search engines read."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from portfolio.models import Owner, Project, StoredFile


@require_safe
@cache_control(private=True)  # it may say what somebody's last action came to
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "portfolio/home.html", {"projects": Project.objects.published().with_assistants()})


@require_safe
@cache_control(private=True)  # staff see more, and each visitor's form has a token of their own
def project(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Project.objects.published().with_assistants(), slug=slug)
    return render(request, "portfolio/project.html", {"project": found})


@require_safe
def media(request: HttpRequest, name: str) -> HttpResponse:
    """A picture. Its name is random and its content never changes; one that no page shows is for staff only."""
    if "\0" in name:  # which no text of the database can hold
        raise Http404
    shown = Project.objects.published().filter(image=name), Owner.objects.filter(picture=name)
    is_hidden = not any(each.exists() for each in shown)
    if is_hidden and not getattr(request.user, "is_staff", False):
        raise Http404
    file = get_object_or_404(StoredFile, name=name)
    headers = {
        # No cache but the browser's own: once its project is hidden, nobody else gets it.
        "Cache-Control": "private" if is_hidden else "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline",
    }
    return HttpResponse(bytes(file.content), content_type=file.content_type, headers=headers)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For what asks for it unasked, such as a browser in the admin."""
    return redirect(static("img/favicon.svg"))


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return render(request, "robots.txt", content_type="text/plain; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    return render(request, "sitemap.xml", {"projects": Project.objects.published()}, content_type="application/xml")
