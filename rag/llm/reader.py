"""A completion's chunks → the text that is shown, the usage, and whether it ended as an answer ends."""

from collections.abc import Iterator
from typing import Any

from rag import llm
from rag.llm import errors
from rag.providers import usage

THOUGHT, END = "<think>", "</think>"
REASONING = ("reasoning", "reasoning_content")  # fields of a delta: Groq's and Together's, and other servers'


class Reader:
    """What was read of one completion so far."""

    def __init__(self) -> None:
        self.characters = 0  # of the visible text
        self.heard = 0  # of all text
        self._thoughts = Thoughts()
        self._seen = False
        self._finish: str | None = None
        self._usage: llm.Usage | None = None

    def pieces(self, chunk: Any) -> Iterator[str | llm.Thinking]:
        """The visible text of a chunk, or that there was reasoning, which stays unread.

        Azure sends chunks without choices, and choices without a delta: what its filter says of the text.
        """
        self._seen = True
        self._usage = _usage(chunk) or self._usage
        for choice in chunk.choices[:1]:
            self._finish = choice.finish_reason or self._finish
            delta = getattr(choice, "delta", None)
            content = getattr(delta, "content", None)
            visible = self._thoughts.visible(_text(content)) if content else ""
            if not visible and (content or any(getattr(delta, name, None) for name in REASONING)):
                yield llm.Thinking()
            yield from self._shown(visible, len(content or ""))

    def end(self) -> Iterator[str | llm.Usage]:
        """What is left to say. Raises ChatError when it was no whole answer."""
        yield from self._shown(self._thoughts.rest(), 0)
        if self._usage:
            yield self._usage
        if not self._seen:
            raise errors.ChatGarbled("(No event in the stream.)")
        if self._finish is None:
            raise errors.ChatCut
        if self._finish == "length":
            raise errors.ChatTooLong
        if self._finish == "content_filter":
            raise errors.ChatFiltered
        if not self.characters:
            raise errors.ChatGarbled("(An empty answer.)")

    def _shown(self, text: str, heard: int) -> Iterator[str]:
        self.heard += heard
        self.characters += len(text)
        if text:
            yield text


class Thoughts:
    """Holds back what a model thinks aloud: <think>…</think> before its answer, where no server takes it out."""

    def __init__(self) -> None:
        self._held: str | None = ""  # None: the answer has begun

    def visible(self, piece: str) -> str:
        """The part of the answer that is known with this piece."""
        if self._held is None:
            return piece
        self._held = (self._held + piece).lstrip()
        if not self._held.startswith(THOUGHT):
            return "" if THOUGHT.startswith(self._held) else self.rest()
        before, end, answer = self._held.partition(END)
        if not end:
            self._held = THOUGHT + before[-len(END) :].removeprefix(THOUGHT)  # the mark may be cut in two
            return ""
        self._held = answer
        return self.visible("")

    def rest(self) -> str:
        """What was held back for nothing."""
        held, self._held = self._held or "", None
        return "" if held.startswith(THOUGHT) else held


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise errors.ChatGarbled(f"(Text of type {type(content).__name__}.)")
    return content


def _usage(chunk: Any) -> llm.Usage | None:
    """Mostly with the last chunk, asked for or not; Groq's in a field of its own. None where it cannot be true."""
    counted = getattr(chunk, "usage", None) or getattr(getattr(chunk, "x_groq", None), "usage", None)
    tokens_in = usage.tokens(getattr(counted, "prompt_tokens", None), least=1)
    tokens_out = usage.tokens(getattr(counted, "completion_tokens", None))
    if tokens_in is None or tokens_out is None:
        return None
    return llm.Usage(tokens_in=tokens_in, tokens_out=tokens_out)
