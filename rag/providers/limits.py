"""What the headers of an answer say of the provider's limits, in the spellings of OpenAI, Azure and Groq."""

import re
from collections.abc import Mapping

from rag.throttle import DAY, MINUTE, Allowance, Quota

UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
LARGEST = 10**12  # more is no limit
LONGEST = 40  # characters that a header of these may have
NEAR = 0.05


def quota(headers: Mapping[str, str]) -> Quota | None:
    """None when they say nothing."""
    requests, tokens = _allowance(headers, "requests"), _allowance(headers, "tokens")
    day = {f"{what}_a_day": _allowance(headers, f"{what}-day", DAY) for what in ("requests", "tokens")}
    if requests.per == DAY:  # Groq's are of a day, and OpenAI's for those who do not pay
        requests, day["requests_a_day"] = Allowance(), requests
    told = Quota(requests=requests, tokens=tokens, **day)
    return None if told == Quota() else told


def _allowance(headers: Mapping[str, str], what: str, per: float = MINUTE) -> Allowance:
    def said(which: str) -> str:
        name = f"x-ratelimit-{which}-{what}"
        value = headers.get(name) or headers.get(f"{name}-minute", "")
        return value if len(value) <= LONGEST else ""

    limit, remaining, reset = _whole(said("limit")), _whole(said("remaining")), _seconds(said("reset"))
    if limit is None and remaining is None:
        return Allowance()
    if what == "requests" and _is_of_a_day(limit, remaining, reset):
        per = DAY
    return Allowance(limit=limit or None, remaining=remaining, reset=reset, per=per)


def _is_of_a_day(limit: int | None, remaining: int | None, reset: float | None) -> bool:
    """Where used ones come back one by one, the time until all are back tells how long all of them take."""
    if not limit or remaining is None or not reset or remaining >= limit:
        return False
    return abs(reset * limit / (limit - remaining) - DAY) < NEAR * DAY


def _whole(text: str) -> int | None:
    """None also for Azure's -1, which says that it does not say."""
    return int(text) if text.isascii() and text.isdigit() and int(text) < LARGEST else None


def _seconds(text: str) -> float | None:
    """From 6m0s, 12ms or 2m59.56s, and from plain seconds. None for more than a day: it is a date then, or nothing."""
    try:
        if text and PART.sub("", text) == "":
            seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
        else:
            seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= DAY else None
