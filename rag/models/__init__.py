"""The tables: the index, and what was asked of it."""

from rag import search_tables  # noqa: F401 — Django looks for models here
from rag.models.conversations import Conversation, Message, MessageSource
from rag.models.index import Chunk, Revision, RevisionFile, SourceFile

__all__ = [
    "Chunk",
    "Conversation",
    "Message",
    "MessageSource",
    "Revision",
    "RevisionFile",
    "SourceFile",
]
