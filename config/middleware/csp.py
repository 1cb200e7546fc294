"""What a page may load and run: nothing that is not named here.

The names are those of Django 6's own middleware, which can take this one's place: `csp_nonce` in templates.
"""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

UNUSED = ("camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "payment", "usb")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in UNUSED)


class ContentSecurityPolicyMiddleware:
    """Sets the policy on every response that has none of its own.

    The nonce is made when a template first asks for it; a response that asked for none names none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        made: list[str] = []

        def nonce() -> str:
            made[:] = made or [secrets.token_urlsafe(18)]
            return made[0]

        request.csp_nonce = SimpleLazyObject(nonce)  # type: ignore[attr-defined]  # as Django 6 does
        response = self.get_response(request)
        if settings.DEBUG and response.status_code in (404, 500):
            return response  # Django's own debug pages, which have everything inline
        response.headers.setdefault("Content-Security-Policy", policy(_scripts(request, made)))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def csp_nonce(request: HttpRequest) -> dict[str, object]:
    """Context processor: `{{ csp_nonce }}`."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def policy(scripts: str) -> str:
    """The header's value; `scripts` are the sources that may run."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _scripts(request: HttpRequest, made: list[str]) -> str:
    # Django's admin templates load their own files without a nonce.
    match = request.resolver_match
    if match is not None and match.app_name == "admin":
        return "'self'"
    return f"'nonce-{made[0]}'" if made else "'none'"
