"""The headers that tell of limits, as each provider writes them."""

import time

import pytest

from rag.providers import limits
from rag.throttle import DAY, Allowance, Quota

OPENAI = {
    "x-ratelimit-limit-requests": "3000", "x-ratelimit-remaining-requests": "2999",
    "x-ratelimit-reset-requests": "20ms", "x-ratelimit-limit-tokens": "1000000",
    "x-ratelimit-remaining-tokens": "999000", "x-ratelimit-reset-tokens": "1m0.06s",
}  # fmt: skip
GROQ = {
    "x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-reset-requests": "2m59.56s", "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-tokens": "17997", "x-ratelimit-reset-tokens": "7.66ms",
}  # fmt: skip
AZURE = {
    "x-ratelimit-limit-requests": "720", "x-ratelimit-remaining-requests": "719",
    "x-ratelimit-limit-tokens": "120000", "x-ratelimit-remaining-tokens": "119000", "x-ratelimit-reset-tokens": "1",
}  # fmt: skip


def test_openais() -> None:
    assert limits.quota(OPENAI) == Quota(
        requests=Allowance(limit=3_000, remaining=2_999, reset=0.02),
        tokens=Allowance(limit=1_000_000, remaining=999_000, reset=60.06),
    )


def test_groqs_requests_are_of_a_day() -> None:
    assert limits.quota(GROQ) == Quota(
        requests_a_day=Allowance(limit=14_400, remaining=14_370, reset=179.56, per=DAY),
        tokens=Allowance(limit=18_000, remaining=17_997, reset=0.00766),
    )


def test_azures_are_plain_seconds_and_may_be_missing() -> None:
    assert limits.quota(AZURE) == Quota(
        requests=Allowance(limit=720, remaining=719), tokens=Allowance(limit=120_000, remaining=119_000, reset=1)
    )


def test_those_of_a_day_may_stand_beside_those_of_a_minute() -> None:
    said = {"x-ratelimit-limit-tokens-minute": "60000", "x-ratelimit-limit-tokens-day": "1000000"}

    assert limits.quota(said) == Quota(tokens=Allowance(limit=60_000), tokens_a_day=Allowance(limit=1_000_000, per=DAY))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"},
        {"x-ratelimit-limit-tokens": "many"},
        {"x-ratelimit-limit-tokens": "9" * 400},
        {"x-ratelimit-limit-tokens": "9" * 5_000},
    ],
)
def test_what_says_nothing_is_nothing(headers: dict[str, str]) -> None:
    assert limits.quota(headers) is None


@pytest.mark.parametrize("reset", ["soon", "-3", "nan", "inf", "5x", "", "1763673366", "99d", "9" * 39 + "h"])
def test_a_reset_that_cannot_be_read_is_unknown(reset: str) -> None:
    quota = limits.quota({"x-ratelimit-limit-tokens": "10", "x-ratelimit-reset-tokens": reset})

    assert quota is not None
    assert quota.tokens.reset is None


@pytest.mark.parametrize(("written", "seconds"), [("6m0s", 360), ("1h2m3s", 3_723), ("1d", 86_400), ("12", 12)])
def test_a_reset_in_any_spelling(written: str, seconds: float) -> None:
    quota = limits.quota({"x-ratelimit-limit-tokens": "10", "x-ratelimit-reset-tokens": written})

    assert quota is not None
    assert quota.tokens.reset == seconds


def test_a_header_of_any_length_is_read_at_once() -> None:
    started = time.monotonic()
    limits.quota({"x-ratelimit-limit-tokens": "10", "x-ratelimit-reset-tokens": "9" * 60_000})

    assert time.monotonic() - started < 1
