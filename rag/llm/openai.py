"""Answers by a model at OpenAI, or at anything that speaks its protocol under OPENAI_BASE_URL, through OpenAI's SDK."""

import re
from functools import cached_property
from typing import Any

import httpx2
import openai
from django.conf import settings

from rag import prompts
from rag.llm import completion

KIT = completion.Kit(sdk=openai, http=httpx2)
REASONING_MODEL = re.compile(r"(^|/)(o\d|gpt-([5-9]|\d\d))", re.IGNORECASE)


def build() -> "OpenAI":
    """As the settings say."""
    return OpenAI(
        model=settings.OPENAI_MODEL,
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
        timeout=settings.RAG_TIMEOUT,
        connections=settings.RAG_MAX_STREAMS + 2,
    )


class OpenAI:
    """`model` is any chat model of the provider's; models that reason are told to do it briefly."""

    provider = "openai"

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
            "stream_options": {"include_usage": True},
            **allowance(self.model, max_tokens),
        }
        return completion.CompletionStream(
            lambda: self._client.chat.completions.create(**request), KIT, max_tokens=max_tokens
        )

    @cached_property
    def _client(self) -> openai.OpenAI:
        return openai.OpenAI(**KIT.options(**self._options))


def allowance(model: str, max_tokens: int) -> dict[str, Any]:
    """The length limit, by the name that the model's family takes: other providers know the old one only."""
    if REASONING_MODEL.search(model):
        return {"max_completion_tokens": max_tokens + completion.REASONING_TOKENS, "reasoning_effort": "low"}
    return {"max_tokens": max_tokens}
