"""Everything that can go wrong with a provider, and what must come of it: the rows of the matrix.

A row is tried for every provider. `expect` is the code of the error, "" for none; `expects` tells those that differ.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from tests.providers import (
    Altered,
    Chat,
    Drop,
    Flood,
    Half,
    Hang,
    Plan,
    Raw,
    Refusal,
    Silence,
    Trickle,
    dialects,
)
from tests.providers.scene import TIMEOUT

Plans = Sequence[Plan]
Change = Callable[[dialects.Dialect], dict[str, Any]]
SLOW = (Hang, Silence, Trickle)
HTML = b"<html><body>502 Bad Gateway</body></html>"


def nothing(_: dialects.Dialect) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Row:
    """`plans`: what the server does, or how that follows from the dialect. `changes`: settings that are wrong.

    `requests`: how many it takes; `retry_after`: what the error tells to wait; `text`: what is kept of an answer.
    """

    name: str
    expect: str
    plans: Plans | Callable[[dialects.Dialect], Plans] = ()
    changes: Change = nothing
    expects: Mapping[str, str] = field(default_factory=dict)
    requests: int | None = 1
    retry_after: float | None = None
    text: str | None = None
    seconds: float = 20.0  # a server that hangs does it for longer

    def expected(self, dialect: dialects.Dialect) -> str:
        return self.expects.get(dialect.name, self.expect)

    def planned(self, dialect: dialects.Dialect) -> Plans:
        return self.plans(dialect) if callable(self.plans) else self.plans

    def settings(self, dialect: dialects.Dialect) -> dict[str, Any]:
        """What is changed, and how long silence is borne."""
        is_slow = any(isinstance(plan, SLOW) or getattr(plan, "hang", 0) for plan in self.planned(dialect))
        return self.changes(dialect) | ({"RAG_TIMEOUT": TIMEOUT} if is_slow else {})


def limited(retry_after: str | None) -> Refusal:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Refusal(429, "Rate limit reached, please slow down.", "rate_limit_exceeded", headers)


def wrong(setting: str, value: str) -> Change:
    """`setting`: KEY, MODEL or ADDRESS. HOST in an address is the server's."""

    def changes(dialect: dialects.Dialect) -> dict[str, Any]:
        named = SETTINGS[setting]
        return {name: value for name in dialect.settings("http://127.0.0.1:9") if name in named}

    return changes


