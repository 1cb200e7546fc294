"""Who works on which project: requests, leases with fencing tokens, and what becomes of them.

A claim is one conditional UPDATE, so that of any number of workers one gets it. Its token guards every later write:
a worker that was stopped past its lease and wakes up again changes no row. All times are the database's.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest, Now

from config import logs
from portfolio import holders, states

if TYPE_CHECKING:
    from portfolio.models import ProjectRAG  # noqa: F401 — named in annotations

logger = logging.getLogger(__name__)

RENEWALS = 6  # within the time of a lease
JOIN_SECONDS = 5.0
MAX_ATTEMPTS = 3

CRASHED_CODE = "crashed"
CRASHED = (
    "Processing was cut off three times without an error of its own, as happens when memory runs out. "
    "Lower RAG_BATCH_SIZE or RAG_MAX_FILE_BYTES, or process it on a larger machine, then process it again: "
    "from the admin, or with --project-id."
)


class LeaseLost(Exception):
    """The claim on this project was taken away or has run out; nothing more may be written for it."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to write one project's state until it runs out or is taken away."""

    rag_id: int
    token: uuid.UUID

    @property
    def run(self) -> str:
        return self.token.hex[:8]  # what logs call it; too little to hold the lease by


class ProjectRAGQuerySet(models.QuerySet["ProjectRAG"]):
    """Reads and guarded writes of processing state. Guarded ones raise LeaseLost without the lease."""

    # What there is to do

    def with_repository(self) -> "ProjectRAGQuerySet":
        return self.exclude(project__repository_url="").select_related("project", "live_revision")

    def waiting(self) -> "ProjectRAGQuerySet":
        """Pending or requested ones, and failed ones: running the command by hand is how an owner retries.

        What was cancelled waits for a new request, and so does what killed its worker each time: cron runs the command
        by hand, too, and would never come to the others.
        """
        retried = Q(processing_status="failed") & ~Q(error_code=CRASHED_CODE)
        asked_for = Q(processing_status="pending") | retried | Q(requested_at__isnull=False)
        return self.with_repository().filter(asked_for, cancelled_at=None).exclude(processing_status="processing")

    def due(self) -> "ProjectRAGQuerySet":
        """What an unattended worker takes up: what has to wait has waited, and failed ones only when they may pass."""
        given_up = Q(processing_status="failed", requested_at__isnull=True, next_attempt_at__isnull=True)
        return self.waiting().exclude(given_up).exclude(next_attempt_at__gt=Now())

    def to_check(self, older_than: timedelta) -> "ProjectRAGQuerySet":
        """Ready ones whose repository was not looked at for that long."""
        ready = self.with_repository().filter(processing_status="ready", requested_at=None, cancelled_at=None)
        return ready.filter(Q(checked_at__isnull=True) | Q(checked_at__lte=Now() - Value(older_than)))

    def smallest_first(self) -> "ProjectRAGQuerySet":
        """Behind those that nothing has happened to: one that kills its worker costs no other its turn."""
        size, asked = F("source_bytes").asc(nulls_last=True), F("requested_at").asc(nulls_last=True)
        return self.order_by("attempts", size, asked, "pk")

    # What an owner or a visitor asks for

    def request(self, pk: int) -> bool:
        """Ask for processing; False when that was asked for already. Asked during a run, it is for another one."""
        served = Q(processing_status="processing", requested_at__lte=F("started_at"))
        asked = self.filter(Q(requested_at__isnull=True) | served, pk=pk).update(
            requested_at=Now(), cancelled_at=None, next_attempt_at=None,
            attempts=states.if_processing(F("attempts"), Value(0), states.NUMBER),
            processing_stage=states.if_processing(F("processing_stage"), Value("queued"), states.TEXT),
        )  # fmt: skip
        return bool(asked)

    def cancel(self, pk: int) -> bool:
        """Take back a request, or the claim of whoever works on it: that worker's next write fails.

        Until it is requested again nobody takes it up by himself.
        """
        asked = self.filter(pk=pk).filter(Q(requested_at__isnull=False) | Q(processing_status="processing"))
        resting = {
            "processing_status": states.if_processing(states.at_rest(), F("processing_status"), states.TEXT),
            "progress_percentage": states.if_processing(
                states.percentage_at_rest(), F("progress_percentage"), states.NUMBER
            ),
        }
        return bool(asked.update(**states.UNHELD | resting, requested_at=None, processing_stage="", cancelled_at=Now()))

    def reset(self, pk: int) -> None:
        """Back to the state of a new project: no index, no request, no error."""
        self.filter(pk=pk).update(
            **states.UNHELD, processing_status="pending", progress_percentage=0, requested_at=None, processing_stage="",
            live_revision=None, attempts=0, processing_error="", error_code="", next_attempt_at=None, started_at=None,
            finished_at=None, checked_at=None, cancelled_at=None,
        )  # fmt: skip

    # What a worker does

    def claim(self, pk: int, *, by_hand: bool = False) -> Lease | None:
        """Take the project, or None when somebody else holds it. `by_hand` starts the count of attempts anew."""
        token = uuid.uuid4()
        free = ~Q(processing_status="processing") | Q(lease_expires_at__lt=Now())
        taken = self.filter(free, pk=pk).update(
            processing_status="processing", processing_stage="fetching", progress_percentage=0, cancelled_at=None,
            attempts=Value(1) if by_hand else F("attempts") + 1, started_at=Now(), finished_at=None,
            lease_token=token, lease_expires_at=states.expiry(), lease_holder=holders.current(),
        )  # fmt: skip
        return Lease(rag_id=pk, token=token) if taken else None

    def renew(self, lease: Lease) -> None:
        self._guarded(lease, lease_expires_at=states.expiry())

    def advance(self, lease: Lease, *, stage: str, percentage: int = 0, **facts: Any) -> None:
        """Record where it stands. Within an attempt the percentage never goes back."""
        forward = Greatest(F("progress_percentage"), Value(percentage))
        self._guarded(lease, processing_stage=stage, progress_percentage=forward, **facts)

    def finish(self, lease: Lease, *, live_revision: int) -> None:
        """Ready: the new revision goes live in the same UPDATE."""
        self._guarded(
            lease, **states.UNHELD, **states.AFTERWARDS, processing_status="ready", progress_percentage=100,
            live_revision=live_revision, attempts=0, processing_error="", error_code="", next_attempt_at=None,
            checked_at=Now(),
        )  # fmt: skip

    def fail(self, lease: Lease, *, code: str, sentence: str, retry_in: timedelta | None, counted: bool = True) -> None:
        """Failed, with a sentence for the admin that names the remedy. `retry_in`: when a worker tries it again.

        `counted`: one of the attempts after which it is given up.
        """
        self._guarded(
            lease, **states.UNHELD, **states.AFTERWARDS, processing_status="failed", progress_percentage=0,
            processing_error=sentence, error_code=code, attempts=F("attempts") if counted else states.UNCOUNTED,
            next_attempt_at=None if retry_in is None else Now() + Value(retry_in),
        )  # fmt: skip

    def release(self, lease: Lease, *, wait: timedelta | None = None) -> None:
        """Give it back unfinished: queued again, the attempt uncounted, and not taken up before `wait` is over."""
        self._guarded(
            lease, **states.UNHELD, **states.QUEUED, attempts=states.UNCOUNTED,
            next_attempt_at=None if wait is None else Now() + Value(wait),
        )  # fmt: skip

    def sweep(self) -> int:
        """Free what dead workers left behind; after three such ends it is failed. Returns how many there were."""
        self._expire_dead()
        dead = self.filter(processing_status="processing", lease_expires_at__lt=Now())
        with transaction.atomic():
            # One that was stopped in the middle of a write holds its row for as long: nobody else is to wait for it.
            free = list(dead.select_for_update(skip_locked=True).values_list("pk", "attempts"))
            crashed = self.filter(pk__in=[pk for pk, attempts in free if attempts >= MAX_ATTEMPTS])
            crashed.update(
                **states.UNHELD, **states.AFTERWARDS, processing_status="failed", progress_percentage=0,
                processing_error=CRASHED, error_code=CRASHED_CODE, next_attempt_at=None,
            )  # fmt: skip
            self.filter(pk__in=[pk for pk, attempts in free if attempts < MAX_ATTEMPTS]).update(
                **states.UNHELD, **states.QUEUED
            )
        return len(free)

    def _expire_dead(self) -> None:
        """End the leases of processes of this machine that are no more, so that nobody waits for them to run out."""
        held = self.filter(processing_status="processing", lease_expires_at__gte=Now())
        for pk, token, holder in held.values_list("pk", "lease_token", "lease_holder"):
            if holders.is_dead(holder):
                self.filter(pk=pk, lease_token=token).update(lease_expires_at=Now() - Value(timedelta(microseconds=1)))

    @contextmanager
    def kept_alive(self, lease: Lease, every: float = 0) -> Iterator[None]:
        """Renew the lease from a thread of its own while the block runs, however long one step of it takes."""
        every = every or settings.RAG_LEASE_SECONDS / RENEWALS
        done = threading.Event()
        thread = threading.Thread(
            target=logs.carried(self._renew_until), args=(done, lease, every), name="lease", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(JOIN_SECONDS)

    def _renew_until(self, done: threading.Event, lease: Lease, every: float) -> None:
        """Also sweeps, so that what another worker left is not stuck for as long as this one is busy."""
        while not done.wait(every):
            try:
                self.renew(lease)
                self.sweep()
            except LeaseLost:
                return  # the worker finds out at its next write
            except DatabaseError as error:
                logger.warning("The lease could not be renewed, trying again: %s", error)
            finally:
                connection.close()

    def _guarded(self, lease: Lease, **changes: Any) -> None:
        if not self.filter(pk=lease.rag_id, lease_token=lease.token).update(**changes):
            raise LeaseLost(LeaseLost.__doc__)
