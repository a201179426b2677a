"""Models that predict a watch ratio for given pairs of user and video, on the parts of `evaluation.watch_ratio_suite`.

Those without a network or forest; `evaluation.ratio_networks` and `evaluation.ratio_forests` have the others.

Each takes the data, a seed and a progress, and gives a prediction for every held-out row. All learn from the training
part; where something is chosen or stopped, the validation part decides.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recommenders.core.options import Progress
from recommenders.core.top_k import Floats, highest_of_rows
from recommenders.ratio_network import Rows

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = ["MOST_APART", "Biases", "Matrix", "als", "factors", "item_knn", "mean", "median"]

Matrix = npt.NDArray[np.float64]
MOST_APART: Final = 2.0
"""What a ratio differs from means by counts at most so much, either way: one video left running is not a taste."""
_SHRINK: Final = 20.0
_NEIGHBOURS: Final = 100
_AT_ONCE: Final = 1 << 24
"""Numbers in the products of one block of videos."""
_FACTORS: Final = 16
_RIDGE: Final = 5.0
_ROUNDS: Final = 10


def mean(data: Data, seed: int, progress: Progress) -> Floats:
    """The mean ratio of all."""
    return np.full(len(data.test.rows), data.train.rows.ratios.mean(), dtype=np.float32)


def median(data: Data, seed: int, progress: Progress) -> Floats:
    """The median ratio of all, which absolute errors want."""
    return np.full(len(data.test.rows), np.median(data.train.rows.ratios), dtype=np.float32)


class Biases:
    """The mean, and what users and videos differ from it by, drawn towards 0 where rows are few."""

    def __init__(self, rows: Rows, users: int, videos: int) -> None:
        self.middle = float(rows.ratios.mean())
        rest = rows.ratios.astype(np.float64) - self.middle
        self.video = _shrunk(rest, rows.videos, videos)
        self.user = _shrunk(rest - self.video[rows.videos], rows.users, users)

    def of(self, rows: Rows) -> Matrix:
        return np.asarray(self.middle + self.user[rows.users] + self.video[rows.videos], dtype=np.float64)


def item_knn(data: Data, seed: int, progress: Progress) -> Floats:
    """Biases, and how a user's ratios of the most similar videos (adjusted cosine) differ from them.

    Judged videos are taken in blocks, so that memory grows with users and videos, not with pairs of videos.
    """
    rows, test = data.train.rows, data.test.rows
    biases = Biases(rows, data.users, data.videos)
    ends, shape = (rows.users, rows.videos), (data.users, data.videos)
    seen = sp.csr_array((np.ones(len(rows), dtype=np.float32), ends), shape=shape)
    left = sp.csr_array((_rest(rows, biases).astype(np.float32), ends), shape=shape)
    left.data /= seen.data
    seen.data[:] = 1.0
    by_video, of_video = left.tocsc(), left.T.tocsr()
    norms = np.sqrt(np.maximum(left.multiply(left).sum(axis=0), 1e-9)).astype(np.float32)
    asked, user = np.unique(test.users, return_inverse=True)
    asked_videos, video = np.unique(test.videos, return_inverse=True)
    mine, known = left[asked], seen[asked]
    order = np.argsort(video, kind="stable")
    places = video[order]
    extra = np.zeros(len(test), dtype=np.float64)
    for start, stop in _blocks(by_video, np.diff(left.indptr), asked_videos, len(asked)):
        own = asked_videos[start:stop]
        common = (of_video @ by_video[:, own]).tocsc()
        common.data /= norms[common.indices] * np.repeat(norms[own], np.diff(common.indptr))
        similar = _nearest(common, own, data.videos)
        moved, weight = (mine @ similar).tocsr(), (known @ abs(similar)).tocsr()
        part = order[slice(*np.searchsorted(places, (start, stop)))]
        pairs = user[part], video[part] - start
        extra[part] = np.asarray(moved[pairs]) / (np.asarray(weight[pairs]) + 1.0)
    return np.asarray(biases.of(test) + extra, dtype=np.float32)


def _blocks(
    by_video: sp.csc_array, of_user: npt.NDArray[np.integer], asked_videos: npt.NDArray[np.int64], asked: int
) -> list[tuple[int, int]]:
    """Cuts of ``asked_videos``; the products of a block hold at most `_AT_ONCE` numbers, or those of one video."""
    watched = np.add.reduceat(np.append(of_user[by_video.indices], 0), by_video.indptr[:-1])[asked_videos]
    watched = np.where(np.diff(by_video.indptr)[asked_videos] > 0, watched, 0)
    size = np.cumsum(np.minimum(watched, by_video.shape[1]) + asked)
    edges = [0]
    while edges[-1] < len(asked_videos):
        before = size[edges[-1] - 1] if edges[-1] else 0
        edges.append(max(edges[-1] + 1, int(np.searchsorted(size, before + _AT_ONCE, side="right"))))
    return list(pairwise(edges))


def _nearest(similar: sp.csc_array, own: npt.NDArray[np.int64], videos: int) -> sp.csc_array:
    """Each column's `_NEIGHBOURS` highest above 0, without the video itself; all of few videos."""
    column = np.repeat(np.arange(len(own)), np.diff(similar.indptr))
    similar.data[similar.indices == own[column]] = 0.0
    similar.eliminate_zeros()
    if videos <= _NEIGHBOURS:
        return similar
    similar.sort_indices()  # of equal similarities that of the lower video is kept
    return sp.csc_array(highest_of_rows(similar.T, _NEIGHBOURS).T)


