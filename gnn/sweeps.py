"""Numba loops over a relation's CSR: attention and weighted sums, forward and backward, without torch.

Each loop works on a range of rows and releases the interpreter's lock. ``sweep`` cuts the rows into ranges of equal
work and runs them on threads of its own, so numba's threading layer and torch's never mix. Each row is computed by one
thread, so the number of threads changes no result. No array of shape (edges, width) is made: the forward pass reads
each source row once per edge, the backward pass goes over the transposed CSR and reads each target row once per edge.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

__all__ = [
    "attend",
    "attend_back_sources",
    "attend_back_targets",
    "attend_v2",
    "attend_v2_back_sources",
    "attend_v2_back_targets",
    "head_products",
    "limited",
    "pool",
    "sweep",
    "threads",
    "weighted_sum",
]

_jit = numba.njit(cache=True, nogil=True, fastmath=True)
_SMALL = 20_000
"""Edges below which one thread is quicker than several."""


_limits: list[int] = []
"""Numbers of threads that `limited` set, the innermost last."""


def pool() -> ThreadPoolExecutor:
    """The threads that all sweeps share."""
    return _pool(threads())


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="sweep")


def threads() -> int:
    """Threads of a sweep: the number set by `limited`, else OMP_NUM_THREADS, else the cores this process may use."""
    return _limits[-1] if _limits else int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


@contextmanager
def limited(count: int) -> Iterator[int]:
    """Run the sweeps of the block on ``count`` threads, or on `threads` if it is 0; gives the number used."""
    _limits.append(count or threads())
    try:
        yield _limits[-1]
    finally:
        _limits.pop()


def sweep(loop: Callable[..., None], indptr: npt.NDArray[np.int64], *arguments: Any) -> None:
    """Run ``loop(first, last, indptr, *arguments)`` over all rows of ``indptr``, in ranges of equal work."""
    rows = len(indptr) - 1
    workers = threads()
    if workers == 1 or indptr[-1] < _SMALL:
        loop(0, rows, indptr, *arguments)
        return
    work = np.linspace(0, int(indptr[-1]) + rows, 8 * workers + 1)
    cuts = np.searchsorted(indptr + np.arange(rows + 1), work)
    cuts[0], cuts[-1] = 0, rows
    ranges = [(int(a), int(b)) for a, b in pairwise(cuts) if b > a]
    for done in [pool().submit(loop, first, last, indptr, *arguments) for first, last in ranges]:
        done.result()


@_jit
def _attend_over(begin: int, end: int, source: Any, alpha: Any, values: Any, out: Any) -> None:
    """Turn the scores ``alpha`` (E, H) of one target's edges into their softmax, and add the weighted values to out."""
    heads = alpha.shape[1]
    width = values.shape[1] // heads
    for h in range(heads):
        top = alpha[begin, h]
        for e in range(begin, end):
            top = max(top, alpha[e, h])
        total = alpha[begin, h] * 0
        for e in range(begin, end):
            a = np.exp(alpha[e, h] - top)
            alpha[e, h] = a
            total += a
        for e in range(begin, end):
            alpha[e, h] /= total
    for e in range(begin, end):
        s = source[e]
        for h in range(heads):
            a = alpha[e, h]
            for c in range(h * width, (h + 1) * width):
                out[c] += a * values[s, c]


@_jit
def attend(
    first: int,
    last: int,
    indptr: Any,
    source: Any,
    left: Any,
    right: Any,
    bias: Any,
    edge_bias: Any,
    values: Any,
    slope: float,
    alpha: Any,
    out: Any,
) -> None:
    """GAT: softmax over a target's edges of leaky_relu(left + right) + biases, then the weighted sum of values.

    left (S, H), right (T, H), bias (S, H), edge_bias (E,) or (0,), values (S, D); fills alpha (E, H), out (T, D).
    """
    heads = left.shape[1]
    biased = edge_bias.shape[0] > 0
    for t in range(first, last):
        begin, end = indptr[t], indptr[t + 1]
        for c in range(out.shape[1]):
            out[t, c] = 0.0
        if begin == end:
            continue
        for e in range(begin, end):
            s = source[e]
            for h in range(heads):
                score = left[s, h] + right[t, h]
                if score < 0.0:
                    score *= slope
                score += bias[s, h]
                if biased:
                    score += edge_bias[e]
                alpha[e, h] = score
        _attend_over(begin, end, source, alpha, values, out[t])


