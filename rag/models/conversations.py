"""What was asked, and what was answered from which lines."""

import uuid
from decimal import Decimal

from django.db import models

from portfolio.models import Project
from rag.models.index import Revision


class Conversation(models.Model):
    """A visitor's questions about one project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The secret that the visitor's session holds; none through the API and the command line.
    visitor = models.UUIDField(null=True, blank=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="conversations")
    ahead = models.BooleanField(
        default=False, db_default=False, help_text="A suggested question that was answered before anybody asked."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            # Also finds it, for every page and stream.
            models.UniqueConstraint(fields=["visitor", "project"], name="one_conversation_a_visitor"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, {self.created_at:%Y-%m-%d %H:%M}"


class Message(models.Model):
    """One question and its answer."""

    class Status(models.TextChoices):
        PENDING = "pending"
        STREAMING = "streaming"
        COMPLETE = "complete"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    class Review(models.TextChoices):
        """What the owner did about a question that was asked in vain; nothing yet when empty."""

        SEEN = "seen"
        RESOLVED = "resolved"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    # Kept when the revision goes: the sources are copies.
    revision = models.ForeignKey(Revision, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    question = models.TextField()
    answer = models.TextField(blank=True, help_text="Markdown, with [n] for the n-th source.")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    found = models.BooleanField(null=True, blank=True, help_text="Whether retrieval found anything relevant.")
    confidence = models.FloatField(null=True, blank=True, help_text="How likely the code answers it, 0…1.")
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=100, blank=True)
    detour = models.TextField(blank=True, help_text="Who was to answer and could not, and why.")
    complexity = models.FloatField(null=True, blank=True, help_text="0…1, where that decided who answers.")
    error_code = models.CharField(max_length=40, blank=True)
    review = models.CharField(max_length=8, choices=Review, blank=True, default="")
    # Without a constraint: whoever removes the first one does not wait for those that repeat it.
    repeats = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False,
        help_text="The same question, whose answer was given again.",
    )  # fmt: skip
    first_answered_at = models.DateTimeField(null=True, blank=True, help_text="Of an answer that was given again.")
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    retrieval_ms = models.PositiveIntegerField(null=True, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.question[:80]


class MessageSource(models.Model):
    """A passage that an answer was given, copied so that it can be read when the index has moved on."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="sources")
    number = models.PositiveSmallIntegerField()
    path = models.TextField()
    language = models.CharField(max_length=40, blank=True)
    symbol = models.TextField(blank=True)
    start_line = models.PositiveIntegerField()
    end_line = models.PositiveIntegerField()
    commit_sha = models.CharField(max_length=64)
    url = models.TextField(blank=True, help_text="The lines on the repository's host; empty for a local repository.")
    text = models.TextField()
    score = models.FloatField()
    cited = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="one_source_a_number")]

    def __str__(self) -> str:
        return f"[{self.number}] {self.path}:{self.start_line}-{self.end_line}"
