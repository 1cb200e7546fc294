"""Chunk rows in the form that PostgreSQL's COPY BINARY reads: nothing is written as text and read again.

As text a vector costs fifteen times as much, and an INSERT a row three times.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache

# The order of the values in a record.
COLUMNS = "file_id, ordinal, start_line, end_line, symbol, text, sha256, embedding"

_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
_END = b"\xff\xff"
_NUMBERS = struct.Struct(">hiqiiiiii")  # the number of values; bytes and value of a bigint and of three integers
_LENGTH = struct.Struct(">i")


def halves(vector: Sequence[float]) -> bytes:
    """`vector` as pgvector sends and receives a halfvec: dimensions, nothing, then two bytes a dimension."""
    return _halves(len(vector)).pack(len(vector), 0, *vector)


def record(numbers: tuple[int, int, int, int], values: Iterable[bytes]) -> bytes:
    """One row of COLUMNS: file id, ordinal and lines, then the other values as PostgreSQL receives them."""
    file_id, ordinal, start_line, end_line = numbers
    parts = [_NUMBERS.pack(8, 8, file_id, 4, ordinal, 4, start_line, 4, end_line)]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)


def stream(records: Iterable[bytes]) -> bytes:
    """All that COPY is sent."""
    return b"".join((_BEGIN, *records, _END))


@cache
def _halves(dimensions: int) -> struct.Struct:
    return struct.Struct(f">HH{dimensions}e")