@_jit
def _back_to_score(a: float, mean: float, grad: Any, values: Any, d_values: Any) -> Any:
    """Gradient of an edge's score with attention ``a``, for one head; adds the edge's part to d_values."""
    dot = a * 0
    for c in range(len(grad)):
        dot += grad[c] * values[c]
        d_values[c] += a * grad[c]
    return a * (dot - mean)


@_jit
def attend_back_sources(
    first: int,
    last: int,
    out_indptr: Any,
    out_target: Any,
    out_edge: Any,
    left: Any,
    right: Any,
    values: Any,
    slope: float,
    alpha: Any,
    grad: Any,
    mean: Any,
    d_left: Any,
    d_bias: Any,
    d_edge: Any,
    d_score: Any,
    d_values: Any,
) -> None:
    """The gradients that are sums over each source's edges; ``mean`` (T, H) is `head_products` of out and its gradient.

    Fills d_left and d_bias (S, H), d_edge (E,) unless it is empty, d_score (E, H), the gradient before the leaky_relu,
    and d_values (S, D).
    """
    heads = left.shape[1]
    width = values.shape[1] // heads
    edges = d_edge.shape[0] > 0
    for s in range(first, last):
        for c in range(values.shape[1]):
            d_values[s, c] = 0.0
        for h in range(heads):
            d_left[s, h] = 0.0
            d_bias[s, h] = 0.0
        for p in range(out_indptr[s], out_indptr[s + 1]):
            t, e = out_target[p], out_edge[p]
            if edges:
                d_edge[e] = 0.0
            for h in range(heads):
                columns = slice(h * width, (h + 1) * width)
                d = _back_to_score(alpha[e, h], mean[t, h], grad[t, columns], values[s, columns], d_values[s, columns])
                d_bias[s, h] += d
                if edges:
                    d_edge[e] += d
                if left[s, h] + right[t, h] < 0.0:
                    d *= slope
                d_left[s, h] += d
                d_score[e, h] = d


@_jit
def head_products(first: int, last: int, indptr: Any, a: Any, b: Any, out: Any) -> None:
    """Fills out (T, H): for each head, the inner products of the rows of ``a`` and ``b`` (T, D)."""
    heads = out.shape[1]
    width = a.shape[1] // heads
    for t in range(first, last):
        for h in range(heads):
            total = a[t, 0] * 0
            for c in range(h * width, (h + 1) * width):
                total += a[t, c] * b[t, c]
            out[t, h] = total


@_jit
def attend_back_targets(first: int, last: int, indptr: Any, d_score: Any, d_right: Any) -> None:
    """Sum d_score (E, H) over each target's edges into d_right (T, H)."""
    for t in range(first, last):
        for h in range(d_right.shape[1]):
            d_right[t, h] = 0.0
        for e in range(indptr[t], indptr[t + 1]):
            for h in range(d_right.shape[1]):
                d_right[t, h] += d_score[e, h]


