"""What production's code makes of a simulated provider's quota; benchmarks/THROTTLE.md has all of the figures."""

import subprocess
import sys
from random import Random

import pytest

from benchmarks.throttle import strategies
from benchmarks.throttle.provider import TIERS, Provider, Tier
from rag import embeddings, throttle


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
