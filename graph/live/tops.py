"""The most watched, the most in fashion and the newest contents, kept in order while their numbers change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.live.ids import Ids

__all__ = ["BEAT", "KEAK", "TRACK", "Name", "Tops"]

Ints = npt.NDArray[np.int64]
Name = Literal["audience", "trend", "created"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)
_Key = tuple[float, str, int]
Kind = str | None
"""One of ``schema.KINDS``, or all of them."""

KEAK: Final = 1
BEAT: Final = 2
TRACK: Final = 3
"""Numbers of kinds: places in ``schema.KINDS``, counted from 1."""
KEPT: Final = 4_000
"""The length of a list that is kept in order; what goes beyond it is sorted when it is asked for."""


class _Top:
    """The contents with the highest of some numbers, ties by lower id."""

    def __init__(self, values: npt.NDArray[np.generic], members: Ints, ids: Ids) -> None:
        self.values, self._told, self._ids = values, members, ids
        self._more: list[int] = []
        self._fill()

    @property
    def _members(self) -> Ints:
        if self._more:
            self._told, self._more = np.append(self._told, self._more), []
        return self._told

    def _fill(self) -> None:
        members = self._members
        values = np.asarray(self.values[members], dtype=np.float64)
        inside = members
        if len(values) > KEPT:
            bar = np.partition(values, len(values) - KEPT)[len(values) - KEPT]
            above, equal = members[values > bar], members[values == bar]
            room = KEPT - len(above)  # for those first by id: a graph may have millions without a time or a watch
            inside = np.concatenate((above, equal[np.argpartition(self._ids.rank[equal], room - 1)[:room]]))
        self._keys = [self._key(content) for content in self._in_order(inside).tolist()]
        self._key_of = {key[2]: key for key in self._keys}
        self._last = self._keys[-1] if len(inside) < len(members) else None
        """All members whose keys are not above it are in the list; None where all members are."""
        self._listed: Ints | None = None

    def _in_order(self, contents: Ints) -> Ints:
        values = np.asarray(self.values[contents], dtype=np.float64)
        ordered: Ints = contents[np.lexsort((self._ids.rank[contents], -values))]
        return ordered

    def _key(self, content: int) -> _Key:
        """The key to sort by. It has the id itself, since its rank changes when others come between."""
        return -float(self.values[content]), self._ids.name(content), content

    def added(self, content: int) -> None:
        """A content that was not there before."""
        self._more.append(content)
        self.changed(content)

    def changed(self, content: int) -> None:
        """The number of a content is another than before."""
        before = self._key_of.pop(content, None)
        if before is not None:
            del self._keys[bisect_left(self._keys, before)]
        key = self._key(content)
        if self._last is None or key <= self._last:
            self._keys.insert(bisect_left(self._keys, key), key)
            self._key_of[content] = key
        elif len(self._keys) < min(KEPT // 2, self._count):
            self._fill()
        self._listed = None

    def listed(self) -> Ints:
        """All that is kept in order, the highest first; at least `KEPT` / 2 where there are so many."""
        if self._listed is None:
            self._listed = np.array([content for _, _, content in self._keys], dtype=np.int64)
        return self._listed

    def whole(self) -> Ints:
        """All members in order."""
        return self.listed() if len(self._keys) == self._count else self._in_order(self._members)

    @property
    def _count(self) -> int:
        return len(self._told) + len(self._more)


class Tops:
    """Lists by audience, trend and time of creation, for each kind of content and for all."""

    def __init__(self, values: Mapping[Name, npt.NDArray[Any]], kinds: npt.NDArray[np.uint8], ids: Ids) -> None:
        """``values`` and ``kinds`` (at least as many as contents,) by the numbers that ``ids`` gives."""
        self._kinds = kinds
        of_kind: dict[Kind, Ints] = {
            kind: np.flatnonzero(kinds == number) for number, kind in enumerate(schema.KINDS, start=1)
        }
        of_kind[None] = np.flatnonzero(kinds)
        self._tops: dict[tuple[Name, Kind], _Top] = {
            (name, kind): _Top(numbers, theirs, ids)
            for name, numbers in values.items()
            for kind, theirs in of_kind.items()
        }

    def moved(self, values: Mapping[Name, npt.NDArray[Any]], kinds: npt.NDArray[np.uint8]) -> None:
        """Read the values from these larger arrays, in which all contents so far have the values they had."""
        self._kinds = kinds
        for (name, _), top in self._tops.items():
            top.values = values[name]

    def added(self, content: int) -> None:
        """A content that was not there before."""
        for kind in self._kinds_of(content):
            for name in NAMES:
                self._tops[name, kind].added(content)

    def changed(self, content: int, names: Sequence[Name] = ("audience", "trend")) -> None:
        """Sort a content anew whose values ``names`` changed."""
        for kind in self._kinds_of(content):
            for name in names:
                self._tops[name, kind].changed(content)

    def _kinds_of(self, content: int) -> tuple[Kind, ...]:
        own = self._kinds[content]
        return (schema.KINDS[own - 1], None) if own else ()

    def most(self, name: Name, kind: Kind, whole: bool = False) -> Ints:
        """Contents with the highest audience or trend, or created last, best first: thousands, or all of them."""
        top = self._tops[name, kind]
        return top.whole() if whole else top.listed()
