"""What production's code makes of a simulated provider's quota; benchmarks/THROTTLE.md has all of the figures."""

import subprocess
import sys
from random import Random

import pytest

from benchmarks.throttle import strategies
from benchmarks.throttle.provider import TIERS, Provider, Tier, Time
from rag import embeddings, throttle
from rag.ingest import flights


@pytest.mark.parametrize("window", [60.0, 5.0])
@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
@pytest.mark.parametrize("trickles", [True, False])
def test_the_quota_is_used_and_hardly_anything_is_refused(tier: Tier, window: float, *, trickles: bool) -> None:
    provider = Provider(tier=tier, window=window, trickles=trickles, random=Random(5))
    strategies.auto()(provider, 180)

    assert provider.tokens / (tier.tokens * 3) >= 0.98
    assert provider.refused / (provider.accepted + provider.refused) < 0.005


def test_it_does_not_give_up_where_nothing_is_told() -> None:
    provider = Provider(tier=TIERS[0], window=60.0, trickles=False, random=Random(5), says="nothing")
    strategies.auto()(provider, 600)

    assert provider.tokens / (TIERS[0].tokens * 10) >= 0.8


def test_the_benchmark_runs_as_its_page_says() -> None:
    command = [sys.executable, "-m", "benchmarks.throttle", "--only", "auto", "--minutes", "0.1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("`--delay=auto`") == 6


@pytest.mark.parametrize("says", ["window", "nothing"])
def test_failures_in_passing_cost_little_speed(says: str) -> None:
    """One call in a hundred fails, and each of them holds all others for a second."""

    class Flaky(Provider):
        def ask(self, tokens: int, now: float) -> tuple[bool, throttle.Answer, float | None]:
            if self.random.random() < 0.01:
                raise embeddings.ProviderUnavailable
            return super().ask(tokens, now)

    provider = Flaky(tier=TIERS[2], window=60.0, trickles=True, random=Random(5), says=says)
    strategies.auto()(provider, 600)

    assert provider.tokens / (TIERS[2].tokens * 10) >= 0.8


class Queue(strategies.Virtual):
    """A server of one's own: no limits, one after the other, so many tokens a second, and nobody waits for long."""

    speed, timeout = 1_000, 20.0
    done = timeouts = 0
    free_at = 0.0

    def _arrive(self, flight: flights.Flight[int]) -> None:
        now, tokens = self.time.now, sum(flight.items)
        ready = max(now, self.free_at) + tokens / self.speed
        late = ready - now > self.timeout
        flight.error = embeddings.ProviderUnavailable() if late else None
        flight.told = throttle.Answer(tokens=0 if late else tokens)
        self.done += 0 if late else tokens
        self.timeouts += late
        self.free_at = self.free_at if late else ready
        self.time.at(now + self.timeout if late else ready, ("back", flight))


@pytest.mark.parametrize("speed", [1_000, 2_000, 5_000])
def test_a_slow_server_is_kept_busy_and_not_asked_for_more_than_it_can(speed: int) -> None:
    provider = Provider(tier=TIERS[0], window=60.0, trickles=True, random=Random(5))
    team = Queue(provider, Time(), 900)
    team.speed = speed
    strategies.fly(team, throttle.Adaptive(limits=throttle.Limits(items=128, tokens=300_000, flights=8), jitter=float))

    assert team.time.now >= 900  # it was not given up
    assert team.done >= 0.9 * speed * 900
    assert team.timeouts == 0
