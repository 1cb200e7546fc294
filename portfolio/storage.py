"""Uploaded pictures, kept in the database: a service on a host like Render's has no disk that lasts."""

import io
import secrets
from pathlib import PurePosixPath

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.urls import reverse
from PIL import Image, UnidentifiedImageError

from portfolio.models import StoredFile

MAX_BYTES = 5_000_000
CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif"}


class DatabaseStorage(Storage):
    """Django's storage interface over `StoredFile`. Names are random and contents never change."""

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]
        return ContentFile(bytes(StoredFile.objects.get(name=name).content), name=name)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        content.seek(0)
        data: bytes = content.read()
        kind = picture_format(data)
        name = str(PurePosixPath(name).with_suffix(EXTENSIONS[kind]))
        StoredFile.objects.create(name=name, content=data, content_type=CONTENT_TYPES[kind])
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """A name that cannot be guessed and says nothing of the uploader's own."""
        folder = PurePosixPath(name).parent
        return str(folder / f"{secrets.token_urlsafe(16)}{PurePosixPath(name).suffix[:6].lower()}")

    def exists(self, name: str) -> bool:
        return StoredFile.objects.filter(name=name).exists()

    def delete(self, name: str) -> None:
        StoredFile.objects.filter(name=name).delete()

    def size(self, name: str) -> int:
        return len(StoredFile.objects.get(name=name).content)

    def url(self, name: str | None) -> str:
        return reverse("media", args=[name])


def picture_format(data: bytes) -> str:
    """The format of a picture that may be shown. Raises ValidationError, with a sentence for the form, otherwise."""
    if len(data) > MAX_BYTES:
        raise ValidationError(
            f"The picture has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB can be kept."
        )
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind = image.format or ""
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValidationError("This is no picture that can be read. Use a PNG, JPEG, WebP or GIF file.") from error
    if kind not in CONTENT_TYPES:
        raise ValidationError(f"{kind} pictures are not shown. Use a PNG, JPEG, WebP or GIF file.")
    return kind
