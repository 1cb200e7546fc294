"""What is asked of the admin and fits no field: a year before the first, a word where an id belongs.

Django refuses most of it while it builds a query; the rest is seen only when the query is compiled or run. Here that,
too, ends in Django's own ways: with the whole list and a sentence, or as not found. What the program itself does wrong
stays an exception.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import ValidationError
from django.db import DataError, ProgrammingError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

FILTERS = "What this list was asked for does not fit it: no filter, search or page was applied."
SELECTION = "This selection does not fit the list: nothing was done. Choose among the rows below."
# What lookups, psycopg and PostgreSQL say of values that they cannot take; none says that the database is away.
_NO_FIT = (ValueError, TypeError, IndexError, ArithmeticError, ValidationError, DataError, ProgrammingError)


class FittingList(ChangeList):
    """Blames the address for what goes wrong with a query that it filters.

    Not for what goes wrong without it, which the whole list shows, nor for what a filter of the program's own raises.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        with _blaming(self.filter_params):
            return super().get_filters(request)

    def get_results(self, request: HttpRequest) -> None:
        with _blaming(self.filter_params):
            super().get_results(request)


class FittingAdmin(ModelAdmin):
    """What stands before the admin of each model."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FittingList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            found = super().get_changelist_instance(request)
            if found.add_facets:  # the page counts them again, while it is rendered: too late to lead elsewhere
                with _blaming(found.filter_params):
                    for each in found.filter_specs:
                        each.get_facet_queryset(found)  # type: ignore[attr-defined]  # the stubs lack it
            return found
        except IncorrectLookupParameters as error:
            _log(error.__cause__ or error.__context__ or error)
            self.message_user(request, FILTERS, messages.WARNING)
            raise  # Django leads to the whole list

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, object_id, from_field or None)  # Django looks for a field without a name

    def response_action(  # type: ignore[override]  # the stubs are a version ahead
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Looks at the ids before the action does, so that none has to."""
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(chosen)
        except ValidationError as error:
            _log(error)
            self.message_user(request, SELECTION, messages.WARNING)
            return None  # Django leads back to the list
        return super().response_action(request, queryset)


def fitting(admin_class: type[ModelAdmin]) -> type[FittingAdmin]:
    """`admin_class` behind FittingAdmin, under its own name."""
    return type(admin_class.__name__, (FittingAdmin, admin_class), {"__module__": admin_class.__module__})


def view_on_site(request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponse:
    """Django's, which knows ids that are no numbers, but none that are no UUIDs."""
    try:
        return shortcut(request, content_type_id, object_id)
    except (ValidationError, DataError) as error:
        raise Http404 from error


@contextmanager
def _blaming(asked: Mapping[str, Any]) -> Iterator[None]:
    """If anything was asked for, it is to blame."""
    try:
        yield
    except _NO_FIT as error:
        if not asked:
            raise
        raise IncorrectLookupParameters(error) from error


def _log(reason: BaseException) -> None:
    said = str(reason).partition("\n")[0]  # PostgreSQL's second line is the query
    logger.warning("The admin was asked for what does not fit: %s: %s", type(reason).__name__, said)
