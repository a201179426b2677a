"""Watches and follows as sparse matrices, made once for all models of a snapshot."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph.snapshot import Snapshot
from graph.snapshot.ages import fading, timed
from graph.snapshot.derived import Arrays, derived
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = [
    "counts",
    "directed_social",
    "engagement",
    "interactions",
    "lately",
    "once",
    "one_row",
    "row_of",
    "rows_of",
    "symmetric_social",
    "with_friends",
]

_INTERACTIONS: Final[WeakKeyDictionary[Snapshot, sp.csr_array]] = WeakKeyDictionary()
"""The matrix of each snapshot, shared by its models: with 29 million watches it takes 270 MB."""
_SYMMETRIC: Final[WeakKeyDictionary[Snapshot, sp.csr_array]] = WeakKeyDictionary()


def interactions(snapshot: Snapshot) -> sp.csr_array:
    """Users × contents: the engagement of each pair, or 1 if engagement does not vary. float32, read only.

    A pair that occurs twice counts once, with its highest engagement.
    """
    if snapshot in _INTERACTIONS:
        return _INTERACTIONS[snapshot]
    found = once(snapshot.interactions(weighted=snapshot.mode == "engagement"))
    found.data.flags.writeable = False
    return _INTERACTIONS.setdefault(snapshot, found)


def engagement(snapshot: Snapshot) -> npt.NDArray[np.floating]:
    """What each watch counts, shape (watches,): its engagement, or 1 if engagement does not vary."""
    if snapshot.mode == "implicit":
        return np.ones(len(snapshot.watched), dtype=np.float32)
    return np.asarray(snapshot.watched.columns["engagement"])


def once(matrix: sp.csr_array) -> sp.csr_array:
    """Each pair once, with its highest value; the columns of a row ascend."""
    ascend = np.diff(matrix.indices) > 0
    ascend[matrix.indptr[(matrix.indptr > 0) & (matrix.indptr < len(matrix.indices))] - 1] = True  # from row to row
    if ascend.all():  # as an export writes them: sorting 28 million took 9 s
        values = matrix.data.astype(np.float32, copy=False).view()  # those of a snapshot stay where they are mapped
        return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, matrix.indices, rows))
    rows, columns, values = rows[order], matrix.indices[order], matrix.data[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    indptr = np.searchsorted(rows[first], np.arange(matrix.shape[0] + 1)).astype(matrix.indptr.dtype)
    return sp.csr_array((values[first].astype(np.float32), columns[first], indptr), shape=matrix.shape)


def lately(snapshot: Snapshot, half_life: float, least: float = 0.0) -> sp.csr_array:
    """`interactions` in which each watch counts half after ``half_life`` days; unchanged for 0, or without times.

    Watches that have decayed below ``least`` are left out. A pair that occurs twice counts twice.
    """
    if not half_life or not timed(snapshot):
        return interactions(snapshot)

    def faded() -> Arrays:
        matrix = snapshot.interactions(weighted=snapshot.mode == "engagement")
        weights = fading(snapshot, half_life)
        matrix.data = matrix.data * weights  # not in place: the array belongs to the snapshot
        return _parts(_kept(matrix, weights >= least)) if least else {"data": matrix.data}

    found = derived(snapshot, f"lately-{half_life!r}-{least!r}", faded)
    if least:
        return _matrix(found, snapshot.watched.width)
    every = snapshot.interactions(weighted=True)
    return _matrix({"data": found["data"], "indices": every.indices, "indptr": every.indptr}, every.shape[1])


def counts(matrix: sp.csr_array, rows: Ints) -> Ints:
    """Number of entries of each of ``rows``, shape (n,); costs the rows asked for, not all."""
    indptr = matrix.indptr
    return np.asarray(indptr[rows + 1] - indptr[rows], dtype=np.int64)


def rows_of(matrix: sp.csr_array, rows: Ints) -> sp.csr_array:
    """``matrix[rows]``, shape (n, columns). Of one row scipy takes ten times as long, and a feed asks for many."""
    if len(rows) != 1:
        return sp.csr_array(matrix[rows])
    start, stop = matrix.indptr[rows[0]], matrix.indptr[rows[0] + 1]
    return one_row(matrix.indices[start:stop].astype(np.int64), matrix.data[start:stop], matrix.shape[1])


def row_of(nids: Ints, width: int) -> sp.csr_array:
    """1 × ``width``: how often each column is among ``nids``. float32."""
    columns, times = np.unique(nids, return_counts=True)
    return one_row(columns, times.astype(np.float32), width)


def one_row(columns: Ints, values: Floats, width: int) -> sp.csr_array:
    """1 × ``width`` with ``values`` in these columns, whose numbers are as wide as those of large matrices.

    A product of matrices with others copies all indices of the larger one: 80 ms a feed at full size.
    """
    indptr = np.array([0, len(columns)], dtype=np.int32)
    return sp.csr_array((values, columns.astype(np.int32), indptr), shape=(1, width))


def directed_social(snapshot: Snapshot) -> sp.csr_array:
    """Users × users: 1 where the row follows the column; the diagonal is empty. float32."""
    found = derived(snapshot, "directed", lambda: _parts(_without_weights(snapshot.social())))
    return _matrix(found, snapshot.users.count)


def symmetric_social(snapshot: Snapshot) -> sp.csr_array:
    """Users × users: 1 where either follows the other; the diagonal is empty. float32, read only, made once."""
    if snapshot in _SYMMETRIC:
        return _SYMMETRIC[snapshot]

    def either() -> Arrays:
        social = snapshot.social()
        return _parts(_without_weights(social + social.T))

    found = _matrix(derived(snapshot, "symmetric", either), snapshot.users.count)
    found.data.flags.writeable = False
    return _SYMMETRIC.setdefault(snapshot, found)


def with_friends(snapshot: Snapshot, watched: sp.csr_array, weight: float) -> sp.csr_array:
    """Users × (contents + users): friends as further columns with the value ``weight``; for 0 only ``watched``.

    Users with friends get a self-loop, so that two friends have each other in common. Vectors learned from both kinds
    of columns put friends near each other (Ma et al., SoRec, CIKM 2008).
    """
    if not weight:
        return watched
    social = symmetric_social(snapshot)
    themselves = sp.diags_array((np.diff(social.indptr) > 0).astype(np.float32))
    return sp.csr_array(sp.hstack([watched, np.float32(weight) * (social + themselves)], format="csr"))


def _without_weights(social: sp.csr_array) -> sp.csr_array:
    social = sp.csr_array(social)
    if not social.has_canonical_format:
        social = social.copy()
        social.sum_duplicates()
    found = _kept(social, np.repeat(np.arange(social.shape[0]), np.diff(social.indptr)) != social.indices)
    found.data = np.ones(found.nnz, dtype=np.float32)
    return found


def _parts(matrix: sp.csr_array) -> Arrays:
    return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}


def _matrix(parts: Arrays, width: int) -> sp.csr_array:
    shape = len(parts["indptr"]) - 1, width
    return sp.csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=shape)


def _kept(matrix: sp.csr_array, kept: Mask) -> sp.csr_array:
    """The entries that a mask (entries,) keeps."""
    indptr = np.concatenate(([0], np.cumsum(kept)))[matrix.indptr].astype(matrix.indptr.dtype)
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
