"""Which providers are asked a question, in which order: as they were chosen, by its kind, or by the conversation's lot.

Pure. How complex a question is, is a logistic function of a few signs of its words, so that each weight can be read: it
is what the sign adds to the log-odds. benchmarks/ROUTING.md has them for real questions, and what was left out.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from django.conf import settings

from rag import prompts
from rag.providers import choices

_COMPARES = re.compile(
    r"\b(differ(s|ence|ences|ent|ently)?|versus|vs|compar\w+|instead of|rather than|unlike|trade-?offs?|pros and cons"
    r"|(dis)?advantages?|better|worse|while|whereas)\b",
    re.IGNORECASE,
)
_REASONS = re.compile(
    r"\bwhy\b|\bhow come\b|\bwhat(['’]s| is) the (reason|point|rationale|idea)\b|\b(design|architecture|internals)\b",
    re.IGNORECASE,
)
_PROCESS = re.compile(
    r"\bhow (do|does|is|are|did|can|could|would)\b(?! (i|you|we)\b)|\bhow .{1,40}\bworks?\b|\bsteps?\b|\bend to end\b"
    r"|\b(what|which) happens\b|\binteract\w*\b|\blifecycle\b|\bin (what|which) order\b|\bexplain\b",
    re.IGNORECASE,
)
_LOOKS_UP = re.compile(
    r"^\W*(which|where|who|what(?! (happens|if)\b)|when does|how (many|much|large|long|big|wide|often)|is|are|does|do"
    r"|can|could|has)\b",
    re.IGNORECASE,
)
# What begins another clause: a sentence of its own, or a second question joined to the first.
_PARTS = re.compile(
    r"[.?!;] (?=\w)| [-–—] |, (?:and|but|or|so)\b|, (?=(?:does|do|is|are|can|how|what|which)\b)"
    r"|\band (?=(?:what|how|why|which|where|does|do|is|are|can)\b)",
    re.IGNORECASE,
)
MOST_PARTS = 2  # that are counted


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What speaks for a question that is hard to answer, and against it.

    compares   1 when it weighs two things against each other
    reasons    1 when it asks for a reason, or about the design
    process    1 when it asks how something comes about: its answer is a course of events
    looks_up   1 when it begins as one that a single place answers: which, where, is there
    parts      0…1, clauses beyond the first
    length     0…1, half at the length from which it is rather long
    follows    1 when it cannot be understood without the question before it
    """

    compares: float = 0.0
    reasons: float = 0.0
    process: float = 0.0
    looks_up: float = 0.0
    parts: float = 0.0
    length: float = 0.0
    follows: float = 0.0


# Log-odds that each adds when it grows from 0 to 1, and where they start.
WEIGHTS = Signs(compares=1.6, reasons=1.0, process=1.2, looks_up=-1.0, parts=1.4, length=4.0, follows=0.5)
BASE = -2.6


def signs(question: str, length: int, *, follows: bool = False) -> Signs:
    """`length`: characters of a question that is rather long; `follows`: there were turns before it."""
    return Signs(
        compares=float(bool(_COMPARES.search(question))),
        reasons=float(bool(_REASONS.search(question))),
        process=float(bool(_PROCESS.search(question))),
        looks_up=float(bool(_LOOKS_UP.search(question))),
        parts=min(1.0, len(_PARTS.findall(question)) / MOST_PARTS),
        length=min(1.0, len(question) / (2 * length)),
        follows=float(follows and prompts.leans_back(question)),
    )


def complexity(found: Signs) -> float:
    """0…1."""
    odds = BASE + sum(getattr(found, each.name) * getattr(WEIGHTS, each.name) for each in fields(Signs))
    return (1 + math.tanh(odds / 2)) / 2


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question and the conversation it belongs to, None for no share. `follows`: there were turns before it."""

    question: str
    conversation: UUID | None = None
    follows: bool = False


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`chosen`: one provider, or two: for simple questions and for complex ones. `threshold`: of the complexity.

    `length`: characters of a question that is rather long. `shares`: of the conversations; `fallbacks`: in order.
    """

    chosen: tuple[str, ...]
    fallbacks: tuple[str, ...] = ()
    shares: tuple[choices.Share, ...] = ()
    threshold: float = 0.7
    length: int = 100

    @classmethod
    def from_settings(cls) -> "Rules":
        return cls(
            chosen=tuple(use.name for use in choices.chosen()), fallbacks=tuple(choices.fallbacks()),
            shares=tuple(choices.shares()), threshold=settings.COMPLEXITY_THRESHOLD,
            length=settings.QUERY_LENGTH_THRESHOLD,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Route:
    """`names`: providers, the first is asked first. `complexity`: None where it decided nothing."""

    names: tuple[str, ...]
    complexity: float | None = None


def route(rules: Rules, asked: Asked) -> Route:
    """Of the two for simple and complex questions each stands in for the other, where there are fallbacks at all."""
    drawn = lot(asked.conversation, rules.shares) if asked.conversation else ""
    score = None
    chosen = rules.chosen
    if len(chosen) > 1:
        score = complexity(signs(asked.question, rules.length, follows=asked.follows))
        chosen = chosen[::-1] if score >= rules.threshold else chosen
    first = (drawn, *chosen) if drawn else chosen
    names = (*first, *rules.fallbacks) if rules.fallbacks else first[:1]
    return Route(names=tuple(dict.fromkeys(names)), complexity=score)


def lot(conversation: UUID, shares: Sequence[choices.Share]) -> str:
    """The provider whose share the conversation is of, "" for none.

    The same each time; a share that grows keeps its conversations, and so do those that are named before it.
    """
    number = int.from_bytes(hashlib.sha256(conversation.bytes).digest()[:8]) / 2**64 * 100
    for share in shares:
        number -= share.percent
        if number < 0:
            return share.name
    return ""
