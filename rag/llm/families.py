"""How a chat completion is asked to keep its length, as the model's family and the provider's dialect take it."""

import re
from typing import Any

from rag import providers

# A reasoning model thinks before it writes, out of the same allowance. Groq counts the allowance towards the tokens
# a minute (8,000 on its free tier), so that it stays small.
REASONING_TOKENS = 512
OPENAIS_THINKERS = re.compile(r"(^|/)(o\d|gpt-([5-9]|\d\d))", re.IGNORECASE)
SET_IN_THEIR_WAYS = re.compile(r"-(chat|pro)\b", re.IGNORECASE)  # of those: they refuse to be told how long to think
# Open models that think; what they are told depends on who serves them.
BRIEF = "gpt-oss"
HIDEABLE = ("qwen3", "qwq", "deepseek-r1")
THINKERS = (BRIEF, *HIDEABLE, "thinking", "reasoning", "magistral")


def allowance(access: providers.Access, max_tokens: int) -> dict[str, Any]:
    """The length limit, and what keeps the reasoning short and out of the answer. Nothing that would be refused."""
    model, thinks = access.shown.lower(), max_tokens + REASONING_TOKENS
    if access.provider.protocol == "groq":
        return _at_groq(model, max_tokens)
    if OPENAIS_THINKERS.search(model):
        brief = {} if SET_IN_THEIR_WAYS.search(model) else {"reasoning_effort": "low"}
        return {"max_completion_tokens": thinks, **brief}
    if access.provider.protocol == "azure" and not access.really:
        # The deployment's name says nothing; every model takes this one, where the version does.
        return {"max_completion_tokens" if access.asks_for_usage else "max_tokens": thinks}
    return {"max_tokens": thinks if _is_of(THINKERS, model) else max_tokens}


def _at_groq(model: str, max_tokens: int) -> dict[str, Any]:
    thinks = max_tokens + REASONING_TOKENS
    if BRIEF in model:
        return {"max_completion_tokens": thinks, "include_reasoning": False, "reasoning_effort": "low"}
    if _is_of(HIDEABLE, model):
        return {"max_completion_tokens": thinks, "reasoning_format": "hidden"}
    return {"max_completion_tokens": max_tokens}


def _is_of(families: tuple[str, ...], model: str) -> bool:
    return any(family in model for family in families)
