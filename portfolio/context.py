"""What every template may ask for."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portfolio.models import Owner


def owner(request: HttpRequest) -> dict[str, object]:
    """`owner`: read when a template first shows it, so that the admin and fragments do without the query."""
    return {"owner": SimpleLazyObject(Owner.current)}
