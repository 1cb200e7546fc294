"""Weights in 8 bits."""

import pytest

np = pytest.importorskip("numpy")  # installed with the local model

from rag.embeddings import eightbit  # noqa: E402


@pytest.fixture
def matrix() -> eightbit.Array:
    drawn: eightbit.Array = np.random.default_rng(7).normal(size=(384, 96)).astype(np.float32)
    return drawn


def test_a_weight_is_off_by_half_a_step_at_most(matrix: eightbit.Array) -> None:
    weights, scales = eightbit.rounded(matrix)

    assert (np.abs(weights * scales - matrix) <= scales * 0.501).all()


def test_no_two_neighbours_overflow_16_bits(matrix: eightbit.Array) -> None:
    matrix[10:12, 5] = 9.0

    weights = eightbit.rounded(matrix)[0].astype(int)

    above, below = weights[:-1] * 255, weights[1:] * 255
    for sums in (above, below, above + below):  # an input may also be 0
        assert -32_768 <= sums.min() <= sums.max() <= 32_767


def test_the_largest_weight_uses_nearly_all_steps(matrix: eightbit.Array) -> None:
    assert np.abs(eightbit.rounded(matrix)[0].astype(int)).max(axis=0).min() >= 64


def test_a_row_far_larger_than_the_others_is_loud(matrix: eightbit.Array) -> None:
    assert eightbit.loud(matrix).tolist() == []

    matrix[[3, 200], 7] = 99.0

    assert eightbit.loud(matrix).tolist() == [3, 200]


def test_usual_channels_stay_as_they_are_and_large_ones_are_spread() -> None:
    factors = eightbit.spread(np.full(384, 0.5, np.float32), np.zeros(384, np.float32))

    assert factors[0] == 1
    assert factors[99] == 20 * 0.5 / 4


@pytest.mark.parametrize("limits", [eightbit.NORMED, eightbit.ATTENDED, eightbit.ACTIVATED])
def test_a_range_has_its_ends_and_zero_on_a_step(limits: tuple[float, float]) -> None:
    scale, zero = (float(part) for part in eightbit.step(limits))

    assert (0 - zero) * scale == pytest.approx(limits[0], abs=scale)
    assert (255 - zero) * scale == pytest.approx(limits[1], abs=scale)
