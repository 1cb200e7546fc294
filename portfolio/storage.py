"""Uploaded pictures, kept in the database: a service on a host like Render's has no disk that lasts."""

import io
import secrets
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.urls import reverse
from PIL import Image, ImageOps, UnidentifiedImageError

from portfolio.models import StoredFile

MAX_BYTES = 10_000_000
MAX_PIXELS = 50_000_000  # what is unpacked takes four bytes each
LONGEST_SIDE = 1_600  # pixels; nothing is shown larger
CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
FORMATS = {"MPO": "JPEG"}  # what telephones write: a JPEG with a second picture behind it
MODES = {
    "PNG": {"1", "L", "LA", "P", "RGB", "RGBA"},
    "JPEG": {"L", "RGB"},
    "WEBP": {"RGB", "RGBA"},
    "GIF": {"L", "P", "RGB", "RGBA"},
}
SAVING: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": True},
    "JPEG": {"quality": 85, "optimize": True, "progressive": True},
    "WEBP": {"quality": 85},
    "GIF": {},
}
EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif"}


class DatabaseStorage(Storage):
    """Django's storage interface over `StoredFile`. Names are random and contents never change."""

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]
        return ContentFile(bytes(StoredFile.objects.get(name=name).content), name=name)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        content.seek(0)
        data, kind = redrawn(content.read())
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
        raise ValidationError(f"The picture has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, pixels = FORMATS.get(image.format or "", image.format), image.width * image.height
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValidationError("This is no picture that can be read. Use a PNG, JPEG, WebP or GIF file.") from error
    if kind not in CONTENT_TYPES:
        raise ValidationError(f"{kind} pictures are not shown. Use a PNG, JPEG, WebP or GIF file.")
    if pixels > MAX_PIXELS:
        raise ValidationError(f"The picture has {pixels / 1e6:.0f} megapixels; {MAX_PIXELS // 10**6} are the most.")
    return kind


def redrawn(data: bytes) -> tuple[bytes, str]:
    """(content, format) of the picture as it is kept: upright, at most LONGEST_SIDE wide and high, and without what
    a camera wrote into it, such as where it stood. Raises ValidationError with a sentence for the form.

    An animation is kept as it is: it comes from no camera, and all of its frames would have to fit in memory.
    """
    kind = picture_format(data)
    try:
        with Image.open(io.BytesIO(data)) as image:
            if kind != "JPEG" and getattr(image, "is_animated", False):
                return data, kind
            return _encoded(image, kind), kind
    except (OSError, SyntaxError, ValueError) as error:
        raise ValidationError("This picture is damaged. Save it anew, or use another.") from error


def _encoded(image: Image.Image, kind: str) -> bytes:
    profile = image.info.get("icc_profile")
    if image.mode not in MODES[kind] or (image.mode == "P" and max(image.size) > LONGEST_SIDE):
        image = image.convert("RGB" if kind == "JPEG" else "RGBA")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # which unpacks a large JPEG at a fraction of its size
    image = ImageOps.exif_transpose(image)
    image.info = {name: value for name, value in image.info.items() if name == "transparency"}
    buffer = io.BytesIO()
    image.save(buffer, kind, icc_profile=profile, **SAVING[kind])
    return buffer.getvalue()
