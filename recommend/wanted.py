"""What a feed is narrowed to: genres, moods, hashtags, makers, an age. Cypher has the same in ``filters/facts``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl

from graph import schema
from graph.snapshot import Snapshot, ages
from recommend import marks
from recommenders.core.top_k import Ints, Mask

__all__ = ["EVERYTHING", "Wanted", "small"]

_KEPT: Final = 32
"""Masks kept of one snapshot, the latest asked for."""
_masks: Final[WeakKeyDictionary[Snapshot, dict[Wanted, Mask]]] = WeakKeyDictionary()
_created: Final[WeakKeyDictionary[Snapshot, Ints]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Wanted:
    """What a feed is narrowed to. A content needs one of the values of each sort that is given."""

    genres: frozenset[str] = frozenset()
    """Ids or names in small letters. A keak has the genres and moods of the beats that it uses too."""
    moods: frozenset[str] = frozenset()
    hashtags: frozenset[str] = frozenset()
    makers: frozenset[str] = frozenset()
    """Bare user ids. Who is marked private is not found as a maker."""
    since: int | None = None
    """The earliest creation, ms; contents without a time are left out then."""

    @classmethod
    def of(
        cls,
        genres: Iterable[str] = (),
        moods: Iterable[str] = (),
        hashtags: Iterable[str] = (),
        makers: Iterable[str] = (),
        since: int | None = None,
    ) -> Self:
        """The same from values as people write them: a genre as ``genres/3``, ``3`` or ``Hip Hop``."""
        return cls(
            frozenset(small(genre, schema.GENRE) for genre in genres),
            frozenset(small(mood, schema.MOOD) for mood in moods),
            frozenset(small(tag.removeprefix("#"), schema.HASHTAG) for tag in hashtags),
            frozenset(makers),
            since,
        )

    def __bool__(self) -> bool:
        return self != EVERYTHING

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameter ``wanted`` of the queries; null for what is not asked for."""
        sorts: Mapping[str, frozenset[str]] = {
            "genres": self.genres,
            "moods": self.moods,
            "hashtags": self.hashtags,
            "makers": self.makers,
        }
        return {name: sorted(values) or None for name, values in sorts.items()} | {"since": self.since}

    def mask(self, snapshot: Snapshot, private: Mask | None = None) -> Mask:
        """Whether each content of the snapshot is wanted, shape (contents,). The array is shared: change a copy.

        ``private`` (users,) says who is not found as a maker, by default whom the snapshot marks private.
        """
        timeless = replace(self, makers=frozenset(), since=None)
        masks = _masks.setdefault(snapshot, {})
        mask = masks.pop(timeless, None)
        if mask is None:
            mask = timeless._worked_out(snapshot)
        if len(masks) >= _KEPT:
            masks.pop(next(iter(masks)), None)
        masks[timeless] = mask
        if self.makers:
            mask = mask & self._by_makers(snapshot, marks.private(snapshot) if private is None else private)
        if self.since is None:
            return mask
        created = _created.get(snapshot)
        if created is None:
            created = _created[snapshot] = ages.created(snapshot)
        return np.asarray(mask & (created >= self.since))

    def _worked_out(self, snapshot: Snapshot) -> Mask:
        wanted = np.ones(snapshot.contents.count, dtype=bool)
        for type_, names in ((schema.HAS_GENRE, self.genres), (schema.HAS_MOOD, self.moods)):
            if names:
                theirs = _with(snapshot, type_, names)
                uses = snapshot.edges[schema.USES]
                theirs[uses.source[theirs[uses.target]]] = True
                wanted &= theirs
        if self.hashtags:
            wanted &= _with(snapshot, schema.TAGGED, self.hashtags)
        return wanted

    def _by_makers(self, snapshot: Snapshot, private: Mask) -> Mask:
        """Whether one of the wanted makers who is not private made each content."""
        made, makers = snapshot.edges[schema.MADE].outgoing, snapshot.users.known(self.makers)
        theirs = np.zeros(snapshot.contents.count, dtype=bool)
        for maker in makers[~private[makers]].tolist():
            theirs[made.of(maker)] = True
        return theirs


EVERYTHING: Final = Wanted()


def small(value: str, label: str) -> str:
    """An id or name of a genre, mood or hashtag as it is compared: bare and in small letters."""
    return value.strip().removeprefix(f"{label.lower()}s/").lower()


def _with(snapshot: Snapshot, type_: str, names: frozenset[str]) -> Mask:
    """Whether each content has a relationship of this type to a node whose id or name is among ``names``."""
    nodes, edges = snapshot.nodes[schema.RELATIONSHIPS[type_].target], snapshot.edges[type_]
    called = nodes.column(schema.NAME)
    among = list(names)
    named = nodes.ids.str.to_lowercase().is_in(among)
    if called is not None:
        named |= called.cast(pl.String).str.to_lowercase().is_in(among).fill_null(value=False)
    found = np.zeros(snapshot.contents.count, dtype=bool)
    for node in np.flatnonzero(named.to_numpy()).tolist():
        found[edges.incoming.of(node)] = True
    return found
