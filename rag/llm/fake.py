"""A model for tests and demonstrations: deterministic, offline, and chosen by its name only."""

import re
import threading
from collections.abc import Iterator

from django.conf import settings

from rag import llm, prompts


class FakeStream:
    """The words of an answer one after the other, `delay` seconds apart, then the usage."""

    def __init__(self, text: str, usage: llm.Usage, delay: float) -> None:
        self._pieces: Iterator[str | llm.Usage] = iter([*re.findall(r"\s*\S+", text), usage])
        self._delay = delay
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[str | llm.Usage]:
        return self

    def __next__(self) -> str | llm.Usage:
        piece = next(self._pieces)
        self._ended.wait(self._delay)
        if self._ended.is_set():
            raise StopIteration
        return piece

    def close(self) -> None:
        self._ended.set()


def build() -> "Fake":
    return Fake(delay=settings.LLM_FAKE_DELAY)


class Fake:
    """Quotes the first passage and cites it."""

    provider = "fake"
    model = "fake"

    def __init__(self, *, delay: float = 0.0) -> None:
        self._delay = delay

    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> FakeStream:
        text = answer(prompt)
        words_in = sum(len(message.content.split()) for message in prompt.messages)
        usage = llm.Usage(tokens_in=words_in, tokens_out=len(text.split()))
        return FakeStream(" ".join(text.split(" ")[:max_tokens]), usage, self._delay)


def answer(prompt: prompts.Prompt) -> str:
    if not prompt.passages:
        return f"You asked: {prompt.question}\n\nI was given no passages."
    first = prompt.passages[0]
    line = next((line.strip() for line in first.text.splitlines() if line.strip()), "").replace("`", "'")
    where = f" in `{first.symbol}`" if first.symbol else ""
    return f"You asked: {prompt.question}\n\nThe answer is{where} in `{first.path}`: `{line}` [1]."
