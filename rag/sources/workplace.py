"""The temporary folder that a clone is in, gone with the work on it, or with the next one where that was killed."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

from portfolio import holders
from rag.sources import errors
from rag.sources.address import Address
from rag.sources.git import Git

_PREFIX = "docent-clone-"
_HOLDER = "holder"
_DAY = 86_400  # seconds


@contextmanager
def of(address: Address) -> Iterator[Git]:
    """A git for `address` in a new folder. Raises SourceError."""
    with ExitStack() as stack:
        with errors.of_machine(str(address)):
            _sweep()
            folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
            home = Path(stack.enter_context(folder))
            (home / _HOLDER).write_text(holders.current())
            git = Git(home=home, address=address, seconds_left=settings.RAG_CLONE_TIMEOUT)
        yield git


def _sweep() -> None:
    """Remove what processes that were killed have left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether nobody works there: the holder is dead, or none of any machine that shares /tmp could be so late."""
    with suppress(FileNotFoundError):
        if holders.is_dead((folder / _HOLDER).read_text()):
            return True
    return time.time() - folder.lstat().st_mtime > _DAY + settings.RAG_MAX_MINUTES * 60
