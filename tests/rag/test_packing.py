import array

import pytest
from django.db import connection
from pgvector import HalfVector

from rag import packing


@pytest.mark.parametrize("values", [[0.5, -1.25, 3.0], [65_504.0, 1e-7, -0.0], [0.1] * 1_536])
def test_a_vector_is_packed_as_pgvector_packs_it(values: list[float]) -> None:
    assert packing.halves(array.array("f", values)) == HalfVector(values).to_binary()


@pytest.mark.django_db
def test_chunks_become_rows() -> None:
    vector = packing.halves([0.5, -2])
    rows = [
        packing.chunk((2**40, 0, 1, 7), ["Grüße.日本".encode(), b"def f():\n\treturn 1\\N\n", b"\0" * 32, vector]),
        packing.chunk((3, 2**31 - 1, 2, 3), [b"", b"", b"\xff" * 32, vector]),
    ]

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE packed AS TABLE rag_chunk WITH NO DATA")
        with cursor.copy(f"COPY packed ({packing.COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join((packing.BEGIN, *rows, packing.END)))
        cursor.execute(f"SELECT {packing.COLUMNS} FROM packed ORDER BY ordinal")
        found = [[*row[:6], bytes(row[6]), str(row[7])] for row in cursor.fetchall()]

    assert found == [
        [2**40, 0, 1, 7, "Grüße.日本", "def f():\n\treturn 1\\N\n", b"\0" * 32, "[0.5,-2]"],
        [3, 2**31 - 1, 2, 3, "", "", b"\xff" * 32, "[0.5,-2]"],
    ]


@pytest.mark.django_db
def test_arrays_are_packed_as_postgresql_sends_them() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_send(%s::bigint[]), array_send(%s::smallint[])", [[1, -(2**40)], [7, -8, 9]])
        bigints, smallints = map(bytes, cursor.fetchone())

    assert packing.bigints(packing.bigint(1) + packing.bigint(-(2**40))) == bigints
    assert packing.smallints(b"".join(map(packing.smallint, [7, -8, 9]))) == smallints
