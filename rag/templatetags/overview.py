"""What the admin's first page says at a glance."""

from django import template

from rag import overview

register = template.Library()


@register.simple_tag
def look_over() -> overview.Overview:
    """As things are now."""
    return overview.now()
