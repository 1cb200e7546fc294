"""What an owner should know at a glance: what is stuck, what fails, what is under way, and what is spent today.

For the first page of the admin, rag_status and the deep look of /healthz. Reads only, a few rows of each kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from portfolio.models import ProjectRAG
from rag import models
from rag.spending import costs

LONG_QUEUED = timedelta(minutes=30)  # twice what a cron job of every quarter of an hour may take
LONG_ANSWERED = timedelta(minutes=10)
LATELY = timedelta(days=1)
MOST = 8  # facts of a kind


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A sentence about `title`; `rag_id` of the assistant that it is about, if it is about one."""

    title: str
    sentence: str
    rag_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The first MOST of a kind, and how many more there are."""

    shown: tuple[Fact, ...]
    more: int = 0

    def __len__(self) -> int:
        return len(self.shown) + self.more


@dataclass(frozen=True, kw_only=True)
class Overview:
    """`stuck` and `failing` want the owner; `under_way` goes by itself. `spent` today, in US dollars."""

    projects: int
    ready: int
    stuck: Facts
    failing: Facts
    under_way: Facts
    spent: Decimal
    notices: tuple[str, ...]

    @property
    def is_calm(self) -> bool:
        return not (self.stuck or self.failing or self.notices)

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        ready = f"{self.ready} of {self.projects} assistants ready" if self.projects else "No projects yet"
        under_way = f", {len(self.under_way)} under way" if self.under_way else ""
        return f"{ready}{under_way}. ${self.spent:.4f} spent today (UTC)."


def now() -> Overview:
    at = timezone.now()
    rags = ProjectRAG.objects.filter(_IN_MOTION).select_related("project").order_by("project__title")
    everything = ProjectRAG.objects.aggregate(all=Count("pk"), ready=Count("pk", Q(processing_status="ready")))
    budgets = costs.of_today()
    return Overview(
        projects=everything["all"], ready=everything["ready"],
        stuck=_facts(chain(_stuck(rags, at), _unanswered(at))),
        failing=_facts(chain(_failed(rags, at), _refused(at), _broken(at))),
        under_way=_facts(_under_way(rags, at)),
        spent=next((budget.spent for budget in budgets if budget.scope == "all"), Decimal(0)),
        notices=tuple(costs.notices()),
    )  # fmt: skip


def _facts(found: Iterator[Fact]) -> Facts:
    everything = tuple(found)
    return Facts(shown=everything[:MOST], more=max(0, len(everything) - MOST))


def _stuck(rags: "QuerySet[ProjectRAG]", at: datetime) -> Iterator[Fact]:
    for rag in rags:
        if rag.lease_expires_at and rag.lease_expires_at < at:
            yield _of(rag, f"Its worker has been gone for {_since(rag.lease_expires_at, at)}. {_RUN}")
        elif _waits(rag) and rag.requested_at and rag.requested_at < at - LONG_QUEUED:
            yield _of(rag, f"Queued for {_since(rag.requested_at, at)}, and no worker took it up. {_RUN}")


def _under_way(rags: "QuerySet[ProjectRAG]", at: datetime) -> Iterator[Fact]:
    for rag in rags:
        if rag.lease_expires_at and rag.lease_expires_at >= at:
            speed = f", {rag.processing_speed}" if rag.processing_speed else ""
            stage = rag.get_processing_stage_display()
            yield _of(rag, f"{stage[:1].upper()}{stage[1:]}, {rag.progress_percentage} %{speed}")
        elif _waits(rag) and rag.requested_at and rag.requested_at >= at - LONG_QUEUED:
            yield _of(rag, f"Queued for {_since(rag.requested_at, at)}")


def _failed(rags: "QuerySet[ProjectRAG]", at: datetime) -> Iterator[Fact]:
    for rag in rags:
        if rag.processing_status == ProjectRAG.Status.FAILED:
            later = rag.next_attempt_at
            again = f"Tried again in {timeuntil(later, at)}." if later and later > at else _NOT_AGAIN
            yield _of(rag, f"{rag.processing_error} {again if not rag.is_queued else 'It is queued again.'}")


def _unanswered(at: datetime) -> Iterator[Fact]:
    open_ones = models.Message.objects.filter(status__in=["pending", "streaming"], started_at__lt=at - LONG_ANSWERED)
    if count := open_ones.count():
        yield Fact(title="Answers", sentence=f"{count} began long ago and did not end. Their visitors can ask again.")


def _refused(at: datetime) -> Iterator[Fact]:
    """By provider: what it refuses shows here first."""
    calls = models.Call.objects.filter(at__gte=at - LATELY).exclude(error_code="").order_by()
    for row in calls.values("provider", "model", "error_code").annotate(count=Count("pk")).order_by("-count"):
        times = f"{row['count']} call{'s' * (row['count'] > 1)} failed"
        yield Fact(title=f"{row['provider']}, {row['model']}", sentence=f"{times} in 24 hours: {row['error_code']}.")


def _broken(at: datetime) -> Iterator[Fact]:
    asked = models.Message.objects.filter(created_at__gte=at - LATELY)
    counts = asked.aggregate(all=Count("pk"), failed=Count("pk", Q(status="failed")))
    if counts["failed"]:
        yield Fact(title="Answers", sentence=f"{counts['failed']} of {counts['all']} failed in 24 hours.")


def _of(rag: ProjectRAG, sentence: str) -> Fact:
    return Fact(title=rag.project.title, sentence=sentence, rag_id=rag.pk)


def _waits(rag: ProjectRAG) -> bool:
    return rag.is_queued and rag.cancelled_at is None and rag.processing_status != ProjectRAG.Status.FAILED


def _since(moment: datetime, at: datetime) -> str:
    return timesince(moment, at, depth=1)


_IN_MOTION = Q(processing_status__in=["processing", "failed"]) | Q(requested_at__isnull=False)
_RUN = "Run process_rag_async, or look after the worker or the cron job."
_NOT_AGAIN = "Nobody tries it again by itself."
