"""What a refusal means. Most of it is tried through the SDKs in tests/providers."""

import time
from email.utils import formatdate

import pytest

from rag.providers import faults
from rag.providers.faults import Fault


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "insufficient_quota is what I ask about"}}, Fault.KEY),
        (400, {"message": "x", "code": "model_not_found"}, Fault.MODEL),
        (400, "No models loaded. Please load a model", Fault.MODEL),
        (404, {"code": "DeploymentNotFound", "message": "x"}, Fault.MODEL),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, Fault.FILTERED),
        (413, {"code": "rate_limit_exceeded"}, Fault.TOO_LARGE),
        (498, {"code": "capacity_exceeded"}, Fault.PASSING),
        (429, {"type": "insufficient_quota"}, Fault.QUOTA),
        (429, {"type": "billing_not_active", "code": None}, Fault.QUOTA),
        (
            429,
            {"message": "Request too large for m: Limit 9, Requested 10", "code": "rate_limit_exceeded"},
            Fault.TOO_LARGE,
        ),
        (429, {"message": "Rate limit reached for m: Limit 9, Used 8, Requested 5"}, Fault.RATE),
        (410, {"message": "This model has been retired"}, Fault.MODEL),
        (
            500,
            {"message": "input (992 tokens) is too large to process. increase the physical batch size"},
            Fault.TOO_LARGE,
        ),
        (400, None, Fault.CONTENT),
        (400, ["a", "list"], Fault.CONTENT),
        (418, "", Fault.REQUEST),
        (302, "", Fault.REQUEST),
        (599, "", Fault.PASSING),
    ],
)
def test_the_code_tells_more_than_the_status(status: int, body: object, expected: Fault) -> None:
    assert faults.of(status, body) is expected


def test_what_a_message_repeats_far_below_is_not_heard() -> None:
    assert faults.of(400, {"message": "x" * faults.HEARD + "exceeded your current quota"}) is Fault.CONTENT


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"message": "over capacity", "code": 503}, Fault.PASSING),
        ({"message": "slow down", "code": "429"}, Fault.RATE),
        ({"message": "no money", "code": "insufficient_quota"}, Fault.QUOTA),
        ("plain words", Fault.PASSING),
    ],
)
def test_an_event_may_name_a_status(body: object, expected: Fault) -> None:
    assert faults.in_stream(body) is expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3600"}, 3_600.0),
        ({"retry-after": "20", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT"}, None),
        ({}, None),
        ({"retry-after": formatdate(time.time() - 60, usegmt=True)}, 0.0),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert faults.retry_after(headers) == seconds
