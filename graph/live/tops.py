"""The most watched, the most in fashion and the newest contents, kept in order while their numbers change."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["BEAT", "KEAK", "Tops"]

Ints = npt.NDArray[np.int64]
Kind = Literal["keak", "beat"] | None

KEAK: Final = 1
BEAT: Final = 2
"""Numbers of kinds: places in ``schema.KINDS``, counted from 1."""
KEPT: Final = 4_000
"""The length of a list that is kept in order; what goes beyond it is sorted when it is asked for."""


class _Top:
    """The contents with the highest of some numbers, ties by lower number of the content."""

    def __init__(self, values: npt.NDArray[np.generic], members: Ints) -> None:
        self._values, self._members = values, members
        self._fill()

    def _fill(self) -> None:
        values = np.asarray(self._values[self._members], dtype=np.float64)
        if len(values) > KEPT:
            bar = np.partition(values, len(values) - KEPT)[len(values) - KEPT]
            inside = self._members[values >= bar]
        else:
            bar, inside = -np.inf, self._members
        order = inside[np.lexsort((inside, -np.asarray(self._values[inside], dtype=np.float64)))]
        self._keys = [(-float(self._values[content]), int(content)) for content in order.tolist()]
        self._key_of = {content: (value, content) for value, content in self._keys}
        self._bar = float(bar)
        self._listed: Ints | None = None

    def changed(self, content: int) -> None:
        """The number of a content is another than before."""
        now = float(self._values[content])
        before = self._key_of.pop(content, None)
        if before is not None:
            del self._keys[bisect_left(self._keys, before)]
        if now >= self._bar:
            key = (-now, content)
            self._keys.insert(bisect_left(self._keys, key), key)
            self._key_of[content] = key
        elif len(self._keys) < min(KEPT // 2, len(self._members)):
            self._fill()
        self._listed = None

    def listed(self) -> Ints:
        """All that is kept in order, the highest first; at least `KEPT` / 2 where there are so many."""
        if self._listed is None:
            self._listed = np.array([content for _, content in self._keys], dtype=np.int64)
        return self._listed

    def whole(self) -> Ints:
        """All members in order."""
        if len(self._keys) == len(self._members):
            return self.listed()
        values = np.asarray(self._values[self._members], dtype=np.float64)
        return self._members[np.lexsort((self._members, -values))]


class Tops:
    """Lists by audience, trend and time of creation, for keaks, beats and both; tracks are in none."""

    def __init__(
        self,
        audience: npt.NDArray[np.int64],
        trend: npt.NDArray[np.float64],
        created: Ints,
        kinds: npt.NDArray[np.uint8],
    ) -> None:
        self._kinds = kinds
        of_kind: dict[Kind, Ints] = {"keak": np.flatnonzero(kinds == KEAK), "beat": np.flatnonzero(kinds == BEAT)}
        of_kind[None] = np.union1d(of_kind["keak"], of_kind["beat"])
        values = {"audience": audience, "trend": trend, "created": created}
        self._tops = {
            (name, kind): _Top(numbers, theirs) for name, numbers in values.items() for kind, theirs in of_kind.items()
        }

    def changed(self, content: int) -> None:
        """The audience or the trend of a content changed."""
        kinds: dict[int, Kind] = {KEAK: "keak", BEAT: "beat"}
        for kind in (kinds[self._kinds[content]], None) if self._kinds[content] in kinds else ():
            for name in ("audience", "trend"):
                self._tops[name, kind].changed(content)

    def most(self, name: Literal["audience", "trend", "created"], kind: Kind, whole: bool = False) -> Ints:
        """Contents with the highest audience or trend, or created last, best first: thousands, or all of them."""
        top = self._tops[name, kind]
        return top.whole() if whole else top.listed()
