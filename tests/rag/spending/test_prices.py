"""What a model costs."""

import subprocess
import sys
from decimal import Decimal

import pytest
from pytest_django import Settings

from config import settings as configured
from rag.spending import prices

REMEMBERED_MODULES = """
import sys, threading, os
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
import django; django.setup()
from rag.spending import prices
before = threading.active_count()
assert "genai_prices" not in sys.modules, "imported before it is needed"
prices.of("openai", "gpt-4o-mini")
assert "genai_prices.data" not in sys.modules, "the list is kept"
assert threading.active_count() == before, "something runs"
"""


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("groq", "openai/gpt-oss-120b", "0.21"),
        ("groq", "openai/gpt-oss-20b", "0.105"),
        ("openai", "text-embedding-3-small", "0.02"),
        ("openai", "text-embedding-3-large", "0.13"),
        ("azure", "text-embedding-ada-002", "0.1"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.968"),
    ],
)
def test_published_prices_are_known_offline(provider: str, model: str, dollars: str) -> None:
    price = prices.of(provider, model)

    assert price.is_known and price.cost(1_000_000, 100_000) == Decimal(dollars)


@pytest.mark.parametrize("choice", [("groq", configured.GROQ_MODEL), ("openai", configured.OPENAI_MODEL),
                                    ("openai", configured.OPENAI_EMBEDDING_MODEL)], ids=str)  # fmt: skip
def test_the_default_models_have_a_known_price(choice: tuple[str, str]) -> None:
    assert prices.of(*choice).is_known


def test_a_long_prompt_costs_what_its_tier_costs() -> None:
    short, long = prices.of("openai", "gpt-6-luna", 272_000), prices.of("openai", "gpt-6-luna", 272_001)

    assert long.tokens_in == 2 * short.tokens_in


@pytest.mark.parametrize("provider", ["extractive", "fake", "lmstudio", "local"])
def test_what_this_computer_runs_is_free(provider: str) -> None:
    assert prices.of(provider, "whatever").is_free and prices.of(provider, "whatever").is_known


@pytest.mark.parametrize(("provider", "model"), [("openai", "llama3:8b"), ("compatible", "gpt-4o"), ("openai", "")])
def test_an_unknown_price_is_said_and_never_nothing(provider: str, model: str) -> None:
    price = prices.of(provider, model)

    assert prices.known(provider, model) is None
    assert not price.is_known and price.cost(1_000_000, 1_000_000) == Decimal(120)


def test_the_owners_price_goes_before_the_published_one(settings: Settings) -> None:
    settings.RAG_PRICES = ["Openai/GPT-4o-mini=1.5:2", "compatible/*=0", "azure/mine:v2=3"]

    assert prices.of("openai", "gpt-4o-mini").tokens_out == 2
    assert prices.of("compatible", "anything/at:all").is_free
    assert prices.of("azure", "mine:v2") == prices.Price(tokens_in=Decimal(3))


@pytest.mark.parametrize("entry", ["gpt-4o=1:2", "openai/gpt-4o", "openai/gpt-4o=", "openai/x=-1:2", "openai/x=NaN",
                                   "/x=1:2", "openai/=1", "openai/x=1:2:3", "openai/x=1e9"])  # fmt: skip
def test_a_price_that_cannot_be_read_is_refused(entry: str) -> None:
    with pytest.raises(ValueError):
        prices.parsed([entry])


def test_a_cost_is_rounded_up_and_fits_into_its_column() -> None:
    assert prices.of("groq", "openai/gpt-oss-20b").cost(7, 7) == Decimal("0.000003")
    assert prices.of("openai", "text-embedding-3-small").cost(1) == Decimal("0.000001")


def test_the_list_is_read_late_forgotten_and_never_updated() -> None:
    subprocess.run([sys.executable, "-c", REMEMBERED_MODULES], check=True, cwd=configured.BASE_DIR)


@pytest.mark.parametrize(
    ("dollars", "text"),
    [("0", "$0.0000"), ("0.000001", "under $0.0001"), ("0.0001", "$0.0001"), ("1.5", "$1.5000")],
)
def test_a_little_is_not_shown_as_nothing(dollars: str, text: str) -> None:
    assert prices.shown(Decimal(dollars)) == text


def test_what_is_assumed_is_shown_as_that() -> None:
    assert "not known" in prices.shown(Decimal(1), is_known=False)
    assert prices.shown(Decimal(0), is_known=False) == "$0.0000"
