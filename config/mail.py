"""EMAIL_URL → Django's settings for e-mail."""

from typing import Any

import environ

TIMEOUT = 10  # seconds for a server that does not answer


def parsed(url: str) -> dict[str, Any]:
    """EMAIL_BACKEND and the others, by name."""
    found = environ.Env.email_url_config(url)
    return {
        "EMAIL_BACKEND": found["EMAIL_BACKEND"],
        "EMAIL_HOST": found["EMAIL_HOST"] or "localhost",
        "EMAIL_PORT": found["EMAIL_PORT"] or 25,
        "EMAIL_HOST_USER": found["EMAIL_HOST_USER"] or "",
        "EMAIL_HOST_PASSWORD": found["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_USE_TLS": found.get("EMAIL_USE_TLS", False),
        "EMAIL_USE_SSL": found.get("EMAIL_USE_SSL", False),
        "EMAIL_TIMEOUT": TIMEOUT,
    }
