"""Neighbours of every node in an order of preference, as arrays that grow: read by compiled loops, changed by events.

A row of the snapshot stays where it lies, in memory that all workers may share, until its node changes; then it moves
to the arrays that grow. In a row the least preferred neighbour comes first, so that what is newest is added at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from graph.snapshot import NO_TIME

__all__ = [
    "COMMENTED",
    "LIKED",
    "SHARED",
    "WATCHED",
    "Adjacency",
    "Fixed",
    "Links",
    "Rows",
    "neighbour",
    "place_of",
    "said_at",
    "when",
]

LIKED: Final = 1
SHARED: Final = 2
COMMENTED: Final = 4
WATCHED: Final = 8
"""Bits of ``said``: what somebody did with a content."""
_ROOM: Final = 1_024
_FILES: Final = ("indptr", "to", "at", "said", "engagement")

Array = npt.NDArray[np.generic]
_T = TypeVar("_T", bound=np.generic)


class Adjacency(NamedTuple):
    """Arrays for compiled loops; `neighbour` and `when` read them."""

    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    to: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    said: npt.NDArray[np.uint8]
    engagement: npt.NDArray[np.float64]
    more_to: npt.NDArray[np.int32]
    more_at: npt.NDArray[np.int64]
    more_said: npt.NDArray[np.uint8]
    more_engagement: npt.NDArray[np.float64]


class Fixed(NamedTuple):
    """Neighbours without a time, as a compiled loop reads them: those of ``n`` are ``to[start[n]:end[n]]``."""

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    to: npt.NDArray[np.int32]


@numba.njit(cache=True, inline="always")
def place_of(rows, node, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The place of the neighbour number ``k`` of a node, the most preferred first; see `neighbour`."""
    return rows.start[node] + rows.length[node] - 1 - k


