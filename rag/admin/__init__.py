"""The owner's view: what stands where, what failed and what to do, what was read, what visitors asked, and
what it costs.

Everything a repository or a visitor wrote is shown as text; nothing here is marked safe but links built from ids and
from addresses that the program made.
"""

from rag.admin import assistants, conversations, files, questions, remembered, spending

__all__ = ["assistants", "conversations", "files", "questions", "remembered", "spending"]
