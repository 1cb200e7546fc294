"""What a project's row is set to when its work is queued, given back or over, as expressions for an UPDATE."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest, Now


def expiry() -> Any:
    """When a lease that is given or renewed now runs out."""
    return Now() + Value(timedelta(seconds=settings.RAG_LEASE_SECONDS))


def at_rest() -> Case:
    """What a row is called that nobody works on: ready while there is something to answer from."""
    return Case(When(live_revision__isnull=False, then=Value("ready")), default=Value("pending"))


def percentage_at_rest() -> Case:
    return Case(When(live_revision__isnull=False, then=Value(100)), default=Value(0))


def if_processing(then: Any, otherwise: Any, field: "models.Field[Any, Any]") -> Case:
    """`then` for a row that somebody works on, else `otherwise`."""
    return Case(When(processing_status="processing", then=then), default=otherwise, output_field=field)


NUMBER = models.PositiveSmallIntegerField()
TEXT = models.CharField()
UNCOUNTED = Greatest(F("attempts") - 1, Value(0))
UNHELD: dict[str, Any] = {
    "lease_token": None, "lease_expires_at": None, "lease_holder": "", "processing_speed": "",
}  # fmt: skip
# A request that was made after the run began is for another one.
_STILL_ASKED = Case(When(requested_at__gt=F("started_at"), then=F("requested_at")), default=None)
AFTERWARDS: dict[str, Any] = {"processing_stage": "", "requested_at": _STILL_ASKED, "finished_at": Now()}
QUEUED: dict[str, Any] = {
    "processing_status": at_rest(),
    "progress_percentage": percentage_at_rest(),
    "processing_stage": "queued",
    "requested_at": Now(),
}
