"""The owner's door: so many attempts to log in for an address, and for a name, and then a wait.

Counted in PostgreSQL before the password is looked at, by one conditional statement each: of any number at once exactly
the allowed ones are tried, in all processes together, and a refused one costs no hashing.
"""

import logging
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from portfolio import addresses, misfits

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
OF_AN_ADDRESS = 10
OF_A_NAME = 100  # from whatever addresses; those of browsers that it logged in with count apart
KNOWN_FOR = timedelta(days=90)
TOO_MANY = f"These were too many attempts. Please wait {WINDOW.seconds // 60} minutes before the next one."


class LoginForm(AdminAuthenticationForm):
    """Refuses with the code "too_many", whether or not the password would have been right."""

    def clean(self) -> dict[str, Any]:
        address = _scope("address", _household(self.request))
        name = _scope("name", str(self.cleaned_data.get("username", "")).casefold())
        if self.request and _known(self.request) == name:
            name = _scope("browser", name)  # which no stranger can use up
        if not (_counted(address, OF_AN_ADDRESS) and _counted(name, OF_A_NAME)):
            logger.warning("An attempt to log in was refused: too many from its address or for its name")
            raise forms.ValidationError(TOO_MANY, code="too_many")
        cleaned = super().clean()
        if self.get_user() is not None:  # with a field left empty no password was looked at
            _forget(address, name)  # whoever knows the password begins anew
        return cleaned


class OwnerSite(AdminSite):
    """The admin, with that door, and with an answer to values that fit no field."""

    login_form = LoginForm

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        super().register(model_or_iterable, misfits.fitting(admin_class or ModelAdmin), **options)

    def get_urls(self) -> list[Any]:
        on_site = path("r/<path:content_type_id>/<path:object_id>/", self.admin_view(misfits.view_on_site))
        return [on_site, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if form is not None and form.has_error(NON_FIELD_ERRORS, "too_many"):
            response.status_code = 429
            response.headers["Retry-After"] = str(WINDOW.seconds)
        elif request.method == "POST" and request.user.is_authenticated:
            _remember(request.user.get_username(), response)
        return response


def _remember(name: str, response: HttpResponse) -> None:
    """That somebody logged in as `name` with this browser."""
    response.set_signed_cookie(
        _cookie(), _scope("name", name.casefold()), salt=__name__, max_age=KNOWN_FOR, httponly=True,
        secure=settings.SESSION_COOKIE_SECURE, samesite="Strict",
    )  # fmt: skip


def _known(request: HttpRequest) -> str:
    """The scope of the name that was logged in with this browser; "" for none, and for a forged one."""
    return str(request.get_signed_cookie(_cookie(), "", salt=__name__, max_age=KNOWN_FOR))


def _cookie() -> str:
    return f"{settings.SESSION_COOKIE_NAME}-known"


def _household(request: HttpRequest | None) -> str:
    """Who tries: behind NUM_PROXIES proxies."""
    return addresses.household(str(BaseThrottle().get_ident(Request(request)))) if request else ""


def _scope(kind: str, value: str) -> str:
    """Hidden: neither addresses are kept nor names, which may be a password in the wrong box."""
    return f"{kind}:{salted_hmac(__name__, value, algorithm='sha256').hexdigest()[:32]}"


def _counted(scope: str, most: int) -> bool:
    """Whether one more may be tried now; if so it is counted."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"window": WINDOW.seconds})
        cursor.execute(_COUNT, {"scope": scope, "most": most, "window": WINDOW.seconds})
        return bool(cursor.rowcount)


def _forget(*scopes: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM portfolio_loginattempts WHERE scope = ANY(%s)", [list(scopes)])


_EXPIRE = "DELETE FROM portfolio_loginattempts WHERE since < now() - make_interval(secs => %(window)s)"
_COUNT = """
    INSERT INTO portfolio_loginattempts AS known (scope, attempts, since) VALUES (%(scope)s, 1, now())
    ON CONFLICT (scope) DO UPDATE SET
        attempts = CASE WHEN known.since < now() - make_interval(secs => %(window)s) THEN 1 ELSE known.attempts + 1 END,
        since = CASE WHEN known.since < now() - make_interval(secs => %(window)s) THEN now() ELSE known.since END
    WHERE known.attempts < %(most)s OR known.since < now() - make_interval(secs => %(window)s)"""
