"""The admin's login, tried by somebody who does not know the password."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from portfolio import logins
from portfolio.models import LoginAttempts

LOGIN = "/admin/login/"
RIGHT = "Gr4nite Hollow 77"


@pytest.fixture(autouse=True)
def owner(db: None, settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a quick one
    return User.objects.create_superuser("owner", password=RIGHT)


def attempt(password: str, name: str = "owner", **headers: str) -> HttpResponse:
    return Client().post(LOGIN, {"username": name, "password": password}, headers=headers)  # type: ignore[return-value]


def exhaust(**headers: str) -> None:
    for number in range(logins.OF_AN_ADDRESS):
        assert attempt(f"wrong {number}", **headers).status_code == 200


def test_after_so_many_attempts_the_right_password_is_refused_too() -> None:
    exhaust()

    refused = attempt(RIGHT)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
    assert logins.TOO_MANY in refused.content.decode()


def test_a_refused_attempt_costs_no_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    exhaust()
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", lambda *a, **k: pytest.fail("looked"))

    assert attempt(RIGHT).status_code == 429


def test_after_the_wait_it_is_let_in() -> None:
    exhaust()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portfolio_loginattempts SET since = since - interval '16 minutes'")

    assert attempt(RIGHT).status_code == 302


def test_whoever_knows_the_password_begins_anew() -> None:
    for _ in range(3):
        exhaust_but_one()
        assert attempt(RIGHT).status_code == 302
    assert not LoginAttempts.objects.exists()


def exhaust_but_one() -> None:
    for number in range(logins.OF_AN_ADDRESS - 1):
        attempt(f"wrong {number}")


@pytest.mark.parametrize(("password", "name"), [("", "owner"), ("a", ""), ("", ""), ("a\0b", "owner")])
def test_a_form_that_is_not_filled_in_wins_no_further_attempts(password: str, name: str) -> None:
    exhaust_but_one()

    attempt(password, name)

    assert attempt(RIGHT).status_code == 429


def test_fifty_forged_addresses_are_one() -> None:
    codes = [attempt("wrong", x_forwarded_for=f"10.0.0.{n}").status_code for n in range(50)]

    assert codes.count(200) == logins.OF_AN_ADDRESS and codes.count(429) == 50 - logins.OF_AN_ADDRESS


def test_behind_a_proxy_addresses_are_what_it_says(settings: Settings) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    exhaust(x_forwarded_for="6.6.6.6, 10.0.0.1")

    assert attempt("wrong", x_forwarded_for="7.7.7.7, 10.0.0.1").status_code == 429
    assert attempt(RIGHT, x_forwarded_for="10.0.0.2").status_code == 302


def test_the_addresses_of_one_ipv6_network_are_one(settings: Settings) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    codes = [attempt("wrong", x_forwarded_for=f"2001:db8::{n:x}").status_code for n in range(1, 13)]

    assert codes.count(429) == 2
    assert attempt(RIGHT, x_forwarded_for="2001:db8:0:1::1").status_code == 302


@pytest.mark.parametrize("form", ["10.0.0.{}:40001", "::ffff:10.0.0.{}"])
def test_of_all_ways_to_write_an_address_each_is_that_one(settings: Settings, form: str) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    exhaust(x_forwarded_for=form.format(1))

    assert attempt(RIGHT, x_forwarded_for="10.0.0.1:40002").status_code == 429
    assert attempt(RIGHT, x_forwarded_for=form.format(2)).status_code == 302


def test_a_name_is_tried_from_many_addresses_so_often_only(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    monkeypatch.setattr(logins, "OF_A_NAME", 5)
    codes = [
        attempt("wrong", name, x_forwarded_for=f"10.0.0.{n}").status_code
        for n, name in enumerate(["Owner", "OWNER", "ｏwner", *["owner"] * 4])
    ]

    assert codes == [200] * 5 + [429] * 2
    assert attempt("wrong", "another", x_forwarded_for="10.0.0.1").status_code == 200


@pytest.fixture
def small(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts for a name, and a proxy that names the addresses."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    monkeypatch.setattr(logins, "OF_A_NAME", 3)


def from_another(number: int, client: Client, password: str, name: str = "owner") -> int:
    headers = {"x-forwarded-for": f"10.0.0.{number}"}
    return client.post(LOGIN, {"username": name, "password": password}, headers=headers).status_code


def use_up(name: str = "owner") -> None:
    codes = [from_another(number, Client(), "wrong", name) for number in range(4)]
    assert codes == [200, 200, 200, 429]


@pytest.mark.usefixtures("small")
def test_strangers_cannot_keep_the_owner_out_of_a_browser_that_was_let_in_before() -> None:
    owned = Client()
    assert from_another(100, owned, RIGHT) == 302
    owned.post("/admin/logout/")
    use_up()

    assert from_another(101, Client(), RIGHT) == 429
    assert from_another(102, owned, RIGHT) == 302


@pytest.mark.usefixtures("small")
def test_such_a_browser_has_no_more_attempts_than_strangers() -> None:
    owned = Client()
    from_another(100, owned, RIGHT)
    owned.cookies.pop("sessionid", None)

    assert [from_another(number, owned, "wrong") for number in range(5)] == [200] * 3 + [429] * 2


@pytest.mark.usefixtures("small")
def test_it_is_known_for_that_name_only_and_by_nothing_forged() -> None:
    User.objects.create_superuser("another", password=RIGHT)
    owned, forger = Client(), Client()
    from_another(100, owned, RIGHT)
    known = logins._cookie()
    forger.cookies[known] = f"{owned.cookies[known].value[:-2]}xx"
    use_up()
    use_up("another")

    assert from_another(101, forger, RIGHT) == 429
    assert from_another(102, owned, RIGHT, "another") == 429


def test_what_makes_a_browser_known_is_for_this_host_and_no_script(settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_NAME = True, "__Host-sessionid"
    cookie = attempt(RIGHT).cookies["__Host-sessionid-known"]

    assert cookie["secure"] and cookie["httponly"] and (cookie["path"], cookie["domain"]) == ("/", "")
    assert "__Host-sessionid-known" not in attempt("wrong").cookies


def test_neither_addresses_nor_names_are_kept() -> None:
    attempt("wrong", "hunter2")

    kept = " ".join(LoginAttempts.objects.values_list("scope", flat=True))
    assert "127.0.0.1" not in kept and "hunter2" not in kept


def test_what_is_over_is_deleted() -> None:
    attempt("wrong", "somebody")
    LoginAttempts.objects.update(since="2000-01-01T00:00Z")
    attempt("wrong", "somebody else")

    assert LoginAttempts.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_exactly_the_allowed_number_is_tried() -> None:
    def try_once(number: int) -> Any:
        try:
            return attempt(f"wrong {number}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(try_once, range(50)))

    assert codes.count(200) == logins.OF_AN_ADDRESS and codes.count(429) == 50 - logins.OF_AN_ADDRESS


def test_a_count_says_whose_and_how_many() -> None:
    attempt("wrong")
    assert str(LoginAttempts.objects.order_by("pk").first()).endswith(": 1")
