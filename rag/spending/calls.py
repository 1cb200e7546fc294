"""One call to a provider from beginning to end: what it may cost is held before it, and it is a row after it.

    call = calls.begin(calls.About(purpose="question", …), tokens_in=…, tokens_out=…)    upper ones; raises Refused
    …ask the provider…
    calls.end(call, calls.Used(tokens_in=…, tokens_out=…))     what it used, also when it broke off; None: nothing

`end` belongs into the transaction that stores what the call has brought. Another try is another call.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from config import database
from rag import embeddings, models
from rag.spending import budgets, prices

T = TypeVar("T")

TEMPLATE_TOKENS = 250  # what a provider's own marks around the messages may come to

_aside: ContextVar[bool] = ContextVar("_aside", default=False)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a call is for, and who answers it."""

    purpose: str
    provider: str
    model: str
    project_id: int | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Used:
    """Tokens that were billed, counted by the provider or else estimated."""

    tokens_in: int
    tokens_out: int = 0


@dataclass(kw_only=True)
class Call:
    """A call that is under way."""

    about: About
    hold: models.Hold | None
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    def stop_clock(self) -> None:
        """The provider has answered; storing it takes its own time."""
        self.seconds = time.monotonic() - self.started

    def cost(self, used: Used) -> Decimal:
        """US dollars."""
        return prices.of(self.about.provider, self.about.model, used.tokens_in).cost(used.tokens_in, used.tokens_out)


def begin(about: About, *, tokens_in: int, tokens_out: int = 0) -> Call:
    """Hold what so many tokens cost, which are the most that it can use. Raises budgets.Refused.

    No connection to the database is kept while the provider answers.
    """
    price = prices.of(about.provider, about.model, tokens_in)
    purchase = budgets.Purchase(
        purpose=about.purpose, provider=about.provider, model=about.model, amount=price.cost(tokens_in, tokens_out),
        price_known=price.is_known, project_id=about.project_id, message_id=about.message_id,
        minutes=_minutes(about.purpose),
    )  # fmt: skip
    held = _here_or_aside(partial(budgets.hold, purchase), is_paid=bool(purchase.amount))
    if held:
        database.release()
    return Call(about=about, hold=held)


def end(call: Call, used: Used | None, *, error_code: str = "", message_kept: bool = True) -> Decimal:
    """Settle it and write its row; what it cost in US dollars. `used` None: it was not billed."""
    if call.seconds is None:
        call.stop_clock()
    ending = partial(_end, call, used or Used(tokens_in=0), error_code, message_kept)
    return _here_or_aside(ending, is_paid=call.hold is not None)


def _end(call: Call, used: Used, error_code: str, message_kept: bool) -> Decimal:  # noqa: FBT001
    about, cost = call.about, call.cost(used)
    with transaction.atomic(savepoint=False):
        if call.hold and not budgets.settle(call.hold, cost):
            return call.hold.amount_usd  # it took so long that it was charged, and written down, as lost
        models.Call.objects.create(
            provider=about.provider, model=about.model, purpose=about.purpose, project_id=about.project_id,
            message_id=about.message_id if message_kept else None, tokens_in=used.tokens_in, tokens_out=used.tokens_out,
            cost_usd=cost, price_known=prices.known(about.provider, about.model) is not None, error_code=error_code,
            latency_ms=round((call.seconds or 0) * 1000),
        )  # fmt: skip
    return cost


def may_be_billed(error: embeddings.EmbeddingError) -> bool:
    """Whether the provider may have done the work all the same: it was silent, or its answer was of no use."""
    return isinstance(error, embeddings.ProviderUnavailable | embeddings.BadVectors)


def most_tokens(texts: Iterable[str]) -> int:
    """More than any tokenizer makes of them: a token is a byte at least."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + TEMPLATE_TOKENS


@contextmanager
def aside() -> Iterator[None]:
    """Inside, calls that cost are held and written down over a connection of their own.

    For what runs in a transaction that is rolled back: the money stays spent, and meanwhile nobody waits for it.
    """
    token = _aside.set(True)
    try:
        yield
    finally:
        _aside.reset(token)


def _here_or_aside(work: Callable[[], T], *, is_paid: bool) -> T:
    if not (is_paid and _aside.get()):
        return work()
    with ThreadPoolExecutor(max_workers=1) as other:
        return other.submit(_alone, work).result()


def _alone(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()


def _minutes(purpose: str) -> int:
    """After which a call's process must have been killed."""
    if purpose == models.Call.Purpose.INDEX:  # and its batch is being stored
        return 10 + math.ceil(settings.RAG_TIMEOUT / 60)
    return 3 + math.floor(settings.RAG_TIMEOUT / 60)
