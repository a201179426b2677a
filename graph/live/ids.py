"""Ids and numbers of the nodes of one label: those of the snapshot, then those that came since."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from graph.snapshot import Nodes

__all__ = ["Ids"]

_ROOM: Final = 256


class Ids:
    """Numbers count on from the snapshot's nids. ``rank`` says who comes first by id, as Cypher's ORDER BY does."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._base = nodes.count
        self._names = list(nodes.keys)  # the same texts, in a list that grows
        self._more: dict[str, int] = {}
        self._ordered: list[str] = []
        self._rank = np.arange(self._base + _ROOM, dtype=np.float64)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, key: str) -> bool:
        return key in self._more or key in self._nodes

    @property
    def rank(self) -> npt.NDArray[np.float64]:
        """Shape (at least as many as nodes,): the order of the ids; numbers of the snapshot are in order already."""
        return self._rank

    def number(self, key: str) -> int | None:
        """The number of an id; None for one that is not known."""
        found = self._more.get(key)
        return self._nodes.nid(key) if found is None else found

    def numbers(self, keys: Iterable[str]) -> npt.NDArray[np.int64]:
        """The numbers of those of ``keys`` that are known."""
        found = (self.number(key) for key in keys)
        return np.fromiter((number for number in found if number is not None), dtype=np.int64)

    def name(self, number: int) -> str:
        return self._names[number]

    def names(self, numbers: Iterable[int]) -> list[str]:
        return [self._names[number] for number in numbers]

    def add(self, key: str) -> int:
        """The number of ``key``, a new one where it was not known."""
        found = self.number(key)
        if found is not None:
            return found
        number = len(self._names)
        self._names.append(key)
        self._more[key] = number
        if number >= len(self._rank):
            self._rank = np.concatenate((self._rank, np.zeros(len(self._rank) // 4 + _ROOM)))
        self._ordered.insert(bisect_left(self._ordered, key), key)
        self._rank_those_between(self._nodes.ids.search_sorted(key))
        return number

    def _rank_those_between(self, place: int) -> None:
        """Spread the new ids that lie between two neighbours of the snapshot evenly between them."""
        ids = self._nodes.ids
        low = 0 if place == 0 else bisect_left(self._ordered, ids[place - 1])
        high = len(self._ordered) if place == self._base else bisect_left(self._ordered, ids[place])
        for step, key in enumerate(self._ordered[low:high], start=1):
            self._rank[self._more[key]] = place - 1 + step / (high - low + 1)
