"""How many tokens a model may be sent: what its window holds, and what its provider takes in a minute.

The answer counts too, in both: whoever asks for a long one can be sent less.
"""

import re

from django.conf import settings

from rag import providers
from rag.llm import families

MARGIN = 0.95  # of a limit is used: other tokenizers count a few per cent more than ours
LEAST = 500  # tokens: less is no prompt with a passage in it
# Those that RAG_PROMPT_TOKENS can fill, by their names. Newer models hold more than any prompt of ours.
WINDOWS = (
    (re.compile(r"8192|gemma-?2?-[279]b|(^|/)gpt-4(-0\d+)?$|llama-?3-", re.IGNORECASE), 8_192),
    (re.compile(r"gpt-(3\.5|35)-turbo", re.IGNORECASE), 16_385),
    (re.compile(r"(^|[/:])(llama-?2|phi-?[23]|tinyllama|vicuna)", re.IGNORECASE), 4_096),
)


def prompt_tokens(name: str) -> int:
    """The most that a prompt for that provider's model may be: RAG_PROMPT_TOKENS, or less."""
    left, most = room(providers.chat(name)), int(settings.RAG_PROMPT_TOKENS)
    return most if left is None else min(most, max(LEAST, left))


def room(access: providers.Access) -> int | None:
    """Tokens that the answer leaves to a prompt; None where they are more than enough, or not known."""
    if access.provider.protocol == "here":
        return None
    limits = [limit for limit in (window(access.shown), tokens_a_minute(access)) if limit]
    return int(min(limits) * MARGIN) - answer_tokens(access) if limits else None


def window(model: str) -> int:
    """Tokens of prompt and answer together; 0 where they are more than enough, or not known."""
    stated: int = settings.LLM_CONTEXT_TOKENS
    return stated or next((tokens for pattern, tokens in WINDOWS if pattern.search(model)), 0)


def tokens_a_minute(access: providers.Access) -> int:
    """That its provider takes of us; 0 where it is not known, and enough for one question then."""
    return stated_rates().get(access.provider.name, access.provider.tokens_a_minute)


def answer_tokens(access: providers.Access) -> int:
    """What is asked for, and counted, whether it is used or not."""
    asked = families.allowance(access, settings.RAG_ANSWER_TOKENS)
    return int(asked.get("max_completion_tokens") or asked["max_tokens"])


def stated_rates() -> dict[str, int]:
    """LLM_TOKENS_PER_MINUTE: provider → tokens. Raises ValueError."""
    found = {}
    for entry in settings.LLM_TOKENS_PER_MINUTE:
        name, _, number = entry.partition("=")
        if not (number.strip().isascii() and number.strip().isdigit()):
            raise ValueError(f"LLM_TOKENS_PER_MINUTE: {entry!r} is not a name and a number, as in groq=8000.")
        found[name.strip().lower()] = int(number)
    return found
