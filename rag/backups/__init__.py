"""Projects and their live indexes in one file that another database takes in, without a provider.

    records    what stands in the file: a JSON object a line, every value checked for kind and size   pure
    packed     lines ↔ compressed file, with the checksums that tell a damaged one                  pure
    making     the database as it is at one moment → records
    restoring  records → a project with its index, live in one transaction or not at all

The format is described in docs/BACKUPS.md.
"""

from rag.backups.making import Made, make
from rag.backups.packed import Damaged, Entry, Reader
from rag.backups.restoring import Outcome, Restore, Unsuitable

__all__ = ["Damaged", "Entry", "Made", "Outcome", "Reader", "Restore", "Unsuitable", "make"]
