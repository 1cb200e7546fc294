"""What was read: files and chunks, and the revisions that they belong to.

A revision is a set of files, and a file's chunks never change: a revision of a commit that changes one file
shares every other file's rows with the revision before it. Readers see exactly the files of one revision.
"""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from pgvector.django import HalfVectorField

from portfolio.models import ProjectRAG


class Revision(models.Model):
    """One indexing of one commit by one embedding model. `finished_at` is set in the transaction that makes it live."""

    rag = models.ForeignKey(ProjectRAG, on_delete=models.CASCADE, related_name="revisions")
    repository_url = models.CharField(max_length=500)
    ref = models.CharField(max_length=200, blank=True)
    commit_sha = models.CharField(max_length=64)
    embedding_model = models.CharField(max_length=100)
    embedding_provider = models.CharField(max_length=40, help_text="Who made its vectors, and embeds its questions.")
    dimensions = models.PositiveSmallIntegerField()
    pipeline = models.CharField(max_length=64, help_text="Fingerprint of the rules and the model that made it.")
    files_seen = models.PositiveIntegerField(default=0)
    files_indexed = models.PositiveIntegerField(default=0)
    files_skipped = models.PositiveIntegerField(default=0)
    files_fell_back = models.PositiveIntegerField(
        default=0, help_text="Cut by lines because no parser could read them."
    )
    chunk_count = models.PositiveIntegerField(default=0)
    embedded_count = models.PositiveIntegerField(default=0, help_text="Texts sent to the embedding model.")
    reused_count = models.PositiveIntegerField(default=0, help_text="Chunks whose vector was already known.")
    text_bytes = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    languages = models.JSONField(default=dict, help_text="Language → bytes.")
    timings = models.JSONField(default=dict, help_text="Stage → seconds.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    search_rules = models.CharField(
        max_length=16, blank=True, help_text="Fingerprint of the rules that made its search index."
    )
    files: "models.ManyToManyField[SourceFile, RevisionFile]" = models.ManyToManyField(
        "SourceFile", through="RevisionFile", related_name="revisions"
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.commit_sha[:10]} by {self.embedding_model}"


class SourceFileQuerySet(models.QuerySet["SourceFile"]):
    def with_secrets(self, revision_id: int | None) -> "SourceFileQuerySet":
        """Those of a revision in which secrets were masked."""
        return self.filter(revisions=revision_id).exclude(masked="") if revision_id else self.none()


class SourceFile(models.Model):
    """One version of one file of a project, indexed or left out with the reason. Immutable once it has its chunks."""

    class Skip(models.TextChoices):
        NOT_A_FILE = "not_a_file", "not a regular file (symlink or submodule)"
        TOO_LARGE = "too_large", "larger than the limit"
        EMPTY = "empty", "empty"
        BINARY = "binary", "binary or an image"
        DOCUMENTATION = "documentation", "documentation folder"
        LOCK_FILE = "lock_file", "lock file"
        MINIFIED = "minified", "minified"
        VENDORED = "vendored", "somebody else's code"
        GENERATED = "generated", "generated"
        CREDENTIALS = "credentials", "may hold credentials"
        IGNORED = "ignored", "left out by .docentignore"
        ENCODING = "encoding", "text in no encoding that could be read"
        LFS_POINTER = "lfs_pointer", "stored with Git LFS"
        DATA = "data", "data, not code"
        PATH = "path", "a path that cannot be shown"
        LONG_LINES = "long_lines", "lines too long to cite"
        OVER_LIMIT = "over_limit", "beyond the limit of files or text for one repository"
        UNREADABLE = "unreadable", "could not be read"

    class Kind(models.TextChoices):
        CODE = "code"
        PROSE = "prose"
        README = "readme"

    rag = models.ForeignKey(ProjectRAG, on_delete=models.CASCADE, related_name="files")
    path = models.TextField()
    blob_sha = models.CharField(max_length=64)
    pipeline = models.CharField(max_length=64, help_text="Fingerprint of the rules and the model that made its chunks.")
    embedding_model = models.CharField(max_length=100)
    language = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.CODE)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    skip_reason = models.CharField(max_length=16, choices=Skip, blank=True, default="")
    fell_back = models.BooleanField(default=False, help_text="Cut by lines because no parser could read it.")
    chunk_count = models.PositiveIntegerField(default=0)
    masked = models.TextField(
        blank=True, default="", help_text="Which secrets were masked before it was read, and where."
    )
    note = models.TextField(blank=True, help_text="Which lines the embedding model refused.")

    objects = SourceFileQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also finds a file already indexed, by the run that would otherwise index it again.
            models.UniqueConstraint(fields=["rag", "path", "blob_sha", "pipeline"], name="one_row_a_file_version"),
        ]

    def __str__(self) -> str:
        return self.path


class RevisionFile(models.Model):
    """A file belongs to a revision."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE)
    file = models.ForeignKey(SourceFile, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "file"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.revision_id}: {self.file_id}"


class Chunk(models.Model):
    """A piece of a file: exact lines, and the vector of its embedded text (a header, then the lines)."""

    # No index of its own: the (file, ordinal) index serves; search finds chunks by their ids.
    file = models.ForeignKey(SourceFile, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    ordinal = models.PositiveIntegerField()
    start_line = models.PositiveIntegerField()
    end_line = models.PositiveIntegerField()
    symbol = models.TextField(blank=True)
    text = models.TextField()
    sha256 = models.BinaryField(max_length=32, help_text="Of the embedded text.")
    embedding = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "ordinal"], name="one_chunk_a_place"),
            models.CheckConstraint(
                name="lines_in_order", condition=Q(start_line__gte=1, end_line__gte=models.F("start_line"))
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="chunk_text"),  # finds a vector that was already paid for
        ]

    def __str__(self) -> str:
        return f"{self.file_id} lines {self.start_line}–{self.end_line}"