@numba.njit(cache=True, inline="always")
def neighbour(rows, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The neighbour at a place."""
    base = len(rows.to)
    return rows.to[place] if place < base else rows.more_to[place - base]


@numba.njit(cache=True, inline="always")
def when(rows, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The time at a place, ``NO_TIME`` where it is unknown."""
    base = len(rows.to)
    return rows.at[place] if place < base else rows.more_at[place - base]


@numba.njit(cache=True, inline="always")
def said_at(rows, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The bits `LIKED`, `SHARED`, `COMMENTED`, `WATCHED` at a place."""
    base = len(rows.to)
    return rows.said[place] if place < base else rows.more_said[place - base]


@numba.njit(cache=True)
def _find(rows, node, to):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The place of ``to`` in the row of a node, -1 where it is not there; the newest are looked at first."""
    for k in range(rows.length[node]):
        place = place_of(rows, node, k)
        if neighbour(rows, place) == to:
            return place
    return -1


@numba.njit(cache=True)
def _goes_to(rows, node, at, rank, ranks):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The place in the row of a node at which a new neighbour with this time and this rank of its id is put in."""
    start, end = rows.start[node], rows.start[node] + rows.length[node]
    place = end
    while place > start:
        other = when(rows, place - 1)
        if other < at or (other == at and ranks[neighbour(rows, place - 1)] > rank):
            break
        place -= 1
    return place


class Links:
    """Neighbours of every node of a type, in one direction. Only changes of the catalogue change them."""

    def __init__(self, indptr: npt.NDArray[np.integer], to: npt.NDArray[np.integer]) -> None:
        spare = np.zeros(_ROOM, dtype=np.int32)
        self._used = len(to)
        self._room: dict[int, int] = {}
        """For each node whose row was moved: how many neighbours its new place can hold."""
        start, end, held = (np.concatenate((part, spare)).astype(np.int32) for part in (indptr[:-1], indptr[1:], to))
        self.view = Fixed(start, end, held)

    def of(self, node: int) -> npt.NDArray[np.int32]:
        """The neighbours of one node."""
        view = self.view
        return view.to[view.start[node] : view.end[node]] if node < len(view.start) else view.to[:0]

    def reach(self, nodes: int) -> None:
        """Have a row, empty at first, for at least so many nodes: compiled loops do not look whether there is one."""
        start, end, to = self.view
        if nodes > len(start):
            more = np.zeros(max(_ROOM, nodes - len(start), len(start) // 8), dtype=np.int32)
            self.view = Fixed(np.concatenate((start, more)), np.concatenate((end, more)), to)

    def put(self, node: int, neighbours: Sequence[int] | npt.NDArray[np.int32], spare: int = 0) -> None:
        """Set all neighbours of a node, in this order; ``spare`` is room for more."""
        self.reach(node + 1)
        start, end, to = self.view
        place, count = int(start[node]), len(neighbours)
        if count > self._room.get(node, int(end[node]) - place):
            place, room = self._used, count + spare
            if place + room > len(to):
                to = np.concatenate((to, np.zeros(max(_ROOM, room, len(to) // 8), dtype=np.int32)))
                self.view = Fixed(start, end, to)
            self._used += room
            self._room[node] = room
        to[place : place + count] = neighbours
        start[node], end[node] = place, place + count

    def add(self, node: int, to: int) -> None:
        """A further neighbour, after the others."""
        own = self.of(node)
        if len(own) < self._room.get(node, 0):
            _, end, held = self.view
            held[end[node]] = to
            end[node] += 1
        else:
            self.put(node, np.append(own, np.int32(to)), spare=4 + len(own) // 4)

    def drop(self, node: int, to: int) -> None:
        """Remove this neighbour; the last one takes its place."""
        own = self.of(node)
        place = np.flatnonzero(own == to)
        if len(place):
            own[place[0]] = own[-1]
            self.view.end[node] -= 1


class Rows:
    """The neighbours of every node of a type, in one direction, most preferred last: by time, then by lower id."""

    def __init__(
        self,
        indptr: npt.NDArray[np.int64],
        to: npt.NDArray[np.int32],
        at: npt.NDArray[np.int64],
        said: npt.NDArray[np.uint8] | None = None,
        engagement: npt.NDArray[np.float64] | None = None,
    ) -> None:
        nodes = len(indptr) - 1
        self._nodes = nodes
        spare = nodes // 8 + _ROOM
        self._start = np.concatenate((indptr[:-1], np.zeros(spare, dtype=np.int64)))
        self._length = np.concatenate((np.diff(indptr), np.zeros(spare, dtype=np.int64))).astype(np.int32)
        self._room = np.zeros(len(self._start), dtype=np.int32)
        self._columns: tuple[Array, ...] = (
            np.asarray(to, dtype=np.int32),
            np.asarray(at, dtype=np.int64),
            np.zeros(0, dtype=np.uint8) if said is None else said,
            np.zeros(0, dtype=np.float64) if engagement is None else engagement,
        )
        there = (True, True, said is not None, engagement is not None)
        self._more: list[Array] = [
            np.zeros(_ROOM if has else 0, column.dtype) for has, column in zip(there, self._columns, strict=True)
        ]
        self._used = 0
        self.count = len(to)
        self.view = self._look()

    @classmethod
    def of(
        cls,
        indptr: npt.NDArray[np.int64],
        to: npt.NDArray[np.int32],
        at: npt.NDArray[np.int64] | None,
        said: npt.NDArray[np.uint8] | None = None,
        engagement: npt.NDArray[np.float64] | None = None,
    ) -> Rows:
        """Make rows from a CSR in any order within its rows; with ``at`` None no time is known."""
        times = np.full(len(to), NO_TIME, dtype=np.int64) if at is None else np.asarray(at)
        owner = np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))
        order = np.lexsort((-np.asarray(to), times, owner))
        return cls(
            np.asarray(indptr, dtype=np.int64),
            np.asarray(to)[order],
            times[order],
            None if said is None else said[order],
            None if engagement is None else engagement[order],
        )

    def save(self, folder: Path) -> None:
        """Write the rows, which nothing has changed yet, as arrays that several processes may map."""
        arrays = (np.concatenate((self._start[: self._nodes], [len(self._columns[0])])), *self._columns)
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> Rows:
        """Map what `save` wrote."""
        # Copy on write, though nothing writes: compiled loops would be compiled once more for arrays that cannot be.
        arrays = (np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c")) for name in _FILES)
        indptr, to, at, said, engagement = arrays
        whole = len(to)
        return cls(
            indptr, to, at, said if len(said) == whole else None, engagement if len(engagement) == whole else None
        )

    def of_node(self, node: int) -> npt.NDArray[np.int32]:
        """The neighbours of a node, the most preferred last."""
        return self._of_node(node, self.view.to, self.view.more_to)

    def at_of(self, node: int) -> npt.NDArray[np.int64]:
        """The time of each of `of_node`, ``NO_TIME`` where it is unknown."""
        return self._of_node(node, self.view.at, self.view.more_at)

    def engagement_of(self, node: int) -> npt.NDArray[np.float64]:
        """The engagement of each of `of_node`."""
        return self._of_node(node, self.view.engagement, self.view.more_engagement)

    def _of_node(self, node: int, column: npt.NDArray[_T], more: npt.NDArray[_T]) -> npt.NDArray[_T]:
        if node >= len(self._start):
            return column[:0]
        start, end = int(self._start[node]), int(self._start[node]) + int(self._length[node])
        base = len(self.view.to)
        return column[start:end] if start < base else more[start - base : end - base]

    def touched(self, node: int) -> bool:
        """Whether something was put or dropped since the snapshot."""
        return node >= self._nodes or (node < len(self._start) and int(self._start[node]) >= len(self.view.to))

    def degree(self, node: int) -> int:
        return int(self._length[node]) if node < len(self._length) else 0

    def put(
        self, node: int, to: int, at: int, ranks: npt.NDArray[np.float64], said: int = 0, engagement: float = 0.0
    ) -> None:
        """Set what is known of a neighbour, in its place."""
        self.drop(node, to)
        self._make_room(node)
        base = len(self.view.to)
        place = int(_goes_to(self.view, node, at, ranks[to], ranks)) - base
        end = int(self._start[node]) + int(self._length[node]) - base
        for column, value in zip(self._more, (to, at, said, engagement), strict=True):
            if len(column):
                column[place + 1 : end + 1] = column[place:end].copy()
                column[place] = value
        self._length[node] += 1
        self._room[node] -= 1
        self.count += 1

    def drop(self, node: int, to: int) -> None:
        """Forget a neighbour; nothing where there is none."""
        if node >= len(self._start):
            return
        place = int(_find(self.view, node, to))
        if place < 0:
            return
        if place < len(self.view.to):
            self._move(node, int(self._length[node]) + 2)
            place = int(_find(self.view, node, to))
        base = len(self.view.to)
        place, end = place - base, int(self._start[node]) + int(self._length[node]) - base
        for column in self._more:
            if len(column):
                column[place : end - 1] = column[place + 1 : end].copy()
        self._length[node] -= 1
        self._room[node] += 1
        self.count -= 1

    def reach(self, nodes: int) -> None:
        """Have a row, empty at first, for at least so many nodes: compiled loops do not look whether there is one."""
        if nodes > len(self._start):
            more = max(_ROOM, nodes - len(self._start), len(self._start) // 8)
            self._start = np.concatenate((self._start, np.zeros(more, dtype=np.int64)))
            self._length = np.concatenate((self._length, np.zeros(more, dtype=np.int32)))
            self._room = np.concatenate((self._room, np.zeros(more, dtype=np.int32)))
            self.view = self._look()

    def _make_room(self, node: int) -> None:
        self.reach(node + 1)
        if self._room[node] <= 0:
            self._move(node, int(self._length[node]) + max(4, int(self._length[node]) // 4))

    def _move(self, node: int, room: int) -> None:
        """Give a row a new place with ``room``, in the arrays that grow; its old one is not used again."""
        length, start, base = int(self._length[node]), int(self._start[node]), len(self.view.to)
        if self._used + room > len(self._more[0]):
            size = max(2 * len(self._more[0]), self._used + room)
            for number, column in enumerate(self._more):
                if len(column):
                    larger = np.zeros(size, column.dtype)
                    larger[: self._used] = column[: self._used]
                    self._more[number] = larger
        for column, more in zip(self._columns, self._more, strict=True):
            if len(more):
                old = column[start : start + length] if start < base else more[start - base : start - base + length]
                more[self._used : self._used + length] = old.copy()
        self._start[node] = base + self._used
        self._room[node] = room - length
        self._used += room
        self.view = self._look()

    def _look(self) -> Adjacency:
        return Adjacency(self._start, self._length, *self._columns, *self._more)  # type: ignore[arg-type]
