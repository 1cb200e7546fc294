"""What the flights of a run cost: held before each leaves, and settled however it ends.

    fares.hold(flight)       before it leaves; raises budgets.Refused
    fares.of(flight).call    to be ended in the transaction that stores what it has brought; then `forget` it
    fares.fail(flight, …)    it has brought nothing
    fares.close()            for all that nobody has waited for

Another try of a flight is another call. All of it is for the run's own thread, but what `aboard` does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rag import embeddings, tokens
from rag.ingest import flights
from rag.spending import calls

STOPPED = "stopped"  # the error code of a call that the end of its run has cut off


@dataclass(kw_only=True)
class Fare:
    """The call of a flight and what it sends. `is_sent`: the provider may have seen it."""

    flight: flights.Flight[Any]
    call: calls.Call
    texts: list[str]
    is_sent: bool = False

    @contextmanager
    def aboard(self) -> Iterator[None]:
        """Inside, by whichever thread, the provider is asked."""
        self.is_sent = True
        try:
            yield
        finally:
            self.call.stop_clock()

    def settle_failed(self, error: Exception) -> None:
        """What was sent is likely to be billed, unless the provider has refused it."""
        is_billed = not isinstance(error, embeddings.EmbeddingError) or calls.may_be_billed(error)
        self._end(sum(map(tokens.count, self.texts)) if is_billed else 0, getattr(error, "code", STOPPED))

    def settle_stopped(self) -> None:
        """However far it has come: its answer is stored nowhere, and why it was refused may have been cut off."""
        error = self.flight.error
        is_refused = isinstance(error, embeddings.EmbeddingError) and not calls.may_be_billed(error)
        if not self.is_sent or is_refused:
            self._end(0, STOPPED)
        else:  # that the connection is lost is our own doing
            self._end(self.flight.told.tokens or sum(map(tokens.count, self.texts)), STOPPED)

    def _end(self, billed: int, code: str) -> None:
        calls.end(self.call, calls.Used(tokens_in=billed), error_code=code)


@dataclass(kw_only=True)
class Fares:
    """Of one run; `texts` tells what a flight sends."""

    about: calls.About
    texts: Callable[[flights.Flight[Any]], list[str]]
    _open: dict[int, Fare] = field(default_factory=dict, init=False)

    @property
    def are_open(self) -> bool:
        """Whether something is held that may become free."""
        return bool(self._open)

    def hold(self, flight: flights.Flight[Any]) -> None:
        """Raises budgets.Refused."""
        texts = self.texts(flight)
        call = calls.begin(self.about, tokens_in=calls.most_tokens(texts))
        self._open[id(flight)] = Fare(flight=flight, call=call, texts=texts)

    def of(self, flight: flights.Flight[Any]) -> Fare:
        return self._open[id(flight)]

    def forget(self, flight: flights.Flight[Any]) -> None:
        """Its call has ended, and that is committed."""
        del self._open[id(flight)]

    def fail(self, flight: flights.Flight[Any], error: Exception) -> None:
        self.of(flight).settle_failed(error)
        self.forget(flight)

    def close(self) -> None:
        """Nothing is in flight any more."""
        for fare in list(self._open.values()):
            fare.settle_stopped()
            self.forget(fare.flight)
