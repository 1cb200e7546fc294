"""What is shown: projects, the state of their assistants, and the person whose portfolio this is."""

from datetime import datetime
from typing import Any

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from portfolio import claims


class ProjectQuerySet(models.QuerySet["Project"]):
    def published(self) -> "ProjectQuerySet":
        """What visitors may know of; everything they reach starts here."""
        return self.filter(is_published=True)

    def with_assistants(self) -> "ProjectQuerySet":
        return self.select_related("rag", "rag__live_revision")


class Project(models.Model):
    """One piece of work that the owner shows, and the repository that its assistant reads."""

    title = models.CharField(max_length=120)
    slug = models.SlugField(
        max_length=120, unique=True, blank=True, help_text="Its address; made from the title when empty."
    )
    summary = models.CharField(max_length=240, blank=True, help_text="One or two sentences for the card.")
    description = models.TextField(blank=True, help_text="Markdown, for the project's own page.")
    repository_url = models.CharField(
        max_length=500, blank=True, help_text="https://github.com/owner/name, or another host that is allowed."
    )
    ref = models.CharField(
        max_length=200,
        blank=True,
        verbose_name="branch or tag",
        help_text="The repository's default branch when empty.",
        validators=[
            RegexValidator(r"^[A-Za-z0-9_][\w./+@-]*$", "A branch or tag name: letters, digits and . _ / + @ -")
        ],
    )
    homepage_url = models.URLField(blank=True)
    image = models.ImageField(upload_to="projects", blank=True, help_text="A cover is drawn from the title when empty.")
    tags = models.CharField(max_length=200, blank=True, help_text="Separated by commas.")
    is_published = models.BooleanField(default=False, help_text="Visitors see published projects only.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Smaller numbers come first.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["position", "-created_at", "pk"]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """With its assistant at once: a page that is read in between shows both or neither."""
        if not self.slug:
            self.slug = self._free_slug()
        with transaction.atomic():
            super().save(*args, **kwargs)
            ProjectRAG.objects.get_or_create(project=self)

    def get_absolute_url(self) -> str:
        return reverse("project", args=[self.slug])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Waits for what a worker is just writing of it, and then lets none write: each write begins with that row.

        Otherwise both would wait for rows of the other, and one would fail.
        """
        with transaction.atomic():
            ProjectRAG.objects.select_for_update().filter(project=self).first()
            return super().delete(*args, **kwargs)

    @property
    def tag_list(self) -> list[str]:
        return [tag.strip() for tag in self.tags.split(",") if tag.strip()]

    def _free_slug(self) -> str:
        base = slugify(self.title)[:110] or "project"
        taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True))
        return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


class ProjectRAG(models.Model):
    """The state of one project's assistant: where its processing stands, and who holds the claim on it.

    `processing` always has a lease (token and expiry by the database's clock), and only the holder of the token writes;
    100 % and `ready` are the same thing. `live_revision` is what visitors are answered from, also while a newer one is
    built.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        READY = "ready"
        FAILED = "failed"

    class Stage(models.TextChoices):
        QUEUED = "queued", "waiting for its turn"
        FETCHING = "fetching", "fetching the repository"
        CHUNKING = "chunking", "reading the files"
        EMBEDDING = "embedding", "embedding the code"
        INDEXING = "indexing", "building the index"
        VALIDATING = "validating", "checking the index"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="rag")
    processing_status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    processing_stage = models.CharField(max_length=12, choices=Stage, default="", blank=True)
    progress_percentage = models.PositiveSmallIntegerField(default=0)
    processing_speed = models.CharField(max_length=120, blank=True, help_text="And how long it still takes.")
    processing_error = models.TextField(blank=True, help_text="What went wrong and what to do about it; for admins.")
    error_code = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since the last success or request.")
    next_attempt_at = models.DateTimeField(null=True, blank=True, help_text="When --watch tries a failure again.")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="Left alone until requested again.")
    requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="The last look for new commits.")
    source_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="Text to read, as last listed.")
    live_revision = models.ForeignKey(
        "rag.Revision", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=200, blank=True)

    objects = claims.ProjectRAGQuerySet.as_manager()

    class Meta:
        verbose_name = "assistant"
        constraints = [
            models.CheckConstraint(
                name="hundred_percent_is_ready",
                condition=Q(processing_status="ready", progress_percentage=100)
                | (~Q(processing_status="ready") & Q(progress_percentage__lt=100)),
            ),
            models.CheckConstraint(
                name="processing_has_a_lease",
                condition=Q(processing_status="processing", lease_token__isnull=False, lease_expires_at__isnull=False)
                | (~Q(processing_status="processing") & Q(lease_token__isnull=True, lease_expires_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="failed_says_why",
                condition=~Q(processing_status="failed") | (~Q(processing_error="") & ~Q(error_code="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.processing_status}"

    @property
    def is_queued(self) -> bool:
        return self.requested_at is not None and self.processing_status != self.Status.PROCESSING

    @property
    def is_abandoned(self) -> bool:
        """Whether whoever worked on it has given no sign of life for as long as a lease lasts."""
        expires = self.lease_expires_at
        return self.processing_status == self.Status.PROCESSING and expires is not None and expires < timezone.now()

    @property
    def can_answer(self) -> bool:
        """Whether there is an index to answer from, whatever is being done to it."""
        return self.live_revision_id is not None

    def seconds_taken(self, now: datetime) -> float | None:
        """Seconds of the last attempt, up to `now` while it runs."""
        if self.started_at is None:
            return None
        return ((self.finished_at or now) - self.started_at).total_seconds()


class Owner(models.Model):
    """Whose portfolio it is. There is one row; before it is edited, its defaults speak."""

    name = models.CharField(max_length=100, default="A developer")
    headline = models.CharField(max_length=160, default="Projects you can ask about their own code")
    about = models.TextField(blank=True, help_text="Markdown.")
    picture = models.ImageField(upload_to="owner", blank=True)
    links = models.TextField(
        blank=True, help_text="One a line: label, a space, and the address. GitHub https://github.com/you"
    )

    class Meta:
        verbose_name_plural = "owner"
        constraints = [models.CheckConstraint(name="one_owner", condition=Q(pk=1))]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> "Owner":
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def link_list(self) -> list[tuple[str, str]]:
        """(label, address) pairs; a line whose address is not http(s) or mailto is left out."""
        pairs = (line.strip().rpartition(" ") for line in self.links.splitlines())
        return [(label or url, url) for label, _, url in pairs if url.startswith(("https://", "http://", "mailto:"))]


class StoredFile(models.Model):
    """An uploaded picture. It is kept in the database because hosts like Render's give a service no lasting disk.

    PostgreSQL deletes it with the last row that names it (migration 0005).
    """

    name = models.CharField(max_length=200, unique=True)
    content = models.BinaryField()
    content_type = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class LoginAttempts(models.Model):
    """How often an address or a name was tried since; see portfolio/logins.py. `scope` tells neither."""

    scope = models.CharField(max_length=60, primary_key=True)
    attempts = models.PositiveIntegerField()
    since = models.DateTimeField(db_index=True)  # finds what is over

    def __str__(self) -> str:
        return f"{self.scope}: {self.attempts}"