def als(data: Data, seed: int, progress: Progress) -> Floats:
    """Biases and factors of users and videos by alternating least squares on what the biases leave."""
    biases, user, video = factors(data.train.rows, data, seed)
    test = data.test.rows
    return np.asarray(biases.of(test) + (user[test.users] * video[test.videos]).sum(axis=1), dtype=np.float32)


def _rest(rows: Rows, biases: Biases) -> Matrix:
    """What the biases leave of the ratios."""
    return np.clip(rows.ratios.astype(np.float64) - biases.of(rows), -MOST_APART, MOST_APART)


def factors(rows: Rows, data: Data, seed: int) -> tuple[Biases, Matrix, Matrix]:
    """Biases, and factors of users and videos by ALS on what they leave of the ratios, at most 2."""
    biases = Biases(rows, data.users, data.videos)
    rest = _rest(rows, biases)
    random = np.random.default_rng(seed)
    user = np.zeros((data.users, _FACTORS))
    video = 0.1 * random.standard_normal((data.videos, _FACTORS))
    by_user, by_video = np.argsort(rows.users, kind="stable"), np.argsort(rows.videos, kind="stable")
    for _ in range(_ROUNDS):
        user = _solved(rows.users[by_user], video[rows.videos[by_user]], rest[by_user], data.users)
        video = _solved(rows.videos[by_video], user[rows.users[by_video]], rest[by_video], data.videos)
    return biases, user, video


def _solved(ends: npt.NDArray[np.int64], others: Matrix, rest: Matrix, count: int) -> Matrix:
    """Ridge regression of each end's rows, which stand together."""
    found = np.zeros((count, others.shape[1]))
    starts = np.flatnonzero(np.concatenate(([True], ends[1:] != ends[:-1])))
    ridge = _RIDGE * np.eye(others.shape[1])
    for start, stop in zip(starts, np.append(starts[1:], len(ends)), strict=True):
        part = others[start:stop]
        found[ends[start]] = np.linalg.solve(part.T @ part + ridge, part.T @ rest[start:stop])
    return found


def _shrunk(rest: Matrix, ends: npt.NDArray[np.int64], count: int) -> Matrix:
    return np.asarray(
        np.bincount(ends, weights=rest, minlength=count) / (np.bincount(ends, minlength=count) + _SHRINK),
        dtype=np.float64,
    )
