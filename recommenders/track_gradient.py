"""The gradient of Track2Vec's network for the pairs of a step, compiled.

torch's own backward pass writes all vectors in every step, of which a step touches a few thousand: at the notebook's
size it took two thirds of the time.
"""

from __future__ import annotations

import numba
import numpy as np

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201

__all__ = ["clear", "gradient"]

_SMALL = np.float32(1e-12)
"""Least length of a vector, as in torch.nn.functional.normalize."""


@numba.njit(cache=True, nogil=True)
def gradient(vectors, neuron, left, right, label, slope):
    """Add the gradient of the mean cross-entropy to ``slope``; gives that of the neuron, shape (2,).

    A pair's logit is ``neuron[0]`` times the cosine of the vectors (rows, dim) ``left[i]`` and ``right[i]`` plus
    ``neuron[1]``; ``label`` is 1 for neighbours and 0 for random pairs. ``slope`` has the shape of ``vectors``.
    """
    count, width = len(left), vectors.shape[1]
    weight, bias = neuron[0], neuron[1]
    total = np.zeros(2, dtype=np.float32)
    for pair in range(count):
        a, b = left[pair], right[pair]
        dot, one, two = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for k in range(width):
            x, y = vectors[a, k], vectors[b, k]
            dot += x * y
            one += x * x
            two += y * y
        one, two = max(np.sqrt(one), _SMALL), max(np.sqrt(two), _SMALL)
        cosine = dot / (one * two)
        error = (np.float32(1.0) / (np.float32(1.0) + np.exp(-(weight * cosine + bias))) - label[pair]) / count
        total[0] += error * cosine
        total[1] += error
        pull = np.float32(error * weight)
        both, own_a, own_b = pull / (one * two), pull * cosine / (one * one), pull * cosine / (two * two)
        for k in range(width):
            x, y = vectors[a, k], vectors[b, k]
            slope[a, k] += both * y - own_a * x
            slope[b, k] += both * x - own_b * y
    return total


@numba.njit(cache=True, nogil=True)
def clear(slope, left, right):
    """Set the rows of ``slope`` that `gradient` wrote back to 0."""
    for pair in range(len(left)):
        slope[left[pair]] = 0.0
        slope[right[pair]] = 0.0
