"""What is paid: every call to a provider, what may still be spent, and what the owner has switched off."""

import uuid
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from portfolio.models import Project, ProjectRAG
from rag.models.conversations import Message

SWITCHED_OFF = "switched_off"  # the error code of runs that wait for the switch


def money(help_text: str = "") -> "models.DecimalField[Decimal, Decimal]":
    """US dollars, to a millionth."""
    return models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0), help_text=help_text)


class Call(models.Model):
    """One request to a model, paid or not. Kept when its project and its question are gone: the money is, too."""

    class Purpose(models.TextChoices):
        INDEX = "index"
        QUESTION = "question"
        AHEAD = "ahead"
        CHECK = "check"

    at = models.DateTimeField(db_default=Now(), db_index=True)  # the costs of the last days are summed by it
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    purpose = models.CharField(max_length=8, choices=Purpose)
    # No constraint in the database: whoever removes a project does not wait for its calls, nor they for it.
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="calls", db_constraint=False
    )
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost_usd = money()
    price_known = models.BooleanField(default=True, help_text="Otherwise its cost is by RAG_ASSUMED_PRICE.")
    latency_ms = models.PositiveIntegerField(default=0, help_text="To the end of its answer.")
    error_code = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "call to a model"
        verbose_name_plural = "calls to models"

    def __str__(self) -> str:
        return f"{self.model}, {self.purpose}, {self.at:%Y-%m-%d %H:%M}"


class CallSum(models.Model):
    """Calls of one day (UTC) that are not kept one by one any more. Each is either a row of its own or in one of these.

    The calls of a group that were folded later, which is rare, are another row.
    """

    day = models.DateField(db_index=True)  # the costs of the last days are summed by it
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    purpose = models.CharField(max_length=8, choices=Call.Purpose)
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    price_known = models.BooleanField(default=True)
    calls = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    cost_usd = money()

    def __str__(self) -> str:
        return f"{self.calls} of {self.model}, {self.purpose}, {self.day}"


class Allowance(models.Model):
    """What one scope has used of one day (UTC). Scopes: all, project:ID, visitor:HASH."""

    day = models.DateField()
    scope = models.CharField(max_length=80)
    spent_usd = money()
    held_usd = money("Of the calls that are under way, at most.")
    questions = models.PositiveIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, blank=True, help_text="When most of the budget was used up.")

    class Meta:
        constraints = [
            # Also finds it, for every call and question.
            models.UniqueConstraint(fields=["day", "scope"], name="one_allowance_a_day"),
            models.CheckConstraint(name="nothing_negative", condition=Q(spent_usd__gte=0, held_usd__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.scope}, {self.day}: ${self.spent_usd}"


class Hold(models.Model):
    """What a call that is under way costs at most. It counts as spent until it is settled.

    One that expires belonged to a process that was killed, and is charged in full.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    day = models.DateField()
    amount_usd = money()
    expires_at = models.DateTimeField(db_index=True)  # looked through before each hold
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    purpose = models.CharField(max_length=8, choices=Call.Purpose)
    project_id = models.BigIntegerField(null=True)
    message_id = models.UUIDField(null=True)
    price_known = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"${self.amount_usd} for {self.model}"

    @property
    def scopes(self) -> tuple[str, ...]:
        """Sorted: locked in this order by everybody, nobody waits for somebody who waits for them."""
        return ("all",) if self.project_id is None else ("all", f"project:{self.project_id}")


class Place(models.Model):
    """A question that is being answered, in whatever process. It frees itself when that process dies."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


class Switches(models.Model):
    """What the owner has switched off. Every question and every batch looks; a missing row means that all is on."""

    answers_by_models = models.BooleanField(
        default=True, help_text="Off: nothing of a question is sent to a provider; answers quote the best passages."
    )
    indexing_that_costs = models.BooleanField(
        default=True, help_text="Off: a run that would pay stops, keeps what it has, and goes on when this is on again."
    )

    class Meta:
        verbose_name_plural = "switches"
        constraints = [models.CheckConstraint(name="one_row_of_switches", condition=Q(pk=1))]

    def __str__(self) -> str:
        return "What is on"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)
        if self.indexing_that_costs:
            ProjectRAG.objects.filter(error_code=SWITCHED_OFF).update(next_attempt_at=Now())

    @classmethod
    def current(cls) -> "Switches":
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class Estimate(models.Model):
    """What the next run of a project would send and cost, as it was found out last."""

    rag = models.OneToOneField(ProjectRAG, on_delete=models.CASCADE, related_name="estimate")
    requested_at = models.DateTimeField(null=True, blank=True, help_text="Somebody wants to know; the command tells.")
    made_at = models.DateTimeField(null=True, blank=True)
    sentence = models.TextField(blank=True, help_text="Files, tokens, price and minutes, or what hinders it.")

    def __str__(self) -> str:
        return self.sentence or "not known yet"
