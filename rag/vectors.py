"""Gives every planned chunk its vector: found stored, reused from the same text, or embedded batch by batch.

Each batch is committed with the progress that it makes, so that a run that is cut off loses
at most the batch in flight.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import random
from typing import Self

from portfolio.claims import Lease
from rag import calls, chunks, embeddings, files, index, models, packing, plan, throttle, tokens
from rag.interruption import Interruption

TRIES = 5
LOOK_AHEAD = 500  # chunks whose texts are looked up in one query
BYTES_PER_TOKEN = 3  # fewer than any text in practice has, so that estimates are upper ones
MOST_REFUSALS = 3
MOST_RETRY_AFTER = 120.0  # seconds; asked to wait longer, the run ends and is tried again later


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
    """Chunks that are committed, of all that there are."""

    total: int
    tell: Callable[[int, int], None]
    done: int = 0

    def add(self, count: int) -> None:
        """Count more as done, and tell."""
        self.done += count
        self.tell(self.done, self.total)

    @property
    def percentage(self) -> int:
        return self.after(0)

    def after(self, count: int) -> int:
        """The percentage when so many more are done. 100 is for an index that is live."""
        return min(99, 99 * (self.done + count) // self.total) if self.total else 0


@dataclass(kw_only=True)
class Filling:
    """One run's way from chunks to stored vectors. `delay` is in seconds between the end of a call and the next."""

    lease: Lease
    revision: models.Revision
    embedder: embeddings.Embedder
    batch_size: int
    delay: float
    progress: Progress
    interruption: Interruption
    note: Callable[[str], None]
    _last_call: float | None = field(default=None, init=False)
    _refusals: int = field(default=0, init=False)  # single chunks in a row

    def fill(self, pending: Iterable[Pending]) -> None:
        """Store them all. Raises EmbeddingError when the model cannot go on, and budgets.Refused when it may not.

        What is stored stays.
        """
        unpaid = ((item, item.tokens) for item in self._reuse(pending))
        size = min(self.batch_size, self.embedder.max_batch)
        for batch in throttle.batches(unpaid, most_items=size, most_tokens=self.embedder.max_batch_tokens):
            self._store(batch)

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

    def _store(self, batch: list[Pending]) -> None:
        """Embed and commit a batch; one that is refused is halved down to the chunk that the model does not take."""
        texts = {item.row.sha256: item.embedded_text for item in batch}
        before = self.embedder.tokens_used
        try:
            made, call = self._embed(list(texts.values()))
        except embeddings.InputRefused as error:
            self._divide(batch, error)
            return
        vectors = dict(zip(texts, map(packing.halves, made), strict=True))
        tokens = self.embedder.tokens_used - before
        spent = index.Spent(texts=len(texts), reused=len(batch) - len(texts), tokens=tokens, call=call)
        self._commit([(item.row, vectors[item.row.sha256]) for item in batch], spent)
        self._refusals = 0

    def _commit(self, rows: list[tuple[index.Row, bytes]], spent: index.Spent) -> None:
        index.store(self.lease, self.revision, rows, spent, self.progress.after(len(rows)))
        self.progress.add(len(rows))

    def _divide(self, batch: list[Pending], error: embeddings.InputRefused) -> None:
        if len(batch) > 1:
            for half in throttle.halves(batch):
                self._store(half)
            return
        self._refusals += 1
        if self._refusals == MOST_REFUSALS:  # it is not the texts then
            raise error
        index.refuse(self.lease, batch[0].row, str(error))
        self.progress.total -= 1
        self.note(f"One chunk was left out: {error}")

    def _embed(self, texts: list[str]) -> tuple[list[embeddings.Vector], calls.Call]:
        """The vectors, and the call that is to be ended with their storing; tried again while errors are passing."""
        for failures in range(1, TRIES + 1):
            self._pause()
            try:
                answer = self._call(texts)
            except embeddings.EmbeddingError as error:
                self._last_call = time.monotonic()
                if error.permanent or failures == TRIES or (error.retry_after or 0) > MOST_RETRY_AFTER:
                    raise
                self._wait_after(error, failures)
            else:
                self._last_call = time.monotonic()
                return answer
        raise AssertionError("the last try returns or raises")

    def _call(self, texts: list[str]) -> tuple[list[embeddings.Vector], calls.Call]:
        """One provider call, paid for. Raises EmbeddingError, and budgets.Refused when it may not be paid."""
        call = calls.begin(self._about, tokens_in=calls.most_tokens(texts))
        try:
            with self.interruption.waiting():
                vectors = self.embedder.embed_documents(texts)
            embeddings.check(vectors, len(texts), self.revision.dimensions)
        except BaseException as error:
            # Also when the run is stopped: what was sent is likely to be billed.
            unbilled = isinstance(error, embeddings.EmbeddingError) and not calls.may_be_billed(error)
            used = None if unbilled else calls.Used(tokens_in=sum(map(tokens.count, texts)))
            calls.end(call, used, error_code=getattr(error, "code", "stopped"))
            raise
        call.stop_clock()
        return vectors, call

    @cached_property
    def _about(self) -> calls.About:
        return calls.About(
            purpose=models.Call.Purpose.INDEX, provider=self.embedder.provider, model=self.embedder.model,
            project_id=self.revision.rag.project_id,
        )  # fmt: skip

    def _pause(self) -> None:
        since = None if self._last_call is None else time.monotonic() - self._last_call
        self.interruption.sleep(throttle.pause(self.delay, since))

    def _wait_after(self, error: embeddings.EmbeddingError, failures: int) -> None:
        seconds = throttle.backoff(failures, error.retry_after, random())  # noqa: S311 — spreads waits
        self.note(f"{error} Trying again in {seconds:.0f} s.")
        self.interruption.sleep(seconds)


def _groups(items: Iterable[Pending], size: int) -> Iterator[list[Pending]]:
    group: list[Pending] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
