"""The content security policy: what each kind of response says, and that the nonce is used where it is named."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.factories import make_project

pytestmark = pytest.mark.django_db


def header(client: Client, path: str) -> str:
    return client.get(path).headers["Content-Security-Policy"]


def test_nothing_is_allowed_that_is_not_named(client: Client) -> None:
    assert header(client, "/").startswith("default-src 'none'; ")


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/nowhere", "/api/projects/"])
def test_what_does_not_fall_back_to_the_default_is_named_everywhere(client: Client, path: str) -> None:
    directives = header(client, path).split("; ")

    assert {"base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= set(directives)


@pytest.mark.parametrize("word", ["unsafe-inline", "unsafe-eval", "data:", "http:", "https:", "*", "blob:"])
def test_no_page_allows_what_undoes_a_policy(client: Client, word: str) -> None:
    project = make_project()

    policies = [header(client, path) for path in ("/", project.get_absolute_url(), "/admin/login/", "/nowhere")]

    assert not any(word in policy for policy in policies)


def test_every_script_carries_the_nonce_that_the_header_names(client: Client) -> None:
    response = client.get(make_project().get_absolute_url())

    named = re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    carried = set(re.findall(r'<script nonce="([^"]+)"', response.text))
    assert set(named) == carried and len(carried) == 1
    assert response.text.count("<script") == response.text.count("<script nonce=")


def test_each_response_has_a_nonce_of_its_own(client: Client) -> None:
    path = make_project().get_absolute_url()

    assert header(client, path) != header(client, path)


def test_a_page_without_scripts_allows_none(client: Client) -> None:
    assert "script-src 'none'" in header(client, "/")


def test_the_admin_may_load_the_scripts_of_this_site_only(client: Client) -> None:
    client.force_login(User.objects.create_superuser("owner"))

    assert "script-src 'self';" in header(client, "/admin/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
    ],
)
def test_the_other_headers_are_set(client: Client, name: str, value: str) -> None:
    assert client.get("/").headers[name] == value


def test_camera_and_the_like_are_off(client: Client) -> None:
    assert "camera=()" in client.get("/").headers["Permissions-Policy"]


def test_no_template_has_inline_style_or_script() -> None:
    templates = list(Path("templates").rglob("*.html"))

    found = [
        path.name
        for path in templates
        if re.search(r"\sstyle=|<style|\son\w+=|javascript:|<script(?! nonce)|hx-on", path.read_text())
    ]
    assert templates and found == []


def test_djangos_own_debug_pages_are_left_readable(client: Client, settings: Settings) -> None:
    settings.DEBUG = True

    assert "Content-Security-Policy" not in client.get("/nowhere").headers
    assert "Content-Security-Policy" in client.get("/").headers
