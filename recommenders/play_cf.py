"""User-based collaborative filtering over play logs, by the formula of the notebook that this follows, and variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pydantic import Field

from graph import aside, schema
from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Learned, Share
from recommenders.core.interactions import counts, engagement
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints, Mask, highest_of_rows
from recommenders.plays import plays_of

__all__ = ["Neighbourhood", "PlayCf", "cosines", "normalised", "recommend_all", "write_lists"]
_THREADS: Final = 2
_WRITTEN: Final = 10_000
"""Lists spelled before they are written."""
_SHIFT: Final = np.uint32(19)
"""Scores whose bits are the same without so many of the last fall into one bucket: steps of some 6 %."""
_LEAST: Final = 1e-7
"""Similarities and lengths of rows up to this are rounding errors of 0."""
Neighbours = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Neighbourhood:
    """Shape of the matrix of users and tracks, and the neighbours of a user."""

    users: int
    tracks: int
    """Tracks that anybody played."""
    pairs: int
    positive: float
    """Mean number of neighbours with a positive similarity."""
    negative: float

    @property
    def density(self) -> float:
        return self.pairs / max(1, self.users * self.tracks)

    def told(self) -> str:
        return (
            f"{self.users:,} users × {self.tracks:,} tracks, density {self.density:.6f} ({self.pairs:,} cells); "
            f"{self.positive:.1f} positive and {self.negative:.1f} negative neighbours a user."
        )


@dataclass
class PlayCf(Baseline):
    """Adds up what other users heard above their own mean, each by the cosine of what they heard.

    A user's value for a track is the mean over their plays of it of the share heard, minus their mean over all plays;
    a track they did not play has 0. The similarity of two users is the cosine of their rows, 0 with oneself, and the
    score of a track is the sum over users of similarity times value. With all users as neighbours, dividing that by the
    sum of the similarities is one number a user and changes no ranking, so it is left out. Without sessions in the
    snapshot each watch is one play, its engagement the share, or 1 if engagement does not vary.
    """

    neighbours: Neighbours = 0
    """Users with the highest similarity that count; 0 for all, those of negative similarity included."""
    significance: Share = 0.0
    """A similarity over fewer tracks in common than this counts less, in proportion; 0 for never."""

    name: ClassVar[str] = "play-cf"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {"neighbours": (0, 20, 50, 200), "significance": (0.0, 2.0, 5.0)}

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        values = normalised(*_rows(snapshot), (snapshot.users.count, snapshot.contents.count))
        return {"values": values, "similar": cosines(values, self.neighbours, self.significance)}

    def known_users(self, users: Ints) -> Mask:
        """Those with a neighbour."""
        return np.asarray(counts(self._sparse("similar"), users) > 0)

    def scores(self, users: Ints) -> Floats:
        return np.asarray((self._sparse("similar")[users] @ self._sparse("values")).toarray(), dtype=np.float32)

    def recommend_all(self, k: int, *, heard: bool = False) -> Ints:
        """The ``k`` best tracks of every user (`recommend_all`), filled with those that most users played."""
        values = self._sparse("values")
        popular = np.argsort(-np.bincount(values.indices, minlength=values.shape[1]), kind="stable")
        return recommend_all(self._sparse("similar"), values, popular, k, heard=heard)

    @property
    def told(self) -> str:
        return self.neighbourhood.told()

    @cached_property
    def neighbourhood(self) -> Neighbourhood:
        """Shape, density and neighbours, as the notebook prints them."""
        values, similar = self._sparse("values"), self._sparse("similar")
        users = max(1, int(np.count_nonzero(np.diff(values.indptr))))
        return Neighbourhood(
            users,
            len(np.unique(values.indices)),
            int(values.nnz),
            float(np.count_nonzero(similar.data > 0) / users),
            float(np.count_nonzero(similar.data < 0) / users),
        )


def normalised(users: Ints, tracks: Ints, shares: Floats, shape: tuple[int, int]) -> sp.csr_array:
    """Users × tracks: the mean over repeats of share minus the user's mean over all their plays. float32.

    What a user played stays an entry where its value is 0. Where all shares are the same there is nothing to subtract
    from, and each value is that share.
    """
    count = np.bincount(users, minlength=shape[0])
    mean = np.bincount(users, weights=shares, minlength=shape[0]) / np.maximum(count, 1)
    if not len(shares) or float(np.ptp(shares)) < 1e-6:
        mean[:] = 0.0
    total: sp.csr_array = sp.csr_array((shares - mean[users], (users, tracks)), shape=shape)
    repeats = sp.csr_array((np.ones(len(users)), (users, tracks)), shape=shape)
    total.sort_indices()
    repeats.sort_indices()  # both were summed by pair, so the entries are the same
    return sp.csr_array(((total.data / repeats.data).astype(np.float32), total.indices, total.indptr), shape=shape)


def cosines(values: sp.csr_array, neighbours: int = 0, significance: float = 0.0) -> sp.csr_array:
    """Users × users: the cosine of their rows, 0 on the diagonal. float32.

    ``neighbours`` and ``significance`` are those of `PlayCf`.
    """
    users = values.shape[0]
    norms = np.sqrt(np.asarray(values.multiply(values).sum(axis=1), dtype=np.float64)).ravel()
    unit = values.data / np.repeat(np.where(norms > _LEAST, norms, 1.0), np.diff(values.indptr))
    rows = values.indptr.astype(np.int64), values.indices.astype(np.int32), unit.astype(np.float32)
    columns = sp.csc_array(sp.csr_array((rows[2], rows[1], rows[0]), shape=values.shape))
    both = *rows, columns.indptr.astype(np.int64), columns.indices.astype(np.int32), columns.data
    counts = np.zeros(users, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    _side_by_side(users, _compare, both, (significance, np.zeros(1, dtype=np.int64), counts, *nothing))
    starts = np.concatenate(([0], np.cumsum(counts)))
    others, found = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    _side_by_side(users, _compare, both, (significance, starts, counts, others, found))
    similar: sp.csr_array = sp.csr_array((found, others, starts), shape=(users, users))
    if neighbours:
        similar.sort_indices()  # of equal similarities that of the lower nid is kept
        similar = highest_of_rows(similar, neighbours)
    return similar


def _side_by_side(users: int, kernel: Callable[..., None], given: Sequence[Any], more: Sequence[Any]) -> None:
    """Run a kernel on all users, in parts by several threads at once: it holds no lock."""
    cuts = np.linspace(0, users, 4 * _THREADS + 1).astype(np.int64).tolist()
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = [pool.submit(kernel, *given, *more, start, stop) for start, stop in pairwise(cuts)]
        for part in parts:
            part.result()


@numba.njit(cache=True, nogil=True)
def _compare(  # type: ignore[no-untyped-def]  # noqa: ANN202
    uptr, uidx, uval, tptr, tidx, tval, significance, starts, counts, others, similar, start, stop  # noqa: ANN001
):  # fmt: skip
    """Similarities of users ``start`` to ``stop`` to all others with a track in common, in the order they are met.

    Fills ``counts`` where ``others`` is empty, else ``others`` and ``similar`` from ``starts`` on.
    """
    users = len(uptr) - 1
    score = np.zeros(users, dtype=np.float32)
    common = np.zeros(users, dtype=np.float32)
    met = np.empty(users, dtype=np.int32)
    for user in range(start, stop):
        count = 0
        for at in range(uptr[user], uptr[user + 1]):
            value = uval[at]
            for place in range(tptr[uidx[at]], tptr[uidx[at] + 1]):
                other = tidx[place]
                if common[other] == 0.0:
                    met[count] = other
                    count += 1
                common[other] += 1.0
                score[other] += value * tval[place]
        kept = 0
        for at in range(count):
            other = met[at]
            found = score[other]
            if common[other] < significance:
                found *= common[other] / significance
            score[other] = common[other] = 0.0
            if other != user and abs(found) > _LEAST:
                if len(others):
                    others[starts[user] + kept] = other
                    similar[starts[user] + kept] = found
                kept += 1
        counts[user] = kept


def recommend_all(similar: sp.csr_array, values: sp.csr_array, fill: Ints, k: int = 100, *, heard: bool = True) -> Ints:
    """The ``k`` best tracks of every user, shape (users, k), ties by lower nid.

    First those that score above 0, best first; then, where these are fewer than ``k``, those of ``fill`` in its order
    (which tracks were heard most, for example), without repeats. ``heard`` lets tracks that the user played stand in
    the list, as the notebook does. -1 where even ``fill`` has no more.
    """
    users = values.shape[0]
    ids = np.full((users, k), -1, dtype=np.int64)
    one = similar.indptr.astype(np.int64), similar.indices.astype(np.int32), similar.data
    two = values.indptr.astype(np.int64), values.indices.astype(np.int32), values.data
    _side_by_side(users, _rank, (*one, *two), (fill.astype(np.int64), heard, values.shape[1], ids))
    return ids


@numba.njit(cache=True, nogil=True)
def _rank(sptr, sidx, sval, vptr, vidx, vval, fill, heard, width, ids, start, stop):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill ``ids`` for users ``start`` to ``stop``: sparse product, selection and filling, row by row.

    Only tracks that a neighbour played are ever touched.
    """
    k = ids.shape[1]
    score = np.full(width, np.nan, dtype=np.float32)  # NaN where not touched
    taken = np.zeros(width, dtype=np.int32)  # user + 1 where the list must not hold the track
    touched = np.empty(width, dtype=np.int32)
    value = np.empty(width, dtype=np.float32)
    bits = value.view(np.uint32)  # positive floats are ordered as their bits are
    buckets = np.zeros(1 << 12, dtype=np.int64)
    keys = np.empty(width, dtype=np.uint64)
    for user in range(start, stop):
        mark = user + 1
        count = 0
        for at in range(sptr[user], sptr[user + 1]):
            weight = sval[at]
            for place in range(vptr[sidx[at]], vptr[sidx[at] + 1]):
                track = vidx[place]
                before = score[track]
                if before == before:
                    score[track] = before + weight * vval[place]
                else:
                    score[track] = weight * vval[place]
                    touched[count] = track
                    count += 1
        if not heard:
            for place in range(vptr[user], vptr[user + 1]):
                taken[vidx[place]] = mark
        found = 0
        for at in range(count):
            track = touched[at]
            value[found] = score[track]
            score[track] = np.nan
            touched[found] = track
            if value[found] > 0.0 and (heard or taken[track] != mark):
                buckets[bits[found] >> _SHIFT] += 1
                found += 1
        bar = len(buckets)  # the lowest bucket that has some of the k best
        above = 0
        while bar > 0 and above < k:
            bar -= 1
            above += buckets[bar]
        kept = 0
        for at in range(found):
            bucket = bits[at] >> _SHIFT
            buckets[bucket] = 0
            # ascending: the highest score first, of equal ones the lower track
            keys[kept] = (np.uint64(0xFFFFFFFF - bits[at]) << np.uint64(32)) | np.uint64(touched[at])
            kept += bucket >= bar
        best = np.sort(keys[:kept])[:k]
        filled = len(best)
        for rank in range(filled):
            track = np.int64(best[rank] & np.uint64(0xFFFFFFFF))
            ids[user, rank] = track
            taken[track] = mark
        at = 0
        while filled < k and at < len(fill):
            if taken[fill[at]] != mark:
                ids[user, filled] = fill[at]
                taken[fill[at]] = mark
                filled += 1
            at += 1


