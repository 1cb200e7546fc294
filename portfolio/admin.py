"""Where the owner edits what is shown."""

from typing import Any

from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from portfolio import storage
from portfolio.models import Owner, Project

admin.site.site_header = "Docent"
admin.site.site_title = "Docent"
admin.site.index_title = "Your portfolio"
admin.site.enable_nav_sidebar = False  # there are few models, and the lists need the width


class PictureAdmin(admin.ModelAdmin):
    """For models with one picture, which is checked before it is kept."""

    picture_field: str

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == self.picture_field and field is not None:
            field.validators.append(_check_picture)
            field.help_text = (
                f"{field.help_text} PNG, JPEG, WebP or GIF, at most {storage.MAX_BYTES // 10**6} MB.".strip()
            )
        return field


@admin.register(Project)
class ProjectAdmin(PictureAdmin):
    picture_field = "image"
    list_display = ("title", "is_published", "position", "assistant", "repository_url", "updated_at")
    list_editable = ("is_published", "position")
    list_filter = ("is_published", "rag__processing_status")
    list_select_related = ("rag",)
    search_fields = ("title", "summary", "tags", "repository_url")
    prepopulated_fields = {"slug": ("title",)}
    fieldsets = (
        (None, {"fields": ("title", "slug", "summary", "tags", "is_published", "position")}),
        ("The repository", {"fields": ("repository_url", "ref"), "description": "What its assistant reads."}),
        ("The project's page", {"fields": ("description", "homepage_url", "image")}),
    )

    @admin.display(ordering="rag__processing_status")
    def assistant(self, project: Project) -> str:
        rag = project.rag
        percentage = f", {rag.progress_percentage} %" if rag.processing_status == rag.Status.PROCESSING else ""
        return f"{rag.processing_status}{percentage}"

    def get_deleted_objects(
        self, projects: Any, _request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the owner is asked about: projects. What belongs to one goes with it, though it may not go alone."""
        titles = [f"{project}, with its index and its conversations" for project in projects]
        return titles, {"projects": len(titles)}, set(), []

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:
            project.delete()  # each by itself, because that also keeps workers away

    def view_on_site(self, project: Project) -> str | None:
        return project.get_absolute_url() if project.is_published else None


@admin.register(Owner)
class OwnerAdmin(PictureAdmin):
    """There is one owner, so its link leads straight to the form."""

    picture_field = "picture"
    fields = ("name", "headline", "about", "picture", "links")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        Owner.objects.get_or_create(pk=1)
        return redirect(reverse("admin:portfolio_owner_change", args=[1]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Owner | None = None) -> bool:
        return False


def _check_picture(upload: Any) -> None:
    if isinstance(upload, UploadedFile):
        upload.seek(0)
        storage.redrawn(upload.read())
