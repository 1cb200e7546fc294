"""Answers that are given again to the same question, and what that has saved."""

from django.db import models

from portfolio.models import Project
from rag.models.conversations import Message
from rag.models.index import Revision
from rag.models.spending import money


class RememberedAnswer(models.Model):
    """The answer to a question about one revision, or, without `answered_at`, the one that is being written.

    It goes with its revision and with its message. Neither has a constraint: whoever removes one does not wait for it,
    and what is left over by chance is never found, being of no live revision or without an answer.
    """

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    writer = models.CharField(max_length=150, help_text="provider/model")
    rules = models.CharField(max_length=16, help_text="Fingerprint of all that makes an answer of a question.")
    question_sha256 = models.BinaryField(max_length=32, help_text="Of the form that is the same for the same question.")
    claimed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    times = models.PositiveIntegerField(default=0, help_text="Given again.")

    class Meta:
        ordering = ["-answered_at", "-pk"]
        constraints = [
            # Also finds it, for every question; and lets one of many at once ask the model.
            models.UniqueConstraint(
                fields=["revision", "question_sha256", "writer", "rules"], name="one_answer_a_question"
            ),
        ]

    def __str__(self) -> str:
        return str(self.message)


class Saving(models.Model):
    """How many questions a project was asked on one day (UTC), and what those saved that had been answered before."""

    day = models.DateField()
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    questions = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    saved_usd = money("What the repeated answers had cost the first time.")

    class Meta:
        constraints = [
            # Also finds it, for every question and for the sums of the last days.
            models.UniqueConstraint(fields=["day", "project"], name="one_saving_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, {self.day}: {self.repeated} of {self.questions}"
