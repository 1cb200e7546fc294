"""What becomes of a run that fails: a stable code, a sentence with the remedy, and when it is tried again."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import InterfaceError, OperationalError
from psycopg import errors

from portfolio.claims import MAX_ATTEMPTS
from rag import embeddings, revisions, sources, throttle
from rag.ingest import flights
from rag.spending import budgets

LOST = (OperationalError, InterfaceError)  # the connection to the database, mostly
RETRY_WAITS = (timedelta(minutes=1), timedelta(minutes=5))  # after the first and the second failure in a row

UNEXPECTED = "unexpected"
_UNEXPECTED = "Something went wrong that has no sentence of its own yet. The log has the details; process it again."
_DATABASE = "The connection to the database broke. It is tried again; look at the database if it goes on."
_DATABASE_FULL = "The database has no room left on its disk. Free some or enlarge it; it is tried again."
_MEMORY = (
    "The memory was not enough. It is tried again; lower RAG_BATCH_SIZE or RAG_MAX_FILE_BYTES, or process it on a "
    "larger machine, if it goes on."
)
_SYSTEM = "This machine could not go on ({reason}). It is tried again; look at its disk and memory if it goes on."


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What is stored of an error: a stable code, a sentence with the remedy, and whether it can pass by itself.

    `retry_in`: how long it is sure to last; trying again after that is no further attempt.
    """

    code: str
    sentence: str
    permanent: bool
    retry_in: timedelta | None = None


def describe(error: Exception) -> Failure:
    if isinstance(error, sources.SourceError | embeddings.EmbeddingError | revisions.IndexRefused | budgets.Refused):
        return Failure(code=error.code, sentence=str(error), permanent=error.permanent, retry_in=_asked_for(error))
    if isinstance(error.__cause__, errors.DiskFull):
        return Failure(code="database_full", sentence=_DATABASE_FULL, permanent=False)
    if isinstance(error, LOST):
        return Failure(code="database", sentence=_DATABASE, permanent=False)
    if isinstance(error, MemoryError):
        return Failure(code="memory", sentence=_MEMORY, permanent=False)
    if isinstance(error, OSError):
        return Failure(code="system", sentence=_SYSTEM.format(reason=error.strerror or "unknown"), permanent=False)
    return Failure(code=UNEXPECTED, sentence=_UNEXPECTED, permanent=True)


def _asked_for(error: Exception) -> timedelta | None:
    """Until there is money again, or as long as a provider asks for, where that was too long for the run to wait."""
    seconds = getattr(error, "retry_after", None) or 0
    is_waited_for = seconds <= flights.MOST_RETRY_AFTER and not isinstance(error, budgets.Refused)
    return None if is_waited_for else timedelta(seconds=min(seconds, throttle.DAY))


def retry_wait(attempts: int) -> timedelta | None:
    """How long a watching worker waits after so many failures in a row; None when it gives up."""
    return RETRY_WAITS[max(0, attempts - 1)] if attempts < MAX_ATTEMPTS else None
