"""Which artists resemble an artist: from a snapshot and any model of contents, without the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from graph import schema
from graph.errors import UnknownArtist
from graph.identifiers import normal
from recommend.listening import Listening, folded
from recommenders.core.ndcg import discounts

__all__ = ["PREFIX", "Artist", "Artists"]

PREFIX: Final = "artists/"
"""Tells the id of an artist from that of a content on the command line; it is no part of the id."""
_ASKED: Final = 50
"""Contents of an artist that are asked about, those that most people know. By hand, for time."""
_NEAR: Final = 200
"""Nearest contents of each. By hand, for time."""
_HINTS: Final = 3


@dataclass(frozen=True)
class Artist:
    """One artist of an answer."""

    artist_id: str
    name: str | None
    score: float | None = None
    """How near the top their contents stand among the nearest of the artist's own, from 0 to 1: the mean over these of
    1 / log2(1 + place) of the best one."""


class Artists:
    """Look-up and similarity of the artists of one snapshot. Safe to share between threads."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._performed = listening.snapshot.edges[schema.PERFORMED_BY]
        frame = listening.snapshot.nodes[schema.ARTIST].frame
        self._ids: list[str] = listening.snapshot.nodes[schema.ARTIST].ids.to_list()
        self._names = frame[schema.NAME].to_list() if schema.NAME in frame.columns else [None] * len(self._ids)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {artist_id: number for number, artist_id in enumerate(self._ids)}

    @cached_property
    def _by_name(self) -> dict[str, int]:
        """Number by folded name; of several with one name, the one with the most contents."""
        contents = np.diff(self._performed.incoming.indptr)
        order = np.argsort(contents, kind="stable").tolist()
        return {folded(name): number for number in order if (name := self._names[number])}

    def find(self, text: str) -> int:
        """The number of an artist by id, with ``artists/`` in front or without, or by name, accents and case forgiven.

        Raises UnknownArtist, which names artists that begin the same.
        """
        id_ = normal(text)
        bare = id_.removeprefix(PREFIX)
        for name in (id_, bare):
            if name in self._number:
                return self._number[name]
        wanted = folded(bare)
        if wanted in self._by_name:
            return self._by_name[wanted]
        if not self._ids:
            raise UnknownArtist(
                f"No artist is called {bare!r}: this graph has no artists.",
                do="Import playlists, play logs or artists first.",
            )
        near = [name for name in self._by_name if wanted and name.startswith(wanted)][:_HINTS]
        shown = ", ".join(repr(self._names[self._by_name[name]]) for name in near)
        raise UnknownArtist(
            f"No artist has the id or the name {bare!r}." + (f" Names that begin so: {shown}." if near else ""),
            do="Give an id, or a whole name.",
        )

    def artist(self, number: int) -> Artist:
        """The artist with this number."""
        return Artist(self._ids[number], self._names[number])

    def similar(self, number: int, n: int) -> list[Artist]:
        """The ``n`` artists whose contents stand nearest to those of an artist; fewer where the model knows no more."""
        incoming = self._performed.incoming
        own = np.asarray(incoming.neighbour[incoming.indptr[number] : incoming.indptr[number + 1]], dtype=np.int64)
        asked = self._listening.usable(own)[:_ASKED]
        if not len(asked):
            return []
        there, mine = self._performed, set(own.tolist())
        total: dict[int, float] = {}
        gone = self._listening.gone
        count = min(_NEAR + len(own) + int(gone.sum()), len(gone))
        weights = discounts(_NEAR).tolist()
        ids, _ = self._listening.model.similar_items(asked, count)
        ids[gone[ids]] = -1
        for row in ids.tolist():
            near = [content for content in row if content >= 0 and content not in mine]
            told: set[int] = {number}
            for weight, content in zip(weights, near, strict=False):
                for artist in there.target[there.indptr[content] : there.indptr[content + 1]].tolist():
                    if artist not in told:
                        told.add(artist)
                        total[artist] = total.get(artist, 0.0) + weight
        best = sorted(total, key=lambda artist: (-total[artist], artist))[:n]
        return [Artist(self._ids[one], self._names[one], round(total[one] / len(asked), 6)) for one in best]
