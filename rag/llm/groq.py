"""Answers by a model at Groq, through its SDK."""

from functools import cached_property
from typing import Any

import groq
import httpx
from django.conf import settings

from rag import prompts
from rag.llm import completion

KIT = completion.Kit(sdk=groq, http=httpx)


def build() -> "Groq":
    """As the settings say."""
    return Groq(
        model=settings.GROQ_MODEL,
        api_key=settings.GROQ_API_KEY,
        base_url=settings.GROQ_BASE_URL,
        timeout=settings.RAG_TIMEOUT,
        connections=settings.RAG_MAX_STREAMS + 2,
    )


class Groq:
    """`model` is any chat model of Groq's; those that reason are told to do it briefly and unseen."""

    provider = "groq"

    def __init__(self, *, model: str, api_key: str, base_url: str = "", timeout: float, connections: int) -> None:
        """`timeout`: seconds of silence. `connections`: at most so many at once."""
        self.model = model
        self._options: dict[str, Any] = {
            "api_key": api_key,
            "base_url": base_url,
            "timeout": timeout,
            "connections": connections,
        }

    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> completion.CompletionStream:
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
            "stream": True,
            **allowance(self.model, max_tokens),
        }
        return completion.CompletionStream(
            lambda: self._client.chat.completions.create(**request), KIT, max_tokens=max_tokens
        )

    @cached_property
    def _client(self) -> groq.Groq:
        return groq.Groq(**KIT.options(**self._options))


def allowance(model: str, max_tokens: int) -> dict[str, Any]:
    """The length limit and what keeps the reasoning short and out of the answer, as the model's family takes it."""
    name = model.lower()
    if "gpt-oss" in name:
        limit = max_tokens + completion.REASONING_TOKENS
        return {"max_completion_tokens": limit, "include_reasoning": False, "reasoning_effort": "low"}
    if any(family in name for family in ("qwen3", "qwq", "deepseek-r1")):
        return {"max_completion_tokens": max_tokens + completion.REASONING_TOKENS, "reasoning_format": "hidden"}
    return {"max_completion_tokens": max_tokens}
