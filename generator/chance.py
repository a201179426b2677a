"""Random numbers for compiled code: the same seed gives the same network with any version of numpy and numba."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["Array", "compiled", "normal", "numbers", "pick", "shares_of", "stream", "uniform"]

Array = npt.NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0


def compiled(function: F) -> F:
    """``numba.njit`` that keeps the function's type; compiled code is cached beside the source."""
    return cast(F, numba.njit(cache=True, fastmath=False)(function))


def stream(seed: int, stage: str) -> Array:
    """State of a random stream for compiled code, shape (1,) uint64; streams of different stages are independent."""
    return np.array([_entropy(seed, stage).generate_state(1, np.uint64)[0]], dtype=np.uint64)


def numbers(seed: int, stage: str) -> np.random.Generator:
    """A numpy generator for one stage, independent of other stages."""
    return np.random.Generator(np.random.PCG64(_entropy(seed, stage)))


def _entropy(seed: int, stage: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, *stage.encode()])


@compiled
def uniform(state: Array) -> float:
    """A number in [0, 1): SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * _TO_UNIT


@compiled
def pick(state: Array, count: int) -> int:
    """A whole number in 0..count-1."""
    return int(uniform(state) * count)


@compiled
def normal(state: Array) -> float:
    """A standard normal number (Box and Muller)."""
    return math.sqrt(-2.0 * math.log(1.0 - uniform(state))) * math.cos(6.283185307179586 * uniform(state))


def shares_of(total: int, weights: Array, most: int | None = None) -> Array:
    """Split ``total`` into whole parts in proportion to ``weights``, none above ``most``; they add up exactly.

    Returns int64 of the weights' shape. Raises ValueError if all parts at ``most`` are less than ``total``.
    """
    roof = total if most is None else most
    positive = weights > 0
    if total > roof * int(positive.sum()):
        raise ValueError(f"{total} does not fit into {int(positive.sum())} parts of at most {roof}")
    parts = np.zeros(len(weights), dtype=np.int64)
    left = total
    while left:
        open_ = positive & (parts < roof)
        wanted = np.where(open_, weights, 0.0) * (left / weights[open_].sum())
        added = np.minimum(np.floor(wanted).astype(np.int64), roof - parts)
        parts += added
        left -= int(added.sum())
        if left and left <= int(open_.sum()):
            remainder = np.where(positive & (parts < roof), wanted - np.floor(wanted) + 1e-12, -1.0)
            chosen = np.argsort(-remainder, kind="stable")[:left]
            chosen = chosen[remainder[chosen] > 0]
            parts[chosen] += 1
            left -= len(chosen)
    return parts
