"""A sample of a network's people that preserves its structure.

Both methods are from Leskovec and Faloutsos, "Sampling from large graphs", KDD 2006. They move along follows in either
direction; in a graph without follows, from a person to a content and on to another person who watched it. When they
find no new person they start again at a random person; people without follows are reached only in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph import schema
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from graph.snapshot.arrays import Ints

__all__ = ["Method", "people"]

_RESTART: Final = 0.15
"""Probability of going back to the start, at each step of a walk; the paper's."""
_BURN: Final = 0.7
"""Probability of burning one more neighbour; the paper's best forward probability."""
_STUCK: Final = 100
"""Steps without a new person after which a walk starts at another person."""
_DRAWS: Final = 65_536


class Method(StrEnum):
    """Ways in which a sample spreads."""

    WALK = "walk"
    """Random walk with restart: a person and those around them, near and far."""
    FIRE = "fire"
    """Forest fire: dense neighbourhoods, nearest people first."""


def people(snapshot: Snapshot, count: int, method: Method = Method.WALK, seed: int = 0) -> Ints:
    """The nids of ``count`` people, sorted. Raises SettingsError when there are fewer."""
    total = snapshot.users.count
    if count > total:
        raise SettingsError(f"A sample of {count:,} of {total:,} people is not possible.", do="Ask for fewer.")
    around = _around(snapshot)
    rng = np.random.default_rng(seed)
    order = rng.permutation(total)
    found: dict[int, None] = {}
    spread = _walk if method is Method.WALK else _burn
    draws = _uniform(rng)
    for start in order.tolist():
        if len(found) >= count:
            break
        if start not in found:
            spread(around, start, total, found, count, draws)
    return np.sort(np.fromiter(found, dtype=np.int64))


def _around(snapshot: Snapshot) -> sp.csr_array:
    """Adjacency: people by their follows, or people and, numbered after them, contents by watches."""
    if len(snapshot.follows):
        follows = snapshot.adjacency(schema.FOLLOWS)
        return sp.csr_array(follows + follows.T)
    watches = snapshot.interactions()
    return sp.csr_array(sp.block_array([[None, watches], [watches.T, None]], format="csr"))


def _uniform(rng: np.random.Generator) -> Callable[[], float]:
    """Numbers from 0 to 1, drawn in blocks."""

    def endless() -> Iterator[float]:
        while True:
            yield from rng.random(_DRAWS).tolist()

    return endless().__next__


def _walk(
    around: sp.csr_array, start: int, users: int, found: dict[int, None], count: int, draw: Callable[[], float]
) -> None:
    """Add the people on a walk from ``start`` to ``found`` until there are ``count``, or no new person is found."""
    indptr, neighbours = around.indptr, around.indices
    node, idle = start, 0
    found[start] = None
    while len(found) < count and idle < _STUCK:
        first, last = int(indptr[node]), int(indptr[node + 1])
        if first == last or draw() < _RESTART:
            node = start
            idle += 1
            continue
        node = int(neighbours[first + int(draw() * (last - first))])
        idle += 1
        if node < users and node not in found:
            found[node] = None
            idle = 0


def _burn(
    around: sp.csr_array, start: int, users: int, found: dict[int, None], count: int, draw: Callable[[], float]
) -> None:
    """Burn from ``start``: each node lights a geometric number of neighbours that do not burn yet."""
    burning: dict[int, None] = {start: None}
    front = [start]
    found[start] = None
    while front and len(found) < count:
        ahead: list[int] = []
        for node in front:
            beside: npt.NDArray[np.int32] = around.indices[around.indptr[node] : around.indptr[node + 1]]
            fresh = [one for one in beside.tolist() if one not in burning and one not in found]
            while fresh and draw() < _BURN and len(found) < count:
                place = int(draw() * len(fresh))
                fresh[place], fresh[-1] = fresh[-1], fresh[place]
                lit = fresh.pop()
                burning[lit] = None
                ahead.append(lit)
                if lit < users:
                    found[lit] = None
        front = ahead
