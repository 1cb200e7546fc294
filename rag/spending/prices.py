"""What a model costs: by RAG_PRICES, else by the prices that providers publish, as the package genai-prices lists them.

The list is part of the package and is read from disk; its updater, which would ask the network, is never started.
A price that neither knows is never taken for nothing: RAG_ASSUMED_PRICE, which is more than nearly all models cost,
counts in its place, and whoever shows a cost says so. Prices are those without a rebate for cached prompts.
"""

import importlib
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import cache
from typing import Any

from django.conf import settings

from rag import providers

MILLION = 1_000_000
SMALLEST = Decimal("0.000001")  # US dollars, as costs are stored
MOST = 10_000  # US dollars for a million tokens
LEAST_SHOWN = Decimal("0.0001")
ASSUMED = "(its price is not known: by RAG_ASSUMED_PRICE; state it in RAG_PRICES)"

_reading = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens: of what is sent, of what comes back. `is_known`: it is not the assumed one."""

    tokens_in: Decimal
    tokens_out: Decimal = Decimal(0)
    is_known: bool = True

    @property
    def is_free(self) -> bool:
        return not self.tokens_in and not self.tokens_out

    def cost(self, tokens_in: int, tokens_out: int = 0) -> Decimal:
        """US dollars, rounded up: a sum of costs is never less than what was paid."""
        dollars = (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / MILLION
        return dollars.quantize(SMALLEST, ROUND_CEILING)


def of(provider: str, model: str, tokens_in: int = 0) -> Price:
    """The price of a model there, for a prompt of so many tokens: long ones cost more with some."""
    return known(provider, model, tokens_in) or assumed()


def known(provider: str, model: str, tokens_in: int = 0) -> Price | None:
    """None when nobody says what it costs."""
    said = parsed(settings.RAG_PRICES)
    stated = said.get(f"{provider}/{model}".lower()) or said.get(f"{provider}/*".lower())
    if stated:
        return stated
    if provider in providers.BY_NAME and providers.BY_NAME[provider].is_free:
        return Price(tokens_in=Decimal(0))
    listed = [price for above, price in _listed(provider, model) if above == 0 or tokens_in > above]
    return listed[-1] if listed else None


def assumed() -> Price:
    """RAG_ASSUMED_PRICE, for a model whose price is not known."""
    price = _pair(settings.RAG_ASSUMED_PRICE)
    return Price(tokens_in=price.tokens_in, tokens_out=price.tokens_out, is_known=False)


def shown(dollars: Decimal, *, is_known: bool = True) -> str:
    """To a hundredth of a cent; less than that is still seen to be something, and what is assumed is said to be."""
    text = "under $0.0001" if 0 < dollars < LEAST_SHOWN else f"${dollars:.4f}"
    return text if is_known or not dollars else f"{text} {ASSUMED}"


def parsed(entries: list[str]) -> Mapping[str, Price]:
    """RAG_PRICES, by provider/model in small letters. Raises ValueError for an entry that cannot be read."""
    return _parsed(tuple(entries))


@cache
def _parsed(entries: tuple[str, ...]) -> Mapping[str, Price]:
    found = {}
    for entry in entries:
        name, equals, price = entry.rpartition("=")
        provider, slash, model = name.partition("/")
        if not (provider.strip() and slash and model.strip() and equals):
            raise ValueError(entry)
        found[name.strip().lower()] = _pair(price)
    return found


def _pair(text: str) -> Price:
    """`in:out`, or `in` alone for a model that writes nothing."""
    tokens_in, _, tokens_out = text.strip().partition(":")
    try:
        price = Price(tokens_in=Decimal(tokens_in), tokens_out=Decimal(tokens_out or 0))
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not all(each.is_finite() and 0 <= each <= MOST for each in (price.tokens_in, price.tokens_out)):
        raise ValueError(text)
    return price


@cache
def _listed(provider: str, model: str) -> list[tuple[int, Price]]:
    """Published prices: from prompts of more than so many tokens on, the first from 0 on; [] when none is listed."""
    with _reading:
        # Imported late, and forgotten once the price is read: the list takes 20 MB and a fifth of a second.
        package = importlib.import_module("genai_prices")
        everything = importlib.import_module("genai_prices.data_snapshot").DataSnapshot
        providers = importlib.import_module("genai_prices.data").providers
        try:
            snapshot = everything(providers=providers, from_auto_update=False)
            listed = snapshot.find_provider_model(model, None, provider, None)[1].get_prices(datetime.now(UTC))
        except LookupError:
            return []
        finally:
            vars(package).pop("data", None)
            sys.modules.pop("genai_prices.data", None)
    return _tiers(getattr(listed, "input_mtok", None), getattr(listed, "output_mtok", None))


def _tiers(into: Any, out: Any) -> list[tuple[int, Price]]:
    """By where each begins. A price is a number, or a base and tiers above so many tokens of the prompt."""
    if into is None:
        return []
    begins = {0, *(tier.start for price in (into, out) for tier in getattr(price, "tiers", ()))}
    return [(start, Price(tokens_in=_at(into, start), tokens_out=_at(out, start))) for start in sorted(begins)]


def _at(price: Any, start: int) -> Decimal:
    if price is None:
        return Decimal(0)
    if not hasattr(price, "tiers"):
        return Decimal(price)
    reached = [tier.price for tier in price.tiers if tier.start <= start]
    return Decimal(reached[-1] if reached else price.base)
