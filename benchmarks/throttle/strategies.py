"""Four ways to send chunks, each a function from a provider and an end to nothing: the provider counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.throttle.provider import Provider, Time
from rag import embeddings, throttle
from rag.ingest import flights

Chunks = Iterator[tuple[int, int]]  # tokens, and their estimate


def chunks(seed: int) -> Chunks:
    """Tokens as pieces of code have them, and the upper estimate by which they are packed (bytes / 3)."""
    random = Random(seed)
    while True:
        tokens = int(min(1_000, max(20, random.gauss(350, 140))))
        yield tokens, int(tokens * random.uniform(1.15, 1.45)) + 1


class Enough(Exception):
    """The time is over."""


@dataclass
class Virtual:
    """A `flights.Team` whose calls take virtual time."""

    provider: Provider
    time: Time
    end: float

    def now(self) -> float:
        return self.time.now

    def launch(self, flight: flights.Flight[int], call: flights.Call) -> None:
        self.time.at(self.time.now + self.provider.way_there(), ("arrives", flight))

    def landed(self, seconds: float) -> flights.Flight[int] | None:
        latest = self.time.now + seconds
        while event := self.time.next(min(latest, self.end)):
            what: str = event[0]
            flight: flights.Flight[int] = event[1]
            if what == "back":
                return flight
            self._arrive(flight)
        if self.time.now >= self.end:
            raise Enough
        return None

    def _arrive(self, flight: flights.Flight[int]) -> None:
        tokens = sum(flight.items)
        try:
            done, flight.told, retry_after = self.provider.ask(tokens, self.time.now)
            flight.error = None if done else embeddings.RateLimited(retry_after=retry_after)
        except embeddings.EmbeddingError as error:
            done, flight.told, flight.error = False, throttle.Answer(), error
        self.time.at(self.time.now + (self.provider.work(tokens) if done else 0.03), ("back", flight))


def fly(team: Virtual, pace: throttle.Pace) -> None:
    """Production's own machinery, from packing to the decision when to leave."""
    packer = throttle.Packer(chunks(1))
    machinery = flights.Flights(
        packer=packer, pace=pace, team=team, send=lambda flight: team.launch(flight, lambda: (None, throttle.Answer()))
    )
    try:
        for _flight in machinery.landed():
            pass
    except (Enough, embeddings.RateLimited):
        return


def auto(concurrency: int = 8) -> Callable[[Provider, float], None]:
    limits = throttle.Limits(items=2_048, tokens=300_000, flights=concurrency)
    return lambda provider, end: fly(
        Virtual(provider, Time(), end), throttle.Adaptive(limits=limits, jitter=Random(2).random)
    )


def steady(batch: int, delay: float) -> Callable[[Provider, float], None]:
    limits = throttle.Limits(items=batch, tokens=300_000)
    return lambda provider, end: fly(
        Virtual(provider, Time(), end), throttle.Steady(limits=limits, delay=delay, jitter=Random(2).random)
    )


def workers(count: int, batch: int) -> Callable[[Provider, float], None]:
    """So many workers, each of which sends as soon as it can, and backs off by itself when it is refused."""

    def run(provider: Provider, end: float) -> None:
        time, source, random = Time(), chunks(1), Random(2)
        for _ in range(count):
            time.at(0.0, ("send", _batch(source, batch), 0))
        while time.now < end and (event := time.next(end)):
            what, tokens, failures = event
            if what == "send":
                time.at(time.now + provider.way_there(), ("arrives", tokens, failures))
                continue
            done, _told, _retry_after = provider.ask(tokens, time.now)
            if done:
                time.at(time.now + provider.work(tokens), ("send", _batch(source, batch), 0))
            else:
                wait = throttle.backoff(min(failures + 1, 6), None, random.random())
                time.at(time.now + wait, ("send", tokens, failures + 1))

    return run


def cookbook(batch: int, share: float) -> Callable[[Provider, float], None]:
    """The rules of OpenAI's cookbook for parallel requests, told `share` of the limits.

    Two allowances of one's own, of requests and tokens, begin full with a minute's worth and fill up evenly to that.
    What both suffice for leaves at once, however many are in flight; there are no headers and no Retry-After. After a
    refusal nothing leaves for fifteen seconds; the refused request is sent first then, five times at most.
    """

    def run(provider: Provider, end: float) -> None:
        _Cookbook(provider, end, share).run(chunks(1), batch)

    return run


TICK, COOL_DOWN, ATTEMPTS = 0.001, 15.0, 5


class _Cookbook:
    def __init__(self, provider: Provider, end: float, share: float) -> None:
        self.provider, self.end, self.time = provider, end, Time()
        self.limits = provider.tier.requests * share, provider.tier.tokens * share
        self.capacity = list(self.limits)
        self.filled_at, self.refused_at = 0.0, -COOL_DOWN
        self.retries: list[tuple[int, int]] = []

    def run(self, source: Chunks, batch: int) -> None:
        tokens, attempts = _batch(source, batch), ATTEMPTS
        while self.time.now < self.end:
            self._fill()
            if wait := self._wait(tokens):
                self._pass(wait)
                continue
            self.capacity = [self.capacity[0] - 1, self.capacity[1] - tokens]
            self.time.at(self.time.now + self.provider.way_there(), ("arrives", tokens, attempts - 1))
            self._pass(TICK)
            tokens, attempts = self.retries.pop(0) if self.retries else (_batch(source, batch), ATTEMPTS)

    def _wait(self, tokens: int) -> float:
        cooling = self.refused_at + COOL_DOWN - self.time.now
        missing = max((1 - self.capacity[0]) / self.limits[0], (tokens - self.capacity[1]) / self.limits[1]) * 60
        wait = max(cooling, missing)
        return max(wait, TICK) if wait > 0 else 0.0

    def _fill(self) -> None:
        seconds, self.filled_at = self.time.now - self.filled_at, self.time.now
        self.capacity = [
            min(limit, has + limit * seconds / 60) for has, limit in zip(self.capacity, self.limits, strict=True)
        ]

    def _pass(self, seconds: float) -> None:
        until = self.time.now + seconds
        while event := self.time.next(until):
            what, tokens, attempts = event
            if what == "refused":
                self.refused_at = self.time.now
                if attempts:
                    self.retries.append((tokens, attempts))
            elif not self.provider.ask(tokens, self.time.now)[0]:
                self.time.at(self.time.now + 0.03, ("refused", tokens, attempts))


def _batch(source: Chunks, count: int) -> int:
    return sum(next(source)[0] for _ in range(count))
