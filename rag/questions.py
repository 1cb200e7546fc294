"""What may be asked."""

from django.conf import settings


def cleaned(raw: str) -> str:
    """The question as it is stored: line ends of one kind, nothing around it."""
    return raw.replace("\r\n", "\n").strip()


def problem(question: str) -> str:
    """Why a question cannot be asked, as a sentence; "" when it can."""
    most = settings.RAG_MAX_QUESTION_CHARACTERS
    if not question:
        return "Write a question first."
    if len(question) > most:
        return f"The question has {len(question):,} characters; {most:,} are the most."
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in question):
        return "The question holds characters that are no text. Type it again, or paste it as plain text."
    return ""
