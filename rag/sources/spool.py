"""The texts that were read of a commit, kept on disk until they are needed again: each is read and cleaned once."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from rag.sources import errors

Place = tuple[int, int]  # offset and length in bytes


class Spool:
    """A file without a name in the folder of a clone: nothing is left of it when its process ends, however it ends."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._end = 0
        with errors.of_machine(name):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 — closed by __exit__

    def add(self, text: str) -> Place:
        """Keep `text`. Raises SourceError when the disk is full."""
        content = text.encode()
        place = self._end, len(content)
        with errors.of_machine(self._name):
            self._file.seek(self._end)
            self._file.write(content)
        self._end += len(content)
        return place

    def text(self, place: Place) -> str:
        """What was kept there. Raises SourceError."""
        with errors.of_machine(self._name):
            self._file.seek(place[0])
            return self._file.read(place[1]).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with suppress(OSError):  # a full disk does not take the rest now either; nobody wants it, and `error` is said
            self._file.close()
