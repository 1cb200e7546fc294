"""Pictures in the database."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from portfolio import storage
from portfolio.models import StoredFile

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(buffer, kind)
    return buffer.getvalue()


def stored(name: str = "me.png", content: bytes | None = None) -> str:
    return default_storage.save(f"owner/{name}", ContentFile(content or picture()))


@pytest.mark.django_db
def test_what_is_stored_can_be_read_again() -> None:
    name = stored()

    with default_storage.open(name) as file:
        assert file.read() == picture()
    assert default_storage.exists(name)
    assert default_storage.size(name) == len(picture())


@pytest.mark.django_db
def test_names_are_random_and_say_nothing_of_the_uploaders() -> None:
    first, second = stored("holiday-with-anna.png"), stored("holiday-with-anna.png")

    assert first != second
    assert first.startswith("owner/") and "anna" not in first


@pytest.mark.django_db
def test_the_extension_and_the_type_are_those_of_the_content() -> None:
    name = stored("picture.exe", picture("WEBP"))

    assert name.endswith(".webp")
    assert StoredFile.objects.get(name=name).content_type == "image/webp"


@pytest.mark.django_db
def test_a_deleted_picture_is_gone(client: Client) -> None:
    name = stored()

    default_storage.delete(name)

    assert not default_storage.exists(name)
    assert client.get(default_storage.url(name)).status_code == 404


@pytest.mark.parametrize("content", [SVG, b"", b"GIF89a", b"<html>", picture()[:30], b"\0" * 1000])
def test_what_is_no_raster_picture_is_refused(content: bytes) -> None:
    with pytest.raises(ValidationError, match="no picture that can be read"):
        storage.picture_format(content)


def test_another_kind_of_picture_is_refused() -> None:
    with pytest.raises(ValidationError, match="BMP pictures are not shown"):
        storage.picture_format(picture("BMP"))


def test_a_large_picture_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_BYTES", 50)

    with pytest.raises(ValidationError, match="at most"):
        storage.picture_format(picture())


@pytest.mark.django_db
def test_a_picture_is_served_for_good_and_as_nothing_else(client: Client) -> None:
    response = client.get(default_storage.url(stored()))

    assert response.content == picture()
    assert response.headers["Content-Type"] == "image/png"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["nothing.png", "../config/settings.py", "%2e%2e/manage.py", "owner/"])
def test_a_name_that_was_never_given_is_not_found(client: Client, name: str) -> None:
    assert client.get(f"/media/{name}").status_code == 404
