"""Rows in the form that PostgreSQL's COPY BINARY reads: nothing is written as text and read again.

As text a vector costs fifteen times as much, and as an INSERT a row three times.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache

# The order of the values of a chunk.
COLUMNS = "file_id, ordinal, start_line, end_line, symbol, text, sha256, embedding"

# Of a halfvec: how many dimensions, and then two bytes each.
HEAD_BYTES, BYTES_A_DIMENSION = 4, 2

# What COPY is sent before the rows and after them.
BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
END = b"\xff\xff"
_NUMBERS = struct.Struct(">hiqiiiiii")  # the number of values; bytes and value of a bigint and of three integers
_COUNT, _LENGTH = struct.Struct(">h"), struct.Struct(">i")
_HEAD = struct.Struct(">HH")
_BIGINT, _SMALLINT = struct.Struct(">iq"), struct.Struct(">ih")  # bytes and value
_ARRAY = struct.Struct(">iiiii")  # dimensions, nothing, the type's oid, elements, number of the first


def halves(vector: Sequence[float]) -> bytes:
    """`vector` as pgvector sends and receives a halfvec: dimensions, nothing, then two bytes a dimension."""
    return _halves(len(vector)).pack(len(vector), 0, *vector)


def halfvec(numbers: bytes) -> bytes:
    """The same of numbers that are packed already, two bytes a dimension."""
    return _HEAD.pack(len(numbers) // BYTES_A_DIMENSION, 0) + numbers


def bigint(number: int) -> bytes:
    """An element of `bigints`."""
    return _BIGINT.pack(8, number)


def smallint(number: int) -> bytes:
    """An element of `smallints`."""
    return _SMALLINT.pack(2, number)


def bigints(elements: bytes | bytearray) -> bytes:
    """A bigint[] of those elements, one behind the other."""
    return _ARRAY.pack(1, 0, 20, len(elements) // _BIGINT.size, 1) + elements


def smallints(elements: bytes | bytearray) -> bytes:
    """A smallint[] of those elements, one behind the other."""
    return _ARRAY.pack(1, 0, 21, len(elements) // _SMALLINT.size, 1) + elements


def chunk(numbers: tuple[int, int, int, int], values: Iterable[bytes]) -> bytes:
    """A row of COLUMNS: file id, ordinal and lines, then the other values as PostgreSQL receives them."""
    file_id, ordinal, start_line, end_line = numbers
    return _joined(_NUMBERS.pack(8, 8, file_id, 4, ordinal, 4, start_line, 4, end_line), values)


def row(*values: bytes) -> bytes:
    """A row of any table, its values as PostgreSQL receives them."""
    return _joined(_COUNT.pack(len(values)), values)


def _joined(beginning: bytes, values: Iterable[bytes]) -> bytes:
    parts = [beginning]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)


@cache
def _halves(dimensions: int) -> struct.Struct:
    return struct.Struct(f">HH{dimensions}e")
