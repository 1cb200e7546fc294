"""How e-mail is sent."""

from config import mail


def test_an_address_with_a_password_is_taken_apart() -> None:
    found = mail.parsed("smtp+tls://me:secret@mail.example:587")

    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_USER"]) == ("mail.example", 587, "me")
    assert found["EMAIL_HOST_PASSWORD"] == "secret" and found["EMAIL_USE_TLS"] and found["EMAIL_TIMEOUT"]


def test_without_an_address_nothing_is_sent_and_nothing_is_missing() -> None:
    found = mail.parsed("dummymail://")

    assert found["EMAIL_BACKEND"].endswith("dummy.EmailBackend") and None not in found.values()