def _rows(snapshot: Snapshot) -> tuple[Ints, Ints, Floats]:
    """User, track and share of every play."""
    if len(snapshot.edges[schema.PLAYED]):
        plays = plays_of(snapshot)
        return plays.user, plays.track, plays.share
    watched = snapshot.watched
    shares = np.asarray(engagement(snapshot), dtype=np.float32)
    return watched.source.astype(np.int64), watched.target.astype(np.int64), shares


def write_lists(path: Path, users: Sequence[str], tracks: Sequence[str], lists: Ints) -> None:
    """Write ``{"user": int, "tracks": [ints]}`` lines, aside first; -1 in ``lists`` (users, k) is left out.

    ``users`` and ``tracks`` are the numbers to write, as text, by nid.
    """
    heads, head_at = _joined([f'{{"user": {user}, "tracks": [' for user in users])
    names, name_at = _joined(list(tracks))
    longest = int(np.diff(name_at).max(initial=0)) + 2
    with aside.file(path) as fresh, fresh.open("wb") as out:
        for start in range(0, len(lists), _WRITTEN):
            part = lists[start : start + _WRITTEN]
            room = np.empty(part.size * longest + len(heads) + 3 * len(part), dtype=np.uint8)
            out.write(room[: _spell(part, start, heads, head_at, names, name_at, room)].data)


def _joined(texts: list[str]) -> tuple[npt.NDArray[np.uint8], Ints]:
    """All texts as bytes, and where each begins."""
    ends = np.cumsum([0, *(len(text) for text in texts)], dtype=np.int64)
    return np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8), ends


@numba.njit(cache=True)
def _spell(lists, start, heads, head_at, names, name_at, room):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the lines of these lists into ``room``; how many bytes they took."""
    end = 0
    for row in range(len(lists)):
        for at in range(head_at[start + row], head_at[start + row + 1]):
            room[end] = heads[at]
            end += 1
        told = False
        for place in range(lists.shape[1]):
            track = lists[row, place]
            if track < 0:
                continue
            if told:
                room[end] = 44  # a comma and a space
                room[end + 1] = 32
                end += 2
            told = True
            for at in range(name_at[track], name_at[track + 1]):
                room[end] = names[at]
                end += 1
        room[end] = 93  # ]}
        room[end + 1] = 125
        room[end + 2] = 10
        end += 3
    return end