@_jit
def attend_v2(
    first: int,
    last: int,
    indptr: Any,
    source: Any,
    left: Any,
    right: Any,
    weight: Any,
    bias: Any,
    edge_bias: Any,
    values: Any,
    slope: float,
    alpha: Any,
    out: Any,
) -> None:
    """GATv2: as ``attend`` with score weight · leaky_relu(left + right); left (S, K), right (T, K), weight (K,)."""
    heads = alpha.shape[1]
    keys = left.shape[1] // heads
    biased = edge_bias.shape[0] > 0
    for t in range(first, last):
        begin, end = indptr[t], indptr[t + 1]
        for c in range(out.shape[1]):
            out[t, c] = 0.0
        if begin == end:
            continue
        for e in range(begin, end):
            s = source[e]
            for h in range(heads):
                score = bias[s, h]
                if biased:
                    score += edge_bias[e]
                for c in range(h * keys, (h + 1) * keys):
                    z = left[s, c] + right[t, c]
                    score += weight[c] * (z if z > 0.0 else slope * z)
                alpha[e, h] = score
        _attend_over(begin, end, source, alpha, values, out[t])


@_jit
def attend_v2_back_sources(
    first: int,
    last: int,
    out_indptr: Any,
    out_target: Any,
    out_edge: Any,
    left: Any,
    right: Any,
    weight: Any,
    values: Any,
    slope: float,
    alpha: Any,
    grad: Any,
    mean: Any,
    d_left: Any,
    d_bias: Any,
    d_edge: Any,
    d_score: Any,
    d_values: Any,
) -> None:
    """Do what ``attend_back_sources`` does, for GATv2: d_left is (S, K), d_score (E, H) the gradient of the score."""
    heads = alpha.shape[1]
    keys = left.shape[1] // heads
    width = values.shape[1] // heads
    edges = d_edge.shape[0] > 0
    for s in range(first, last):
        for c in range(values.shape[1]):
            d_values[s, c] = 0.0
        for c in range(left.shape[1]):
            d_left[s, c] = 0.0
        for h in range(heads):
            d_bias[s, h] = 0.0
        for p in range(out_indptr[s], out_indptr[s + 1]):
            t, e = out_target[p], out_edge[p]
            if edges:
                d_edge[e] = 0.0
            for h in range(heads):
                columns = slice(h * width, (h + 1) * width)
                d = _back_to_score(alpha[e, h], mean[t, h], grad[t, columns], values[s, columns], d_values[s, columns])
                d_bias[s, h] += d
                if edges:
                    d_edge[e] += d
                d_score[e, h] = d
                for c in range(h * keys, (h + 1) * keys):
                    d_left[s, c] += d * weight[c] * (1.0 if left[s, c] + right[t, c] > 0.0 else slope)


@_jit
def attend_v2_back_targets(
    first: int,
    last: int,
    indptr: Any,
    source: Any,
    left: Any,
    right: Any,
    weight: Any,
    slope: float,
    d_score: Any,
    d_right: Any,
    d_weight: Any,
) -> None:
    """Fill d_right (T, K) and d_weight (T, K): each target's own share of the gradient of ``weight``."""
    heads = d_score.shape[1]
    keys = left.shape[1] // heads
    for t in range(first, last):
        for c in range(left.shape[1]):
            d_right[t, c] = 0.0
            d_weight[t, c] = 0.0
        for e in range(indptr[t], indptr[t + 1]):
            s = source[e]
            for h in range(heads):
                d = d_score[e, h]
                for c in range(h * keys, (h + 1) * keys):
                    z = left[s, c] + right[t, c]
                    d_right[t, c] += d * weight[c] * (1.0 if z > 0.0 else slope)
                    d_weight[t, c] += d * (z if z > 0.0 else slope * z)


@_jit
def weighted_sum(
    first: int, last: int, indptr: Any, source: Any, edge: Any, weight: Any, values: Any, out: Any
) -> None:
    """out[t] = sum over the edges of t of weight · values[source].

    ``edge`` (E,) holds the number of each edge, by which ``weight`` is read; if it is empty, weights are in edge order.
    """
    mapped = edge.shape[0] > 0
    for t in range(first, last):
        for c in range(out.shape[1]):
            out[t, c] = 0.0
        for e in range(indptr[t], indptr[t + 1]):
            s = source[e]
            w = weight[edge[e]] if mapped else weight[e]
            for c in range(out.shape[1]):
                out[t, c] += w * values[s, c]
