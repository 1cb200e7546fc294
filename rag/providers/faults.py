"""What a provider's refusal means, whichever dialect it is said in. Its own words are read and never repeated."""

import email.utils
import math
import time
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

HEARD = 500  # characters of a message that are looked at: it may repeat what it was sent


class Fault(Enum):
    KEY = auto()
    QUOTA = auto()  # money, not speed
    RATE = auto()
    MODEL = auto()
    FILTERED = auto()  # by the provider's content filter
    CONTENT = auto()  # what was sent is not to its liking
    TOO_LARGE = auto()  # for its model, or for what it takes in a minute
    REQUEST = auto()  # anything else that asking again does not change
    TIMEOUT = auto()
    PASSING = auto()


BY_CODE = {
    "insufficient_quota": Fault.QUOTA,
    "billing_hard_limit_reached": Fault.QUOTA,
    "billing_not_active": Fault.QUOTA,
    "credit_limit": Fault.QUOTA,
    "model_not_found": Fault.MODEL,
    "model_not_available": Fault.MODEL,
    "model_decommissioned": Fault.MODEL,
    "deploymentnotfound": Fault.MODEL,
    "context_length_exceeded": Fault.TOO_LARGE,
    "content_filter": Fault.FILTERED,
    "responsibleaipolicyviolation": Fault.FILTERED,
}
# Where servers give no code, in the words that they use.
BY_PHRASE = {
    "exceeded your current quota": Fault.QUOTA,
    "has been decommissioned": Fault.MODEL,
    "no models loaded": Fault.MODEL,
    "invalid model identifier": Fault.MODEL,
    "unable to access model": Fault.MODEL,
    "request too large": Fault.TOO_LARGE,  # for all of a minute's tokens: OpenAI says 429, and waiting does not help
}
BY_STATUS = {
    400: Fault.CONTENT,
    401: Fault.KEY,
    402: Fault.QUOTA,
    403: Fault.KEY,
    404: Fault.MODEL,
    408: Fault.TIMEOUT,
    409: Fault.PASSING,
    410: Fault.MODEL,
    413: Fault.TOO_LARGE,
    422: Fault.CONTENT,
    425: Fault.PASSING,
    429: Fault.RATE,
    498: Fault.PASSING,  # Groq's flexible tier is full
    499: Fault.PASSING,
}
# Together says 403 for a prompt that does not fit into the model's context; servers of one's own say 400 or 500.
TOO_LONG = (
    "context length", "max_new_tokens", "context window", "context size", "exceed_context_size",
    "greater than the context", "reduce the length", "too many tokens", "physical batch size",
)  # fmt: skip


def of(status: int, body: object) -> Fault:
    """`body`: the error as the SDK read it: an object, a list, a text or nothing."""
    codes, message = _said(body)
    known = next((BY_CODE[code] for code in codes if code in BY_CODE), None)
    known = known or next((fault for phrase, fault in BY_PHRASE.items() if phrase in message), None)
    if known:
        return known
    if status != 429 and any(phrase in message for phrase in TOO_LONG):
        return Fault.TOO_LARGE
    return BY_STATUS.get(status, Fault.PASSING if status >= 500 else Fault.REQUEST)


def in_stream(body: object) -> Fault:
    """Of an error event in the middle of an answer, which has no status but may name one."""
    code = body.get("code") if isinstance(body, Mapping) else None
    try:
        status = int(code)  # type: ignore[arg-type]  # whatever it is
    except (TypeError, ValueError):
        status = 500
    return of(status, body)


def retry_after(headers: Any) -> float | None:
    """Seconds that the provider asks to wait, from a number or a date; None when it says nothing, or nothing usable."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(headers.get("retry-after-ms", "")) / 1_000
    except ValueError:
        try:
            seconds = float(value)
        except ValueError:
            return _until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _said(body: object) -> tuple[list[str], str]:
    """The codes and the message of an error, in lower case."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return [], str(error)[:HEARD].lower()
    inner = error.get("innererror")
    codes = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, Mapping) else None]
    return [str(code).lower() for code in codes if code], str(error.get("message"))[:HEARD].lower()
