"""What it costs: calls one by one, their sums with a chart, today's budgets, and the switches that stop it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from rag import models
from rag.admin.read_only import ReadOnly
from rag.spending import budgets, costs, savings

SPANS = (7, 30, 90)  # days


@admin.register(models.Call)
class CallAdmin(ReadOnly, admin.ModelAdmin):
    """Every call, and at costs/ what they come to."""

    list_display = (
        "at", "purpose", "provider", "model", "project", "tokens_in", "tokens_out", "cost", "latency_ms", "error_code",
    )  # fmt: skip
    list_filter = ("purpose", "provider", "model", "price_known", "error_code", "project")
    list_select_related = ("project",)
    date_hierarchy = "at"
    show_full_result_count = False
    change_list_template = "admin/calls.html"
    fields = (*list_display, "message")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [path("costs/", self.admin_site.admin_view(self.costs), name="rag_costs"), *super().get_urls()]

    @admin.display(ordering="cost_usd")
    def cost(self, call: models.Call) -> str:
        return f"${call.cost_usd:.6f}{'' if call.price_known else ' (assumed price)'}"

    def costs(self, request: HttpRequest) -> HttpResponse:
        """The sums of the last days. Nothing here is cached: an owner who looks is worried."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        budgets.expire()
        wanted = request.GET.get("days", "")
        paid = costs.of_last(int(wanted) if wanted in map(str, SPANS) else 30)
        context = {
            **self.admin_site.each_context(request),
            "title": "What the models cost",
            "paid": paid,
            "bars": costs.bars(paid.by_day),
            "dearest_day": max(line.cost for line in paid.by_day),
            "spent_on": [line for line in reversed(paid.by_day) if line.calls],
            "saved": savings.of_last(paid.days),
            "budgets": costs.of_today(),
            "switches": models.Switches.current(),
            "spans": SPANS,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/costs.html", context)


@admin.register(models.Switches)
class SwitchesAdmin(admin.ModelAdmin):
    """One row, which is there as soon as somebody looks for it."""

    list_display = ("__str__", "answers_by_models", "indexing_that_costs")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Switches | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        models.Switches.objects.get_or_create(pk=1)
        return super().changelist_view(request, extra_context)
