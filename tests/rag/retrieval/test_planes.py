"""rag/retrieval/planes.py"""

import random

import pytest

from rag.retrieval import planes


def restored(vector: list[float], count: int) -> list[float]:
    """What the planes say the vector is."""
    made = planes.of(vector, count)
    return [sum(p.weight if p.bits[n] == "1" else -p.weight for p in made) for n in range(len(vector))]


@pytest.fixture
def vector() -> list[float]:
    rng = random.Random(3)
    return [rng.gauss(0, 0.05) for _ in range(384)]


def test_one_plane_is_the_signs() -> None:
    (plane,) = planes.of([0.3, -0.1, 0.2], 1)
    assert plane.bits == "101"
    assert plane.weight == pytest.approx(0.2)


def test_each_plane_comes_nearer_to_the_vector(vector: list[float]) -> None:
    misses = [
        sum((a - b) ** 2 for a, b in zip(vector, restored(vector, n), strict=True)) / sum(a * a for a in vector)
        for n in range(1, 5)
    ]
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.05


def test_weighted_hamming_distances_order_as_the_inner_product_does(vector: list[float]) -> None:
    made = planes.of(vector, 6)
    rng = random.Random(4)
    signs = ["".join(rng.choice("01") for _ in vector) for _ in range(50)]

    def distance(bits: str) -> float:
        return sum(p.weight * sum(a != b for a, b in zip(bits, p.bits, strict=True)) for p in made)

    def product(bits: str) -> float:
        return sum(n if bit == "1" else -n for n, bit in zip(restored(vector, 6), bits, strict=True))

    assert sorted(signs, key=distance) == sorted(signs, key=product, reverse=True)


def test_a_vector_of_zeros_has_planes() -> None:
    assert [plane.weight for plane in planes.of([0.0, 0.0], 2)] == [0, 0]
