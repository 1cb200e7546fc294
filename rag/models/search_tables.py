"""The rows that search reads first: of each project's live revision, and made from its chunks.

Search goes from them to a few chunks by id; it never scans chunks. PostgreSQL deletes them with their project (its
foreign keys are in the migrations): Django would first read each one, and the admin list them all on a page.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from pgvector.django import BitField

from portfolio.models import ProjectRAG


class BitVaryingField(BitField):
    """Bits of any number, as pgvector's Hamming distance takes them. Read and written in SQL only."""

    def db_type(self, connection: Any) -> str:
        return "bit varying"


class Signature(models.Model):
    """The signs of a chunk's vector. Search compares those of a project before any vector is read."""

    pk = models.CompositePrimaryKey("rag_id", "chunk_id")  # also finds a project's signatures, for every search
    rag = models.ForeignKey(
        ProjectRAG, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    chunk_id = models.BigIntegerField()  # no foreign key: one would be checked for each row; the flip keeps it true
    bits = BitVaryingField()

    def __str__(self) -> str:
        return f"{self.rag_id}: {self.chunk_id}"


class Posting(models.Model):
    """The chunks of a project that have a term, and 1,000 × its BM25 weight in each of them."""

    pk = models.CompositePrimaryKey("rag_id", "term")  # also finds a question's terms, for every search
    rag = models.ForeignKey(
        ProjectRAG, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    term = models.TextField(db_collation="C")
    # How many chunks. In the row itself: a common term's arrays lie elsewhere, and search leaves them there.
    frequency = models.IntegerField()
    chunks = ArrayField(models.BigIntegerField())
    weights = ArrayField(models.SmallIntegerField())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_weight_a_chunk",
                condition=Q(frequency__gt=0, chunks__len=models.F("frequency"), weights__len=models.F("frequency")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.rag_id}: {self.term}"
