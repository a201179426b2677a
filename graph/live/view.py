"""``View``: what feeds are made of, as arrays of the snapshot's size, changed in place by what happens.

It holds what the queries of ``cypher/candidates``, ``cypher/filters`` and ``cypher/explore/why_this_content`` look at.
Whoever reads it holds ``lock``: nothing changes meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import aside, schema
from graph.live.ids import Ids
from graph.live.rows import COMMENTED, LIKED, SHARED, WATCHED, Fixed, Rows
from graph.live.tops import Tops
from graph.load import watch
from graph.settings import Engagement
from graph.snapshot import NO_TIME, Edges, Snapshot
from graph.snapshot.ages import created
from graph.snapshot.engagement import UNKNOWN

__all__ = ["Pair", "View"]

_FLAGS: Final = (("liked", LIKED), ("shared", SHARED), ("commented", COMMENTED))
_NOTHING: Final = float("-inf")
"""The trend of a content of which no watch has a time."""


@dataclass(frozen=True)
class Pair:
    """What the graph holds of a person and a content, or of two people, at some moment. Times are ms."""

    source: str
    """Bare user id."""
    target: str
    """Prefixed content id, or a bare user id."""
    people: bool
    """Whether both are people."""
    holds: bool = False
    """Whether the source has a ``WATCHED`` to the content, or follows the other."""
    at: int | None = None
    progress: float | None = None
    liked: bool | None = None
    shared: bool | None = None
    commented: bool | None = None
    hid: bool = False
    audience: int = 0
    trend: float | None = None
    blocked: bool = False
    """Whether one of the two blocked the other."""
    watched: bool = True
    """Whether the source watched the content, and did not only like, comment or share it."""


class View:
    """The graph as of the snapshot, then as of the last `Pair` that it was told."""

    def __init__(self, snapshot: Snapshot, engagement: Engagement, kept: Path | None = None) -> None:
        """``kept``: a folder for what is worked out of this snapshot, so that other processes map it."""
        self.lock = threading.RLock()
        self.snapshot = snapshot
        self.users, self.contents = Ids(snapshot.users), Ids(snapshot.contents)
        self._weights = engagement
        self._unknown = 1.0 if snapshot.mode == "implicit" else UNKNOWN
        self.watches = self._rows("watches", kept, self._read_watches)
        self.watchers = self._rows("watchers", kept, self._read_watchers)
        self.follows = self._rows("follows", kept, self._read_follows)
        self.created = created(snapshot).copy()
        self.kinds = np.zeros(len(self.contents), dtype=np.uint8)
        for number, name in enumerate(schema.KINDS, start=1):
            self.kinds[snapshot.kinds == name] = number
        private = snapshot.users.column(schema.PRIVATE)
        self.private = np.zeros(len(self.users.rank), dtype=bool)
        if private is not None:
            self.private[: len(self.users)] = private.fill_null(value=False).to_numpy()
        self.links: pl.Series | None = snapshot.contents.column("link")
        self.made = self._made()
        self.makers, self.used_by = _fixed(snapshot, schema.MADE, back=True), _fixed(snapshot, schema.USES, back=True)
        self.uses, self.listens = _fixed(snapshot, schema.USES), _fixed(snapshot, schema.LISTENS_TO)
        self.creates, self.tags = _fixed(snapshot, schema.CREATES_IN), _fixed(snapshot, schema.TAGGED)
        self.genres, self.of_genre = _fixed(snapshot, schema.HAS_GENRE), _fixed(snapshot, schema.HAS_GENRE, back=True)
        self.tagged = _fixed(snapshot, schema.TAGGED, back=True)
        self.hid = _sets(snapshot.edges[schema.HID], both=False)
        self.blocked = _sets(snapshot.edges[schema.BLOCKED], both=True)
        self.audience, self.trend = self._kept()
        self.tops = Tops(self.audience, self.trend, self.created, self.kinds)

    def apply(self, pairs: Iterable[Pair]) -> None:
        """Take over what the graph holds of these pairs by now; later ones count where one is named twice."""
        with self.lock:
            for pair in pairs:
                user = self._user(pair.source)
                if pair.people:
                    self._between(user, self._user(pair.target), pair)
                elif (content := self.contents.number(pair.target)) is not None:
                    self._about(user, content, pair)

    @staticmethod
    def _rows(name: str, kept: Path | None, read: Callable[[], Rows]) -> Rows:
        if kept is None:
            return read()
        if not (kept / name).is_dir():
            with aside.folder(kept / name) as folder:
                read().save(folder)
        return Rows.load(kept / name)

    def _read_watches(self) -> Rows:
        watched = self.snapshot.watched
        at = watched.columns.get("lastAt")
        return Rows.of(watched.indptr, watched.target, at, _said(watched), self._worths(watched))

    def _read_watchers(self) -> Rows:
        watched = self.snapshot.watched
        incoming, at = watched.incoming, watched.columns.get("lastAt")
        order = np.arange(len(watched)) if incoming.row is None else np.asarray(incoming.row)
        times = None if at is None else np.asarray(at)[order]
        return Rows.of(incoming.indptr, incoming.neighbour, times, _said(watched)[order])

    def _read_follows(self) -> Rows:
        follows = self.snapshot.follows
        return Rows.of(follows.indptr, follows.target, follows.columns.get("since"))

    def _about(self, user: int, content: int, pair: Pair) -> None:
        hidden = self.hid.setdefault(user, set())
        hidden.add(content) if pair.hid else hidden.discard(content)
        if pair.holds:
            at = NO_TIME if pair.at is None else pair.at
            said = sum(bit for name, bit in (*_FLAGS, ("watched", WATCHED)) if getattr(pair, name))
            worth = self._worth(pair)
            self.watches.put(user, content, at, self.contents.rank, said, worth)
            self.watchers.put(content, user, at, self.users.rank, said)
        else:
            self.watches.drop(user, content)
            self.watchers.drop(content, user)
        trend = _NOTHING if pair.trend is None else pair.trend
        if (self.audience[content], self.trend[content]) != (pair.audience, trend):
            self.audience[content], self.trend[content] = pair.audience, trend
            self.tops.changed(content)

    def _between(self, user: int, other: int, pair: Pair) -> None:
        if pair.holds:
            self.follows.put(user, other, NO_TIME if pair.at is None else pair.at, self.users.rank)
        else:
            self.follows.drop(user, other)
        for one, two in ((user, other), (other, user)):
            theirs = self.blocked.setdefault(one, set())
            theirs.add(two) if pair.blocked else theirs.discard(two)

    def _user(self, key: str) -> int:
        number = self.users.add(key)
        self.watches.reach(number + 1)
        self.follows.reach(number + 1)
        if number >= len(self.private):
            self.private = np.concatenate(
                (self.private, np.zeros(len(self.users.rank) - len(self.private), dtype=bool))
            )
        return number

    def _worth(self, pair: Pair) -> float:
        known = (pair.progress, pair.commented, pair.shared, pair.liked)
        if all(value is None for value in known):
            return self._unknown
        weights, (progress, commented, shared, liked) = self._weights, known
        total = weights.progress * (progress or 0.0) + weights.commented * bool(commented)
        return float(total + weights.shared * bool(shared) + weights.liked * bool(liked))

    def _worths(self, watched: Edges) -> npt.NDArray[np.float64]:
        """The engagement of every watch with the graph's own digits, shape (watches,)."""
        count, weights, columns = len(watched), self._weights, watched.columns
        label = np.asarray(columns["engagement"], dtype=np.float64)
        if not any(name in columns for name in ("progress", "liked", "shared", "commented")):
            return label.copy()
        share = (
            np.round(np.asarray(columns["progress"], dtype=np.float64), watch.DIGITS) if "progress" in columns else None
        )
        progress = np.zeros(count) if share is None else np.nan_to_num(share)
        flags = {name: np.asarray(columns[name], dtype=bool) if name in columns else np.zeros(count, dtype=bool)
                 for name, _ in _FLAGS}  # fmt: skip
        worth = weights.progress * progress + weights.commented * flags["commented"]
        worth = worth + weights.shared * flags["shared"] + weights.liked * flags["liked"]
        nothing = ~(flags["liked"] | flags["shared"] | flags["commented"])
        nothing &= np.ones(count, dtype=bool) if share is None else np.isnan(share)
        return np.asarray(np.where(nothing, label if self._unknown == UNKNOWN else 1.0, worth))

    def _made(self) -> Fixed:
        """Contents of each maker, the newest first, ties by id."""
        edges = self.snapshot.edges[schema.MADE]
        at = self.created[edges.target]
        order = np.lexsort((edges.target, np.where(at == NO_TIME, np.inf, -at.astype(np.float64)), edges.source))
        return Fixed(np.array(edges.indptr), np.asarray(edges.target)[order])

    def _kept(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Audience and trend as the graph keeps them, or worked out from the watches where the snapshot has none."""
        contents = self.snapshot.contents
        audience, trend = contents.column(schema.CONTENT_KEPT[0]), contents.column(schema.CONTENT_KEPT[1])
        if audience is not None and trend is not None:
            return audience.fill_null(0).to_numpy().astype(np.int64), trend.fill_null(_NOTHING).to_numpy().copy()
        watched = self.snapshot.watched
        at = watched.columns.get("lastAt")
        times = np.full(len(watched), NO_TIME) if at is None else np.asarray(at)
        last = pl.Series(times).replace(NO_TIME, None)
        counted, found = watch.trends(
            np.asarray(watched.target)[watched.seen], last.filter(watched.seen), len(self.contents)
        )
        return counted.astype(np.int64), found.fill_null(_NOTHING).to_numpy().copy()


def _said(watched: Edges) -> npt.NDArray[np.uint8]:
    said = watched.seen.astype(np.uint8) * np.uint8(WATCHED)
    for name, bit in _FLAGS:
        if name in watched.columns:
            said |= np.asarray(watched.columns[name], dtype=bool).astype(np.uint8) * np.uint8(bit)
    return said


def _fixed(snapshot: Snapshot, type_: str, *, back: bool = False) -> Fixed:
    edges = snapshot.edges[type_]
    if back:
        return Fixed(np.array(edges.incoming.indptr), np.array(edges.incoming.neighbour))
    return Fixed(np.array(edges.indptr), np.array(edges.target))


def _sets(edges: Edges, *, both: bool) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        found.setdefault(source, set()).add(target)
        if both:
            found.setdefault(target, set()).add(source)
    return found
