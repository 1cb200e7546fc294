"""How much of a provider's quota each way of sending uses, and how much of what it sends is refused.

    python -m benchmarks.throttle [--minutes 10] [--only auto] [--seed 3]

`auto` is production's own code (rag/ingest/flights and rag/throttle), driven by a virtual clock.
"""

import argparse
import os
from collections.abc import Callable
from random import Random

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django

django.setup()

from benchmarks.throttle import strategies  # noqa: E402
from benchmarks.throttle.provider import TIERS, Provider  # noqa: E402

Strategy = Callable[[Provider, float], None]
STRATEGIES: dict[str, Strategy] = {
    "`--delay=auto`": strategies.auto(),
    "25 chunks, 1.5 s (the guide's)": strategies.steady(25, 1.5),
    "100 chunks, 1 s": strategies.steady(100, 1.0),
    "8 workers of 100 chunks, back-off": strategies.workers(8, 100),
    "cookbook, 100 chunks": strategies.cookbook(100, 1.0),
    "cookbook, 100 chunks, half the limits": strategies.cookbook(100, 0.5),
}
WINDOWS = (60.0, 5.0)
# How the provider counts, and what its headers say of it.
KINDS = (("trickles", "window"), ("trickles", "minute"), ("begins anew", "window"), ("begins anew", "minute"))
UNTOLD = (("trickles", "nothing"), ("begins anew", "nothing"))


def measure(strategy: Strategy, provider: Provider, minutes: float) -> str:
    strategy(provider, minutes * 60)
    sent = provider.accepted + provider.refused
    used, refused = provider.tokens / (provider.tier.tokens * minutes), provider.refused / max(1, sent)
    return f"{used:.1%}, {refused:.2%}"


def table(title: str, kind: tuple[str, str], names: list[str], options: argparse.Namespace) -> None:
    counts, says = kind
    columns = [(tier, window) for tier in TIERS for window in WINDOWS]
    print(f"\n{title.format(counts, says)}\n")
    print("| | " + " | ".join(f"tier {tier.name}, {window:.0f} s" for tier, window in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name in names:
        cells = []
        for tier, window in columns:
            random, trickles = Random(options.seed), counts == "trickles"
            provider = Provider(tier=tier, window=window, trickles=trickles, random=random, says=says)
            cells.append(measure(STRATEGIES[name], provider, options.minutes))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="virtual ones")
    parser.add_argument("--only", default="", help="strategies whose name holds this")
    parser.add_argument("--seed", type=int, default=3, help="of the provider's latencies")
    options = parser.parse_args()
    names = [name for name in STRATEGIES if options.only in name]
    for kind in KINDS:
        table("The limit {0}; headers tell of the {1}.", kind, names, options)
    for kind in UNTOLD:
        table("The limit {0}; headers tell {1}.", kind, names[:1], options)


main()
