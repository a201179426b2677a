"""The plays of a snapshot as arrays: user, track, share heard, session, and what chose the track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.snapshot import Snapshot
from recommenders.core.config import CORE
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["REPEAT_DISCOUNT", "Plays", "adjusted", "artists_of", "plays_of"]

REPEAT_DISCOUNT: Final = CORE.artist_discount
"""See `CoreConfig.artist_discount`."""


@dataclass(frozen=True)
class Plays:
    """Plays in order of their sessions, and in a session of their places; shape (plays,) each."""

    session: Ints
    """Number of the session, ascending."""
    user: Ints
    """User nid."""
    track: Ints
    """Content nid."""
    place: Ints
    """Counted from 0 over the plays that the graph holds; the track at place 0 was chosen by none, unless lines before
    it could not be imported."""
    share: Floats
    """Share of the track that was heard, 0..1."""
    at: Ints
    """Milliseconds since 1970."""
    arm: npt.NDArray[Any]
    """Experiment and treatment that chose the track, or None."""
    propensity: Floats
    """Probability with which the arm chose the track; NaN where unknown."""

    def __len__(self) -> int:
        return len(self.session)

    def keep(self, mask: Mask) -> Plays:
        """The plays where ``mask`` is true."""
        return Plays(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    def until(self, cutoff: int) -> Plays:
        """The plays of sessions that began before ``cutoff``."""
        return self.keep(self.began < cutoff)

    @property
    def began(self) -> Ints:
        """When the session of each play began."""
        first = np.flatnonzero(np.diff(self.session, prepend=-1))
        return np.repeat(self.at[first], np.diff(np.append(first, len(self))))

    @property
    def first(self) -> Ints:
        """The first track of the session of each play."""
        first = np.flatnonzero(np.diff(self.session, prepend=-1))
        return np.repeat(self.track[first], np.diff(np.append(first, len(self))))


def plays_of(snapshot: Snapshot) -> Plays:
    """All plays of the snapshot; none where it holds no sessions."""
    edges = snapshot.edges[schema.PLAYED]
    if not len(edges):
        none = np.empty(0, dtype=np.int64)
        empty = np.empty(0, dtype=np.float32)
        return Plays(none, none, none, none, empty, none, np.empty(0, dtype=object), empty)
    owner = snapshot.session_owners()
    place = np.asarray(edges.columns["place"], dtype=np.int64)
    at = np.asarray(edges.columns["at"], dtype=np.int64)
    order = np.lexsort((place, edges.source))
    order = order[owner[edges.source[order]] >= 0]
    session = edges.source[order].astype(np.int64)
    return Plays(
        session,
        owner[session],
        edges.target[order].astype(np.int64),
        _earlier(session),
        np.asarray(edges.columns["share"], dtype=np.float32)[order],
        at[order],
        np.asarray(edges.columns["arm"], dtype=object)[order],
        np.asarray(edges.columns["propensity"], dtype=np.float32)[order],
    )


def artists_of(snapshot: Snapshot) -> Ints:
    """A number for the artist of every content, shape (contents,); contents without one have numbers of their own."""
    edges = snapshot.edges[schema.PERFORMED_BY]
    found = snapshot.nodes[schema.ARTIST].count + np.arange(snapshot.contents.count, dtype=np.int64)
    found[edges.source[::-1]] = edges.target[::-1]  # of several, the first
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def adjusted(plays: Plays, artists: Ints) -> tuple[Floats, Ints]:
    """The share of each play without the discount for earlier tracks of its artist in the session, and their number.

    NaN for a track that the session had before: its share says nothing.
    """
    key = plays.session * (int(artists.max(initial=0)) + 1) + artists[plays.track]
    before = _earlier(key)
    repeats = _earlier(plays.session * (int(plays.track.max(initial=0)) + 1) + plays.track)
    discount = REPEAT_DISCOUNT ** np.minimum(before, CORE.artist_discounts)
    share = np.clip(plays.share / discount, 0.0, 1.0).astype(np.float32)
    share[repeats > 0] = np.nan
    return share, before


def _earlier(key: Ints) -> Ints:
    """How many of the same key stand before each."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(key) else order
    place = np.arange(len(key)) - np.repeat(starts, np.diff(np.append(starts, len(key))))
    found = np.empty(len(key), dtype=np.int64)
    found[order] = place
    return found
