"""Those who may answer a question, one after the other, until one has begun to.

    attempts = fallback.Attempts(["groq", "openai", "extractive"], limit=120)
    for attempt in attempts:
        try:
            for piece in attempt.pieces(attempt.fitted(prompt, history), beat=2): ...
            break
        except errors.ChatError as error:
            if something was said or not attempts.goes_on(error): raise

Each model has a breaker in each process, so that one that is down is passed over.
"""

import contextlib
import math
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from rag import llm, prompts, providers
from rag.llm import completion, errors, extractive, pump, windows
from rag.providers import choices
from rag.providers.breaker import ANSWERED, Breaker, Breakers, Ticket, Verdict

SHORTEST = 10.0  # seconds that the last one has, however long the others took
OPEN = "passed over"  # as a detour: its breaker is open
# What is no reason to ask somebody else: the provider's filter is not to be gone round.
FINAL = frozenset({"content_filter"})
# What says nothing about the provider: another question would have been answered.
OF_THE_QUESTION = frozenset({"refused", "length", "content_filter"})

clock = time.monotonic
breakers = Breakers(clock)


def warm() -> None:
    """Load the SDKs of all who may be asked, so that no visitor waits for it.

    It is also for peace between them: one that is loaded while the other reads an answer can break that.
    """
    with contextlib.suppress(ValueError, KeyError):  # which the system checks tell
        for use in choices.in_use():
            provider = providers.chat(use.name).provider
            if provider.protocol != "here":
                completion.load(provider)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A model that is to be asked now. `budget`: tokens of its prompt; `halved`: with half of the passages.

    `patience`: seconds until its first words; `limit`: until its last one.
    """

    model: llm.ChatModel
    budget: int
    patience: float
    limit: float
    breaker: Breaker
    ticket: Ticket
    halved: bool = False

    def fitted(self, prompt: prompts.Prompt, history: Sequence[prompts.Turn]) -> prompts.Prompt:
        """`prompt` with as many of its passages, in their order, as this model takes."""
        if not self.halved and prompt.tokens <= self.budget:
            return prompt
        passages, budget = prompt.passages, self.budget
        if self.halved:
            passages, budget = passages[: math.ceil(len(passages) / 2)], budget // 2
        return prompts.build(prompt.question, passages, history, budget)

    def pieces(self, prompt: prompts.Prompt, *, beat: float) -> Generator[str | llm.Usage | pump.Silence]:
        """See `pump.pump`. The breaker learns what comes of it as soon as there are words."""
        stream = self.model.stream(prompt, max_tokens=settings.RAG_ANSWER_TOKENS)
        pieces = pump.pump(stream, beat=beat, limit=self.limit, first=self.patience)
        verdict: Verdict | None = None
        spoke = False
        try:
            with contextlib.closing(pieces):
                for piece in pieces:
                    if not spoke and isinstance(piece, str):
                        spoke = True
                        self.leave(ANSWERED)
                    yield piece
        except errors.ChatError as error:
            verdict = _verdict(error)
            raise
        finally:
            if not spoke:
                self.leave(verdict)

    def leave(self, verdict: Verdict | None = None) -> None:
        """Without a verdict: it was not asked, or nothing was learnt."""
        self.breaker.leave(self.ticket, verdict)


class Attempts:
    """`names`: providers, the first is asked first. `limit`: seconds for all together."""

    def __init__(self, names: Sequence[str], *, limit: float) -> None:
        self._names = deque(names)
        self._ends = clock() + limit
        self._last: Attempt | None = None
        self._again: Attempt | None = None
        self._detours: list[str] = []
        self._refusals: list[str] = []  # what a visitor is told of each

    @property
    def detour(self) -> str:
        """Who did not answer, and why, for the owner: "groq: rate_limited; azure: passed over"."""
        return "; ".join(self._detours)

    def __iter__(self) -> Iterator[Attempt]:
        while self._again or self._names:
            attempt, self._again = self._again or self._next(self._names.popleft()), None
            if attempt:
                self._last = attempt
                yield attempt

    def goes_on(self, error: errors.ChatError) -> bool:
        """The last one failed before it said anything: whether the next is asked, or the same with less."""
        last = self._last
        if last is None or error.code in FINAL:
            return False
        if isinstance(error, errors.ChatTooLarge) and not last.halved:
            self._again = replace(last, halved=True, ticket=last.breaker.enter() or Ticket())
        elif not self._names:
            return False
        self._detours.append(f"{last.model.provider}: {'too_large' if self._again else error.code}")
        return True

    def refuse(self, code: str, introduction: str) -> None:
        """Nothing may be paid for the last one. Others are asked, and whatever is set the passages come last.

        `introduction`: what is said before those.
        """
        last = self._last
        if last is None:
            return
        self._detours.append(f"{last.model.provider}: {code}")
        self._refusals.append(introduction)
        if choices.LAST_RESORT not in self._names:
            self._names.append(choices.LAST_RESORT)

    def _next(self, name: str) -> Attempt | None:
        """None: it is passed over."""
        model = self._model(name)
        known = breakers.of(model)
        ticket = known.enter()
        if ticket is None and self._names:
            self._detours.append(f"{name}: {OPEN}")
            return None
        ticket = ticket or Ticket()  # nobody is left, so that it is worth a try
        patience = ticket.patience(self._patience()) if self._names else math.inf
        limit = max(self._ends - clock(), SHORTEST)
        budget = windows.prompt_tokens(name)
        return Attempt(model=model, budget=budget, patience=patience, limit=limit, breaker=known, ticket=ticket)

    def _model(self, name: str) -> llm.ChatModel:
        if name == choices.LAST_RESORT and self._detours:
            # With a failure among them it may be over long before the budget is there again.
            only_refused = len(self._refusals) == len(self._detours)
            return extractive.Extractive(self._refusals[-1] if only_refused else extractive.INSTEAD)
        return llm.named(name)

    def _patience(self) -> float:
        """Longer when only the passages are left: a written answer is worth the wait."""
        others = [name for name in self._names if name != choices.LAST_RESORT]
        return float(settings.LLM_FIRST_TOKEN_TIMEOUT if others else settings.RAG_TIMEOUT)


def _verdict(error: errors.ChatError) -> Verdict | None:
    if error.code in OF_THE_QUESTION:
        return None
    return Verdict(failed=True, lasting=error.permanent, retry_after=error.retry_after)
