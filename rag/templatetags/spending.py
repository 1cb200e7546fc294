"""What the admin's first page says about money."""

from django import template

from rag.spending import costs

register = template.Library()


@register.simple_tag
def spending_notices() -> list[str]:
    """Budgets of today that are nearly used up, and what is switched off."""
    return costs.notices()
