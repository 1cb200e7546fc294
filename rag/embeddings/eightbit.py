"""Weights and ranges of the local model in 8 bits, so that nothing but rounding is lost.

Plain rounding costs this model a good part of its retrieval: a few of its values are ten to fifty times as large as the
others, and would leave the others few steps. They are spread out (`spread`) or left as they are (`loud`). Ranges are
constants, so that a vector depends on its text alone; taken from each run they would depend on what else is in it.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# What comes into a matrix: after a layer normalization (spread out), attention, or the activation (never below −0.17).
NORMED, ATTENDED, ACTIVATED = (-4.0, 4.0), (-3.0, 3.0), (-0.17, 6.0)

# How many deviations a normalized channel leaves its mean: six, but for those in which the model keeps a few large
# values, mostly of the markers at both ends. Seen on code and questions; whatever is larger is cut off.
DEVIATIONS = 6
LARGE = {99: 20, 223: 17, 63: 13, 157: 10, 338: 9, 127: 9, 319: 9, 94: 8, 363: 8}

LOUD = 20  # an input whose largest weight is so many times the usual one speaks to one output alone

# Processors without instructions for it add two neighbouring products in 16 bits: 255 × 128 still fits. Weights are
# scaled so that no two neighbours need more, and vectors are the same on every processor.
LARGEST_WEIGHT, LARGEST_PAIR = 127, 127.4


def spread(weight: Array, bias: Array) -> Array:
    """A normalization's parameters → what to divide each channel by, ≥ 1, to have it in NORMED."""
    deviations = np.full(len(weight), DEVIATIONS, np.float32)
    deviations[list(LARGE)] = list(LARGE.values())
    extremes = np.abs(bias) + deviations * np.abs(weight)
    factors: Array = np.maximum(1, extremes / NORMED[1]).astype(np.float32)
    return factors


def loud(matrix: Array) -> NDArray[np.int64]:
    """The rows of (inputs, outputs) weights that are too large to be rounded together with the others."""
    largest = np.abs(matrix).max(axis=1)
    return np.flatnonzero(largest > LOUD * np.median(largest))


def rounded(matrix: Array) -> tuple[NDArray[np.int8], Array]:
    """(inputs, outputs) weights → the same as integers, and the scale of each output."""
    above, below = matrix[:-1], matrix[1:]
    pairs = np.where(above * below > 0, np.abs(above + below), 0).max(axis=0)
    scales = np.maximum(np.abs(matrix).max(axis=0) / LARGEST_WEIGHT, pairs / LARGEST_PAIR).astype(np.float32)
    return np.round(matrix / scales).astype(np.int8), scales


def step(limits: tuple[float, float]) -> tuple[np.float32, np.uint8]:
    """The scale of a range in 255 steps, and the step that is zero."""
    low, high = limits
    scale = np.float32((high - low) / 255)
    return scale, np.uint8(round(-low / float(scale)))
