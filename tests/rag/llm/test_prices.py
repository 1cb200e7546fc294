"""What an answer costs."""

from decimal import Decimal

import pytest

from config import settings
from rag import llm
from rag.llm import prices


@pytest.mark.parametrize(
    ("model", "dollars"), [("openai/gpt-oss-120b", "0.21"), ("openai/gpt-oss-20b", "0.105"), ("another", "0")]
)
def test_tokens_are_priced_by_the_model(model: str, dollars: str) -> None:
    usage = llm.Usage(tokens_in=1_000_000, tokens_out=100_000)
    assert prices.cost("groq", model, usage) == Decimal(dollars)


def test_the_same_model_of_another_provider_has_no_known_price() -> None:
    assert prices.cost("openai", "openai/gpt-oss-120b", llm.Usage(tokens_in=1_000, tokens_out=1_000)) == 0


def test_the_default_model_at_groq_has_a_price() -> None:
    assert ("groq", settings.GROQ_MODEL) in prices.PRICES


def test_a_cost_fits_into_its_column() -> None:
    assert prices.cost("groq", "openai/gpt-oss-20b", llm.Usage(tokens_in=7, tokens_out=7)) == Decimal("0.000003")
