"""Gives every planned chunk its vector: found stored, reused from the same text, or embedded batch by batch.

Each batch is committed with the progress that it makes, so that a run that is cut off loses
at most what is in flight.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import random
from typing import Literal, Self

from django.conf import settings

from config import faults
from portfolio.claims import Lease
from rag import chunks, embeddings, files, models, packing, throttle
from rag.ingest import fares, flights, index, plan
from rag.interruption import Interruption
from rag.spending import budgets, calls

AUTO: Literal["auto"] = "auto"
Delay = float | Literal["auto"]
LOOK_AHEAD = 500  # chunks whose texts are looked up in one query
BYTES_PER_TOKEN = 3  # fewer than any text in practice has, so that estimates are upper ones
MOST_REFUSALS = 3


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A chunk without a row: the row it will get and the text to embed."""

    row: index.Row
    embedded_text: str

    @property
    def tokens(self) -> int:
        """An upper estimate; counting exactly would cost more than it saves."""
        return len(self.embedded_text.encode()) // BYTES_PER_TOKEN + 1

    @classmethod
    def of(cls, file: files.SourceFile, chunk: plan.PlannedChunk, file_id: int) -> Self:
        span = chunk.span
        text = file.text[span.start : span.end]
        row = index.Row(
            file_id=file_id, ordinal=chunk.ordinal, start_line=span.start_line, end_line=span.end_line,
            symbol=span.symbol, text=text, sha256=chunk.sha256,
        )  # fmt: skip
        return cls(row=row, embedded_text=chunks.embedded_text(file, span))


