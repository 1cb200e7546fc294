"""What an answer costs, by the prices that the providers publish.

A model that is not listed costs 0 here. That says that its price is not known, not that it is free.
"""

from dataclasses import dataclass
from decimal import Decimal

from rag import llm

MILLION = 1_000_000
SMALLEST = Decimal("0.000001")  # US dollars, as costs are stored


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens: of the prompt, of the answer."""

    tokens_in: Decimal
    tokens_out: Decimal


# (provider, model): the same model has another price elsewhere.
PRICES = {
    ("groq", "openai/gpt-oss-120b"): Price(Decimal("0.15"), Decimal("0.60")),
    ("groq", "openai/gpt-oss-20b"): Price(Decimal("0.075"), Decimal("0.30")),
}


def cost(provider: str, model: str, usage: llm.Usage) -> Decimal:
    """US dollars; 0 when the price is not known."""
    price = PRICES.get((provider, model))
    if price is None:
        return Decimal(0)
    dollars = (usage.tokens_in * price.tokens_in + usage.tokens_out * price.tokens_out) / MILLION
    return dollars.quantize(SMALLEST)
