"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("", include("portfolio.urls")),
    path("projects/<slug:slug>/", include("rag.urls")),
    path("api/", include("rag.api")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
]