@dataclass(kw_only=True)
class Progress:
    """Chunks that are committed, of all that there are. `tell` gets both, and how fast it goes where that is known."""

    total: int
    tell: Callable[[int, int, str], None]
    done: int = 0
    _speed: throttle.Speed = field(default_factory=lambda: throttle.Speed(began=time.monotonic()), init=False)

    def add(self, count: int, spent: index.Spent | None = None) -> None:
        """Count more as done, and tell."""
        self.done += count
        now = time.monotonic()
        if spent and spent.texts:
            self._speed.add(count, spent.tokens, now)
        self.tell(self.done, self.total, self._speed.sentence(self.total - self.done, now))

    @property
    def percentage(self) -> int:
        return self.after(0)

    def after(self, count: int) -> int:
        """The percentage when so many more are done. 100 is for an index that is live."""
        return min(99, 99 * (self.done + count) // self.total) if self.total else 0


@dataclass(kw_only=True)
class Filling:
    """One run's way from chunks to stored vectors.

    `delay`: seconds between the end of a call and the next; AUTO keeps as many in flight as the provider's limits
    allow; None is what the settings say for this provider. `batch_size`: chunks a call, None for what suits the delay.
    """

    lease: Lease
    revision: models.Revision
    embedder: embeddings.Embedder
    progress: Progress
    interruption: Interruption
    note: Callable[[str], None]
    batch_size: int | None = None
    delay: Delay | None = None
    _refusals: int = field(default=0, init=False)  # single chunks in a row
    _flights: flights.Flights[Pending] = field(init=False)
    _fares: fares.Fares = field(init=False)

    def fill(self, pending: Iterable[Pending]) -> None:
        """Store them all. Raises EmbeddingError when the model cannot go on, and budgets.Refused when it may not.

        What is stored stays.
        """
        team, pace = self._means()
        self._fares = fares.Fares(about=self._about(), texts=lambda flight: list(_texts(flight.items).values()))
        self._flights = flights.Flights(
            packer=throttle.Packer((item, item.tokens) for item in self._reuse(pending)), pace=pace, team=team,
            send=partial(self._send, team), note=self.note, idle=partial(index.prove, self.lease),
            admits=self._admits, failed=self._fares.fail,
        )  # fmt: skip
        try:
            for flight in self._flights.landed():
                self._store(flight)
                faults.point("between-batches")
            faults.point("last-batch")
        finally:
            team.close()
            self._fares.close()

    def _means(self) -> tuple[flights.Alone[Pending] | flights.Crew[Pending], throttle.Pace]:
        """Who makes the calls, and when."""
        delay = spacing(self.embedder, self.delay)
        most, tokens = self.embedder.max_batch, self.embedder.max_batch_tokens
        if delay == AUTO:
            count = settings.RAG_EMBED_CONCURRENCY
            limits = throttle.Limits(items=min(self.batch_size or most, most), tokens=tokens, flights=count)
            return flights.Crew(count, self.interruption), throttle.Adaptive(limits=limits, jitter=random)
        limits = throttle.Limits(items=min(self.batch_size or settings.RAG_BATCH_SIZE, most), tokens=tokens)
        return flights.Alone(self.interruption), throttle.Steady(limits=limits, delay=delay, jitter=random)

    def _about(self) -> calls.About:
        return calls.About(
            purpose=models.Call.Purpose.INDEX, provider=self.embedder.provider, model=self.embedder.model,
            project_id=self.revision.rag.project_id,
        )  # fmt: skip

    def _reuse(self, pending: Iterable[Pending]) -> Iterator[Pending]:
        """Store what this model has embedded before, for this project or another; yield the rest."""
        for some in _groups(pending, LOOK_AHEAD):
            self.interruption.check()
            hashes = [item.row.sha256 for item in some]
            known = index.known_vectors(self.revision.embedding_model, self.revision.dimensions, hashes)
            rows = [(item.row, known[item.row.sha256]) for item in some if item.row.sha256 in known]
            if rows:
                self._commit(rows, index.Spent(reused=len(rows)))
            yield from (item for item in some if item.row.sha256 not in known)

    def _admits(self, flight: flights.Flight[Pending]) -> bool:
        """Whether what it may cost is put aside; those in flight free what they do not need. Raises budgets.Refused."""
        try:
            self._fares.hold(flight)
        except budgets.Refused:
            if not self._fares.are_open:
                raise
            return False
        return True

    def _send(self, team: flights.Team[Pending], flight: flights.Flight[Pending]) -> None:
        """The only place where a batch leaves; in the run's thread, as everything here but `_call`."""
        team.launch(flight, partial(_call, self.embedder, self._fares.of(flight), self.revision.dimensions))

    def _store(self, flight: flights.Flight[Pending]) -> None:
        """The only place where an answered one is stored; one that is refused is halved down to the chunk that the
        model does not take."""
        if isinstance(flight.error, embeddings.InputRefused):
            self._fares.fail(flight, flight.error)
            self._divide(flight.items, flight.error)
            return
        faults.point("returned-not-saved")
        texts, call = _texts(flight.items), self._fares.of(flight).call
        vectors = dict(zip(texts, map(packing.halves, flight.result), strict=True))
        reused, tokens = len(flight.items) - len(texts), flight.told.tokens
        spent = index.Spent(texts=len(texts), reused=reused, tokens=tokens, call=call)
        self._commit([(item.row, vectors[item.row.sha256]) for item in flight.items], spent, flight)
        self._refusals = 0

    def _commit(
        self, rows: list[tuple[index.Row, bytes]], spent: index.Spent, flight: flights.Flight[Pending] | None = None
    ) -> None:
        index.store(self.lease, self.revision, rows, spent, self.progress.after(len(rows)))
        faults.point("saved-before-progress")
        if flight:
            self._fares.forget(flight)
        self.progress.add(len(rows), spent)

    def _divide(self, batch: list[Pending], error: embeddings.InputRefused) -> None:
        if len(batch) > 1:
            for half in reversed(throttle.halves(batch)):
                self._flights.again(half, sum(item.tokens for item in half))
            return
        self._refusals += 1
        if self._refusals == MOST_REFUSALS:  # it is not the texts then
            raise error
        index.refuse(self.lease, batch[0].row, str(error))
        self.progress.total -= 1
        self.note(f"One chunk was left out: {error}")


def spacing(embedder: embeddings.Embedder, delay: Delay | None) -> Delay:
    """Seconds between calls, or AUTO. What is no provider's is waited for only when that is asked for."""
    chosen = settings.RAG_DELAY if delay is None else delay
    if not embedder.waits and (delay is None or chosen == AUTO):
        return 0.0
    return AUTO if chosen == AUTO else float(chosen)


def _texts(batch: list[Pending]) -> dict[bytes, str]:
    """By hash: the same one twice is sent once."""
    return {item.row.sha256: item.embedded_text for item in batch}


def _call(
    embedder: embeddings.Embedder, fare: fares.Fare, dimensions: int
) -> tuple[list[embeddings.Vector], throttle.Answer]:
    """One provider call, by whichever thread. Raises EmbeddingError."""
    with fare.aboard():
        vectors = embedder.embed_documents(fare.texts)
        embeddings.check(vectors, len(fare.texts), dimensions)
    return vectors, embedder.told


def _groups(items: Iterable[Pending], size: int) -> Iterator[list[Pending]]:
    group: list[Pending] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