SETTINGS = {
    "KEY": {"OPENAI_API_KEY", "AZURE_OPENAI_KEY", "GROQ_API_KEY", "TOGETHER_API_KEY", "LLM_API_KEY",
            "EMBEDDING_API_KEY"},
    "MODEL": {"OPENAI_MODEL", "OPENAI_EMBEDDING_MODEL", "AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_EMBEDDING_DEPLOYMENT",
              "GROQ_MODEL", "TOGETHER_MODEL", "TOGETHER_EMBEDDING_MODEL", "LMSTUDIO_MODEL", "LMSTUDIO_EMBEDDING_MODEL",
              "LLM_MODEL", "EMBEDDING_MODEL"},
    "ADDRESS": {"OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "GROQ_BASE_URL", "TOGETHER_BASE_URL", "LMSTUDIO_BASE_URL",
                "LLM_BASE_URL", "EMBEDDING_BASE_URL"},
}  # fmt: skip
AN_HOUR = 3_600.0
CHAT = [
    Row(name="answers", expect="", text="Hello [1]"),
    Row(name="wrong key", expect="key_refused", expects={"lmstudio": ""}, changes=wrong("KEY", "another-key")),
    Row(name="missing model", expect="model_missing", changes=wrong("MODEL", "no-such-model")),
    Row(name="withdrawn model", expect="model_missing",
        plans=[Refusal(400, "The model has been decommissioned", "model_decommissioned")]),
    Row(name="403", expect="key_refused", plans=[Refusal(403, "Not allowed")]),
    Row(name="no credit", expect="quota", plans=lambda dialect: [dialect.no_credit()]),
    Row(name="402", expect="quota", plans=[Refusal(402)]),
    Row(name="410", expect="model_missing", plans=[Refusal(410)]),
    Row(name="prompt filtered", expect="content_filter", plans=lambda dialect: [dialect.filtered()]),
    Row(name="413", expect="refused", plans=[Refusal(413, "Request too large for model", "rate_limit_exceeded")]),
    Row(name="422", expect="refused", plans=[Refusal(422)]),
    Row(name="403 for a long prompt", expect="refused",
        plans=[Refusal(403, "input tokens + max_new_tokens must be <= 4097")]),
    Row(name="429, Retry-After 1", expect="", plans=[limited("1")], requests=2),
    Row(name="429, Retry-After 60", expect="rate_limited", plans=[limited("60")], retry_after=60),
    Row(name="429, Retry-After 3600", expect="rate_limited", plans=[limited("3600")], retry_after=AN_HOUR),
    Row(name="429, Retry-After absent", expect="", plans=[limited(None)], requests=2),
    Row(name="429, Retry-After garbage", expect="", plans=[limited("soon")], requests=2),
    Row(name="429, Retry-After a date", expect="rate_limited", retry_after=AN_HOUR,
        plans=lambda _: [limited(formatdate(time.time() + AN_HOUR, usegmt=True))]),
    Row(name="429 twice", expect="rate_limited", plans=[limited(None)] * 2, requests=2),
    Row(name="500 once", expect="", plans=[Refusal(500)], requests=2),
    Row(name="500", expect="unavailable", plans=[Refusal(500)] * 2, requests=2),
    Row(name="502 with HTML", expect="unavailable", plans=[Raw(HTML, "text/html", 502)] * 2, requests=2),
    Row(name="503", expect="unavailable", plans=[Refusal(503)] * 2, requests=2),
    Row(name="504", expect="unavailable", plans=[Refusal(504)] * 2, requests=2),
    Row(name="redirect", expect="refused", plans=[Raw(b"", "text/plain", 307, {"Location": "http://127.0.0.1:9/"})]),
    Row(name="reset before the headers", expect="unreachable", plans=[Drop()] * 2, requests=2),
    Row(name="reset after the headers", expect="unreachable", plans=[Drop(after_headers=True)]),
    Row(name="never answers", expect="timeout", plans=[Hang(30)]),
    Row(name="headers, then silence", expect="timeout", plans=[Silence(30)]),
    Row(name="a byte at a time", expect="timeout", plans=[Trickle(0.05)], requests=None),
    Row(name="headers, a byte at a time", expect="timeout", plans=[Trickle(0.05, in_headers=True)]),
    Row(name="a refusal, then silence", expect="quota", plans=[Silence(30, 402)]),
    Row(name="a refusal, a byte at a time", expect="quota", plans=[Trickle(0.05, 402)]),
    Row(name="a refusal, then a reset", expect="quota", plans=[Drop(after_headers=True, status=402)]),
    Row(name="silence after a piece", expect="timeout", plans=[Chat(["a"], hang=30)], text="a"),
    Row(name="cut after two pieces", expect="cut", plans=[Chat(["a", "b"], cut=True)], text="ab"),
    Row(name="no reason for the end", expect="cut", plans=[Chat(["a"], finish=None)], text="a"),
    Row(name="no [DONE]", expect="", plans=[Chat(done=False)], text="Hello [1]"),
    Row(name="length", expect="length", plans=[Chat(["a"], finish="length")], text="a"),
    Row(name="answer filtered", expect="content_filter", plans=[Chat(["a"], finish="content_filter")], text="a"),
    Row(name="an endless answer", expect="length", plans=[Chat(["word " * 100] * 1_000)]),
    Row(name="error inside the stream", expect="unavailable",
        plans=lambda dialect: [Raw(dialect.error_event().encode())] * 2),
    Row(name="{error} with 200", expect="garbled", plans=[Raw(b'{"error": {"message": "no"}}', "application/json")]),
    Row(name="malformed events", expect="garbled", plans=[Raw(b"data: {not json\n\n")]),
    Row(name="endless nesting", expect="garbled", plans=[Raw(b"data: " + b"[" * 100_000 + b"\n\n")]),
    Row(name="empty body", expect="garbled", plans=[Raw(b"")]),
    Row(name="empty answer", expect="garbled", plans=[Chat([])]),
    Row(name="100 MB on a line", expect="garbled", plans=[Flood(100)]),
    Row(name="100 MB of refusal", expect="refused", plans=[Flood(100, "text/plain", 400)]),
    Row(name="refused connection", expect="unreachable", changes=wrong("ADDRESS", "http://127.0.0.1:9"), requests=0),
    Row(name="no such host", expect="unreachable", changes=wrong("ADDRESS", "http://no-such-host.invalid"),
        requests=0),
    Row(name="no TLS", expect="unreachable", changes=wrong("ADDRESS", "https://HOST"), requests=0),
    Row(name="nothing set", expect="not_set_up", requests=0,
        changes=lambda dialect: dict.fromkeys(dialect.settings(""), "")),
]  # fmt: skip
ALTERED: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "a vector too few": lambda items: items[:-1],
    "a vector too many": lambda items: [*items, items[0] | {"index": len(items)}],
    "one index thrice": lambda items: [items[0]] * 3,
    "no index": lambda items: [{"embedding": item["embedding"]} for item in items],
    "wrong dimensions": lambda items: [*items[:-1], items[-1] | {"embedding": [0.5] * 7}],
    "null for a vector": lambda items: [*items[:-1], items[-1] | {"embedding": None}],
    "null in a vector": lambda items: [*items[:-1], items[-1] | {"embedding": [None] * 3}],
    "NaN": lambda items: [item | {"embedding": [float("nan")] * 1_536} for item in items],
    "Infinity": lambda items: [item | {"embedding": [float("inf")] * 1_536} for item in items],
    "zeros": lambda items: [item | {"embedding": [0.0] * 1_536} for item in items],
    "bad base64": lambda items: [*items[:-1], items[-1] | {"embedding": "AAA"}],
    "no list": lambda items: None,
}
EMBEDDING = [
    Row(name="embeds", expect=""),
    Row(name="shuffled", expect="", plans=[Altered(lambda items: items[::-1])]),
    Row(name="wrong key", expect="embedding_key", expects={"lmstudio": ""}, changes=wrong("KEY", "another-key")),
    Row(name="missing model", expect="embedding_model", changes=wrong("MODEL", "no-such-model")),
    Row(name="403", expect="embedding_key", plans=[Refusal(403)]),
    Row(name="no credit", expect="embedding_quota", plans=lambda dialect: [dialect.no_credit()]),
    Row(name="402", expect="embedding_quota", plans=[Refusal(402)]),
    Row(name="texts filtered", expect="embedding_input", plans=lambda dialect: [dialect.filtered()]),
    Row(name="400", expect="embedding_input", plans=[Refusal(400)]),
    Row(name="413", expect="embedding_input", plans=[Refusal(413)]),
    Row(name="500 for a long text", expect="embedding_input",
        plans=[Refusal(500, "input (992 tokens) is too large to process. increase the physical batch size")]),
    Row(name="429 for more than a minute's tokens", expect="embedding_input",
        plans=[Refusal(429, "Request too large for m: Limit 40000, Requested 60000", "rate_limit_exceeded")]),
    Row(name="422", expect="embedding_input", plans=[Refusal(422)]),
    Row(name="418", expect="embedding_request", plans=[Refusal(418)]),
    *(
        Row(name=f"429, Retry-After {said}", expect="embedding_rate_limited", plans=[limited(said)], retry_after=wait)
        for said, wait in (("1", 1), ("60", 60), ("3600", AN_HOUR), (None, None), ("soon", None))
    ),
    Row(name="429, Retry-After a date", expect="embedding_rate_limited", retry_after=AN_HOUR,
        plans=lambda _: [limited(formatdate(time.time() + AN_HOUR, usegmt=True))]),
    *(Row(name=str(status), expect="embedding_unavailable", plans=[Refusal(status)]) for status in (500, 503, 504)),
    Row(name="502 with HTML", expect="embedding_unavailable", plans=[Raw(HTML, "text/html", 502)]),
    Row(name="redirect", expect="embedding_request",
        plans=[Raw(b"", "text/plain", 307, {"Location": "http://127.0.0.1:9/"})]),
    Row(name="reset before the headers", expect="embedding_unavailable", plans=[Drop()]),
    Row(name="reset after the headers", expect="embedding_unavailable", plans=[Drop(after_headers=True)]),
    Row(name="never answers", expect="embedding_unavailable", plans=[Hang(30)]),
    Row(name="headers, then silence", expect="embedding_unavailable", plans=[Silence(30)]),
    Row(name="a byte at a time", expect="embedding_unavailable", plans=[Trickle(0.05)]),
    Row(name="headers, a byte at a time", expect="embedding_unavailable", plans=[Trickle(0.05, in_headers=True)]),
    Row(name="a refusal, then silence", expect="embedding_quota", plans=[Silence(30, 402)]),
    Row(name="a refusal, a byte at a time", expect="embedding_quota", plans=[Trickle(0.05, 402)]),
    Row(name="a refusal, then a reset", expect="embedding_quota", plans=[Drop(after_headers=True, status=402)]),
    Row(name="half an answer", expect="embedding_unavailable", plans=[Half()]),
    Row(name="{error} with 200", expect="embedding_vectors",
        plans=[Raw(json.dumps({"error": {"message": "overloaded"}}).encode(), "application/json")]),
    Row(name="HTML with 200", expect="embedding_vectors", plans=[Raw(HTML, "text/html")]),
    Row(name="empty body", expect="embedding_vectors", plans=[Raw(b"", "application/json")]),
    Row(name="endless nesting", expect="embedding_vectors", plans=[Raw(b"[" * 100_000, "application/json")]),
    Row(name="100 MB", expect="embedding_vectors", plans=[Flood(100, "application/json")]),
    Row(name="100 MB of refusal", expect="embedding_input", plans=[Flood(100, "text/plain", 400)]),
    *(Row(name=name, expect="embedding_vectors", plans=[Altered(alter)]) for name, alter in ALTERED.items()),
    Row(name="refused connection", expect="embedding_unavailable", changes=wrong("ADDRESS", "http://127.0.0.1:9"),
        requests=0),
    Row(name="no such host", expect="embedding_unavailable", changes=wrong("ADDRESS", "http://no-such-host.invalid"),
        requests=0),
    Row(name="no TLS", expect="embedding_unavailable", changes=wrong("ADDRESS", "https://HOST"), requests=0),
    Row(name="nothing set", expect="embedding_missing", requests=0,
        changes=lambda dialect: dict.fromkeys(dialect.settings(""), "")),
]  # fmt: skip
