"""The tables: the index, what was asked of it, and what it costs."""

from rag.models import search_tables  # noqa: F401 — Django looks for models here
from rag.models.conversations import Conversation, Message, MessageSource
from rag.models.index import Chunk, Revision, RevisionFile, SourceFile
from rag.models.remembered import RememberedAnswer, Saving
from rag.models.spending import SWITCHED_OFF, Allowance, Call, CallSum, Estimate, Hold, Place, Switches

__all__ = [
    "SWITCHED_OFF",
    "Allowance",
    "Call",
    "CallSum",
    "Chunk",
    "Conversation",
    "Estimate",
    "Hold",
    "Message",
    "MessageSource",
    "Place",
    "RememberedAnswer",
    "Revision",
    "RevisionFile",
    "Saving",
    "SourceFile",
    "Switches",
]
