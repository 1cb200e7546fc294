"""Pictures in the database."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from PIL import ExifTags, Image

from portfolio import storage
from portfolio.models import Owner, Project, StoredFile

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


def stored(name: str = "me.png", content: bytes | None = None) -> str:
    return default_storage.save(f"owner/{name}", ContentFile(content or picture()))


@pytest.mark.django_db
def test_what_is_stored_can_be_read_again() -> None:
    name = stored()

    with default_storage.open(name) as file:
        content = file.read()
    assert content == storage.redrawn(picture())[0]
    assert default_storage.exists(name)
    assert default_storage.size(name) == len(content)
    assert str(StoredFile.objects.get()) == name


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


def photo(width: int = 60, height: int = 40, kind: str = "JPEG", orientation: int = 6) -> bytes:
    """As a telephone writes it: lying on its side, with the place where it was taken."""
    image, exif = Image.new("RGB", (width, height), "teal"), Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = "CANARY"
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
    image.save(buffer, kind, exif=exif, comment="CANARY", **more)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP"])
def test_a_picture_does_not_tell_where_it_was_taken(kind: str) -> None:
    given = photo(kind=kind)
    content, _ = storage.redrawn(given)

    assert b"CANARY" in given and b"CANARY" not in content
    assert not Image.open(io.BytesIO(content)).getexif()


def test_a_picture_that_lies_on_its_side_is_set_upright() -> None:
    content, _ = storage.redrawn(photo(60, 40))

    assert Image.open(io.BytesIO(content)).size == (40, 60)


def test_what_telephones_write_is_a_jpeg() -> None:
    content, kind = storage.redrawn(photo(kind="MPO"))

    assert (kind, Image.open(io.BytesIO(content)).format) == ("JPEG", "JPEG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_large_picture_is_scaled_down(kind: str) -> None:
    content, _ = storage.redrawn(picture(kind, (2_000, 1_000)))

    assert Image.open(io.BytesIO(content)).size == (1_600, 800)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_pictures_of_every_mode_are_kept(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (2_000, 100)).save(buffer, "PNG")

    assert Image.open(io.BytesIO(storage.redrawn(buffer.getvalue())[0])).size == (1_600, 80)


def test_the_colours_of_print_become_those_of_a_screen() -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (4, 3)).save(buffer, "JPEG")

    assert Image.open(io.BytesIO(storage.redrawn(buffer.getvalue())[0])).mode == "RGB"


def test_an_animation_still_moves() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(buffer, "GIF", save_all=True, append_images=[Image.new("RGB", (4, 3), "red")])

    assert storage.redrawn(buffer.getvalue()) == (buffer.getvalue(), "GIF")


def test_a_damaged_picture_is_refused() -> None:
    whole = picture("JPEG", (600, 400))

    with pytest.raises(ValidationError, match="damaged"):
        storage.redrawn(whole[: len(whole) // 2])


def test_a_picture_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_PIXELS", 11)

    with pytest.raises(ValidationError, match="megapixels"):
        storage.redrawn(picture())


@pytest.mark.django_db
def test_a_picture_is_served_for_good_and_as_nothing_else(client: Client) -> None:
    name = stored()
    Owner.objects.create(picture=name)
    response = client.get(default_storage.url(name))

    assert response.content == storage.redrawn(picture())[0]
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["nothing.png", "../config/settings/site.py", "%2e%2e/manage.py", "owner/", "%00"])
def test_a_name_that_was_never_given_is_not_found(client: Client, name: str) -> None:
    assert client.get(f"/media/{name}").status_code == 404


@pytest.mark.django_db
def test_a_name_that_no_text_can_hold_is_not_found(client: Client) -> None:
    assert client.get("/media/a%00b.png").status_code == 404


@pytest.mark.django_db
def test_the_picture_of_a_hidden_project_is_for_staff_only(client: Client, admin_client: Client) -> None:
    name = stored()
    Project.objects.create(title="Hidden", image=name)

    assert client.get(default_storage.url(name)).status_code == 404
    assert admin_client.get(default_storage.url(name)).headers["Cache-Control"] == "private"


@pytest.mark.django_db
def test_a_picture_that_no_page_shows_is_for_staff_only(client: Client, admin_client: Client) -> None:
    url = default_storage.url(stored())

    assert client.get(url).status_code == 404
    assert admin_client.get(url).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["model", "query", "hand"])
def test_the_picture_goes_with_its_project(by: str) -> None:
    project = Project.objects.create(title="Hidden", image=stored(), is_published=False)

    if by == "model":
        project.delete()
    elif by == "query":
        Project.objects.all().delete()
    else:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM portfolio_projectrag; DELETE FROM portfolio_project")
    assert not StoredFile.objects.exists()


@pytest.mark.django_db
def test_the_picture_before_goes_when_another_one_comes() -> None:
    project = Project.objects.create(title="Queue", image=stored())
    later = stored()
    Project.objects.filter(pk=project.pk).update(image=later)

    assert [file.name for file in StoredFile.objects.all()] == [later]


@pytest.mark.django_db
def test_a_picture_that_another_one_still_shows_stays() -> None:
    name = stored()
    first, _ = (Project.objects.create(title=title, image=name) for title in ("One", "Two"))
    first.delete()

    assert StoredFile.objects.exists()
