"""System checks of how the site is served: mistakes that show as a page that never comes, or as one too open."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections, transaction

MINIMUM = (0, 8, 4)  # of pgvector; see SECURITY.md, "What it stands on"


@register(Tags.security)
def hosts(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Each host by its whole name: a pattern lets others choose the addresses that the site writes of itself."""
    if settings.DEBUG:
        return []
    found: list[CheckMessage] = []
    for host in settings.ALLOWED_HOSTS:
        if "*" in host or host.startswith("."):
            hint = "Name each host; a pattern also answers to names that others choose."
            found.append(Error(f"ALLOWED_HOSTS has a pattern: {host}", hint=hint, id="site.E001"))
        elif "/" in host or (":" in host and not host.startswith("[")):
            hint = "Write the name alone: docent.example, without https:// and without a port."
            found.append(Error(f"ALLOWED_HOSTS has more than a host's name: {host}", hint=hint, id="site.E002"))
    return found


@register(Tags.security)
def origins(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Forms are only taken from whole addresses with https; Django itself wants a scheme."""
    hint = "Name each origin with https://, or unset CSRF_TRUSTED_ORIGINS: those of ALLOWED_HOSTS are trusted then."
    return [
        Error(f"CSRF_TRUSTED_ORIGINS trusts too much: {origin}", hint=hint, id="site.E003")
        for origin in settings.CSRF_TRUSTED_ORIGINS
        if not settings.DEBUG and ("*" in origin or not origin.startswith("https://"))
    ]


@register(Tags.security)
def render(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What Render's proxy does not forgive."""
    if not settings.RENDER_HOST:
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        hint = "Unset DEBUG: its error pages show settings and code to everybody."
        found.append(Error("DEBUG is on, on Render.", hint=hint, id="site.E004"))
    if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
        hint = "Unset TRUST_FORWARDED_PROTO: Render's proxy speaks http to the site, and says itself how it was asked."
        found.append(Error("Every page would redirect to itself without end.", hint=hint, id="site.E005"))
    return found


@register(Tags.database)
def pgvector(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """With `--database`, as migrate has it: that vectors can be stored and compared as the queries want."""
    return [message for alias in databases or [] for message in _pgvector(alias)]


def _pgvector(alias: str) -> list[CheckMessage]:
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute("SELECT default_version, installed_version FROM pg_available_extensions WHERE name='vector'")
            row = cursor.fetchone()
    except DatabaseError:
        return []  # whoever needs it says so at once
    if row is None:
        hint = "Use a PostgreSQL that has pgvector, as Render's does, or install the package for your version of it."
        return [Error("This PostgreSQL has no pgvector.", hint=hint, id="site.E006")]
    version = row[1] or row[0]
    if is_enough(version):
        return []
    wanted = ".".join(map(str, MINIMUM))
    hint = f"Install {wanted} or newer on the server, then as an admin of it: ALTER EXTENSION vector UPDATE."
    return [Error(f"pgvector is {version}, and {wanted} is the oldest that will do.", hint=hint, id="site.E007")]


def is_enough(version: str) -> bool:
    """Whether pgvector's `version`, such as 0.8.5, is MINIMUM or newer."""
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    return numbers >= MINIMUM
