"""A question's vector → planes of bits, which together weigh the bits of stored vectors nearly as its numbers would.

A stored signature is one bit a dimension: the sign. Of the question nothing is stored, so more of it can be kept: the
signs of its numbers with their mean size, the signs of what then remains, and so on. The weighted sum of the Hamming
distances orders signatures as the question's inner product with the signs does, whatever the vectors' lengths. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plane:
    """`bits`: a 0 or 1 a dimension; `weight`: what each that differs costs."""

    bits: str
    weight: float


def of(vector: Sequence[float], count: int) -> list[Plane]:
    """So many planes, from the heaviest on."""
    planes, rest = [], list(vector)
    for _ in range(count):
        weight = sum(map(abs, rest)) / len(rest)
        planes.append(Plane(bits="".join("1" if number > 0 else "0" for number in rest), weight=weight))
        rest = [number - weight if number > 0 else number + weight for number in rest]
    return planes
