"""Each limit of a repository: just within it everything is read, just beyond it the rest is left out or refused.

Those of one file, one path and one line stand in `contents` and `repositories`.
"""

import os
from collections.abc import Iterator
from typing import Any

from tests.hostile.cases import GOOD, INDEXED, Build, Case, Place

SECTION = "Caps"
SHIPPED = {
    "RAG_MAX_FILE_BYTES": 50_000,
    "RAG_MAX_FILES": 5_000,
    "RAG_MAX_TEXT_BYTES": 50_000_000,
    "RAG_MAX_CHUNKS": 20_000,
    "RAG_MAX_CLONE_BYTES": 200_000_000,
    "RAG_CLONE_TIMEOUT": 120,  # seconds
    "RAG_MAX_MINUTES": 30,
}
CODE = "def odd(name):\n    return name\n"
LARGE = 40_000  # bytes of a large file
GOOD_BYTES = sum(map(len, GOOD.values()))


def small() -> Iterator[Case]:
    """With limits that are reached soon."""
    yield from caps(files=12, text=5 * LARGE, clone=1_000_000, chunks=7)


def shipped() -> Iterator[Case]:
    """As they are shipped, which takes minutes."""
    names = ("RAG_MAX_FILES", "RAG_MAX_TEXT_BYTES", "RAG_MAX_CLONE_BYTES", "RAG_MAX_CHUNKS")
    yield from caps(*(SHIPPED[name] for name in names))


def caps(files: int, text: int, clone: int, chunks: int) -> Iterator[Case]:
    count = files - len(GOOD)
    yield _case(f"{files:,} files", _many(count), {INDEXED: count}, RAG_MAX_FILES=files)
    yield _case(f"{files:,} files and one", _many(count + 1), {INDEXED: count, "over_limit": 1}, RAG_MAX_FILES=files)
    count, unlimited = text // LARGE, {"RAG_MAX_TEXT_BYTES": text + GOOD_BYTES, "RAG_MAX_CHUNKS": 10**6}
    yield _case(f"{text:,} bytes of text", _large(count), {INDEXED: count}, **unlimited)
    yield _case(
        f"{text:,} bytes of text and one", _large(count, 1), {INDEXED: count, "over_limit": 1}, **unlimited
    )  # fmt: skip
    count = chunks - len(GOOD)
    room: dict[str, Any] = {"RAG_MAX_FILES": 10**5, "RAG_MAX_CHUNKS": chunks}
    yield _case(f"{chunks:,} chunks", _many(count), {INDEXED: count}, **room)
    yield _case(f"{chunks:,} chunks and one", _many(count + 1), {INDEXED: count, "over_limit": 1}, **room)
    yield _case(
        f"a little less than {clone:,} bytes", _noise(clone * 9 // 10), {"too_large": 1}, RAG_MAX_CLONE_BYTES=clone
    )
    # What is larger than a file may be is not fetched, so many smaller ones it takes.
    yield Case(
        section=SECTION, name=f"more than {clone:,} bytes", build=_noises(clone), code="too_large", was_read=True,
        settings={"RAG_MAX_CLONE_BYTES": clone},
    )  # fmt: skip
    yield Case(
        section=SECTION, name="a host that takes longer than it may", build=_slow, code="timeout", is_served=True,
        settings={"RAG_CLONE_TIMEOUT": 1.5},
    )  # fmt: skip


def _case(name: str, build: Build, ends: dict[str, int], **settings: Any) -> Case:
    return Case(section=SECTION, name=name, build=build, ends=ends, settings=settings)


def _many(count: int) -> Build:
    """Small files in a folder that is read after the good ones."""

    def build(place: Place) -> None:
        place.repository.commit({f"z/z/z/{n:05}.py": CODE for n in range(count)})

    return build


def _large(count: int, more: int = 0) -> Build:
    """Files of LARGE bytes, and one of `more` bytes that is read last."""

    def build(place: Place) -> None:
        files = {f"z/z/z/{n:05}.py": f"x = {n:05}\n" * (LARGE // 10) for n in range(count)}
        place.repository.commit(files | ({"z/z/z/z/last.py": "x" * more} if more else {}))

    return build


def _noise(size: int) -> Build:
    return lambda place: place.repository.commit({"noise.py": os.urandom(size)})


def _noises(size: int) -> Build:
    """A little more than `size` bytes that cannot be compressed, in files that are fetched."""

    def build(place: Place) -> None:
        place.repository.commit({f"noise{n}.py": os.urandom(LARGE) for n in range(size // LARGE + 10)})

    return build


def _slow(place: Place) -> None:
    place.host.behaviour.stall = 1.0
