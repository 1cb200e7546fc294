"""What the admin's first page says about money."""

from decimal import Decimal

from django import template

from rag.spending import costs, prices

register = template.Library()


@register.simple_tag
def spending_notices() -> list[str]:
    """Budgets of today that are nearly used up, and what is switched off."""
    return costs.notices()


@register.filter
def dollars(amount: Decimal) -> str:
    """As `prices.shown`."""
    return prices.shown(amount)
