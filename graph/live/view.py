"""``View``: what feeds are made of, as arrays of the snapshot's size, changed in place by what happens.

It holds what the queries of ``cypher/candidates``, ``cypher/filters`` and ``cypher/explore/why_this_content`` look at.
Whoever reads it holds ``lock``: nothing changes meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import aside, schema
from graph.live.facts import ContentNow, Fact, Pair, PersonNow
from graph.live.ids import Ids
from graph.live.rows import COMMENTED, LIKED, SHARED, WATCHED, Links, Rows
from graph.live.since import Since
from graph.live.tops import Name, Tops
from graph.load import watch
from graph.settings import Engagement
from graph.snapshot import NO_TIME, Edges, Nodes, Snapshot
from graph.snapshot.ages import created
from graph.snapshot.engagement import UNKNOWN

__all__ = ["View"]

_T = TypeVar("_T", bound=np.generic)
_FLAGS: Final = (("liked", LIKED), ("shared", SHARED), ("commented", COMMENTED))
_NOTHING: Final = float("-inf")
"""The trend of a content of which no watch has a time."""


class View:
    """The graph as of the snapshot, then as of the last `Pair` that it was told."""

    def __init__(self, snapshot: Snapshot, engagement: Engagement, kept: Path | None = None) -> None:
        """``kept``: a folder for what is worked out of this snapshot, so that other processes map it."""
        self.lock = threading.RLock()
        self.snapshot = snapshot
        self.users, self.contents = Ids(snapshot.users), Ids(snapshot.contents)
        self.genre_ids, self.hashtags = Ids(snapshot.nodes[schema.GENRE]), Ids(snapshot.nodes[schema.HASHTAG])
        self.genre_names = _called(snapshot.nodes[schema.GENRE])
        """Name of every genre, its id where it has none."""
        self._weights = engagement
        self._unknown = 1.0 if snapshot.mode == "implicit" else UNKNOWN
        self.watches = self._rows("watches", kept, self._read_watches)
        self.watchers = self._rows("watchers", kept, self._read_watchers)
        self.follows = self._rows("follows", kept, self._read_follows)
        self.created = self._wide(created(snapshot), NO_TIME)
        kinds = np.zeros(len(self.contents), dtype=np.uint8)
        for number, name in enumerate(schema.KINDS, start=1):
            kinds[snapshot.kinds == name] = number
        self.kinds = self._wide(kinds, 0)
        self.private = np.zeros(len(self.users.rank), dtype=bool)
        self.private[: len(self.users)] = _marked(snapshot.users, schema.PRIVATE)
        self.taken_down = self._wide(_marked(snapshot.contents, schema.TAKEN_DOWN), False)
        self.links: pl.Series | None = snapshot.contents.column("link")
        self.made, self.makers = self._made(), _links(snapshot, schema.MADE, back=True)
        self.uses, self.used_by = _links(snapshot, schema.USES), _links(snapshot, schema.USES, back=True)
        self.listens, self.creates = _links(snapshot, schema.LISTENS_TO), _links(snapshot, schema.CREATES_IN)
        self.tags, self.tagged = _links(snapshot, schema.TAGGED), _links(snapshot, schema.TAGGED, back=True)
        self.genres, self.of_genre = _links(snapshot, schema.HAS_GENRE), _links(snapshot, schema.HAS_GENRE, back=True)
        self.hid = _sets(snapshot.edges[schema.HID], both=False)
        self.blocked = _sets(snapshot.edges[schema.BLOCKED], both=True)
        self.less: dict[int, dict[int, int]] = {}
        """Person → contents that they want less of, and since when, ms. Not in the snapshot: see `want_less`."""
        audience, trend = self._kept()
        self.audience, self.trend = self._wide(audience, 0), self._wide(trend, _NOTHING)
        self.tops = Tops(self._values(), self.kinds, self.contents)
        self.since = Since()
        for links in (self.makers, self.uses, self.used_by, self.tags, self.genres):
            links.reach(len(self.contents.rank))

    def apply(self, facts: Sequence[Fact]) -> None:
        """Take over what the graph holds by now; later facts count where a pair or a node is named twice.

        Nodes come first: what the ledger holds of one may be newer than a pair that it is in.
        """
        with self.lock:
            contents = [fact for fact in facts if isinstance(fact, ContentNow)]
            for content in contents:  # all of them, as one may use another
                self._know(content)
            for content in contents:
                self._content(content)
            for fact in facts:
                if isinstance(fact, PersonNow):
                    self._person(fact)
            for fact in facts:
                if isinstance(fact, Pair):
                    self._pair(fact)

    def _pair(self, pair: Pair) -> None:
        user = self._user(pair.source)
        if pair.people:
            self._between(user, self._user(pair.target), pair)
        elif (content := self.contents.number(pair.target)) is not None:
            self._about(user, content, pair)

    def _know(self, now: ContentNow) -> None:
        """Have a number and room for a content."""
        if now.id in self.contents:
            return
        content = self.contents.add(now.id)
        if len(self.contents.rank) > len(self.kinds):
            self.created, self.kinds = self._wide(self.created, NO_TIME), self._wide(self.kinds, 0)
            self.taken_down, self.audience = self._wide(self.taken_down, False), self._wide(self.audience, 0)
            self.trend = self._wide(self.trend, _NOTHING)
            self.tops.moved(self._values(), self.kinds)
            for links in (self.makers, self.uses, self.used_by, self.tags, self.genres):
                links.reach(len(self.contents.rank))
        self.watchers.reach(content + 1)
        self.kinds[content] = schema.KINDS.index(now.kind) + 1
        self.created[content] = NO_TIME if now.created is None else now.created
        self.audience[content], self.trend[content] = now.audience, _NOTHING if now.trend is None else now.trend
        self.tops.added(content)

    def _content(self, now: ContentNow) -> None:
        content = self.contents.number(now.id)
        assert content is not None
        self.taken_down[content] = now.takenDown
        at = NO_TIME if now.created is None else now.created
        if self.created[content] != at:
            self.created[content] = at
            self.tops.changed(content, ("created",))
        makers, before = [self._user(maker) for maker in now.makers], self.makers.of(content).tolist()
        self.makers.put(content, _ordered(makers, self.users))
        for maker in {*makers, *before}:
            own = [one for one in self.made.of(maker).tolist() if one != content]
            own += [content] if maker in makers else []
            self.made.put(maker, sorted(own, key=self._newest_first))
        used = [number for number in map(self.contents.number, now.uses) if number is not None]
        self._join(content, used, self.uses, self.used_by, self.contents)
        self._join(content, [self._genre(*one) for one in now.genres], self.genres, self.of_genre, self.genre_ids)
        self._join(content, [self.hashtags.add(name) for name in now.hashtags], self.tags, self.tagged, self.hashtags)
        self.since.content(now, [content, *self.used_by.of(content).tolist()])

    def _person(self, now: PersonNow) -> None:
        user = self._user(now.id)
        self.private[user] = now.private
        for genres, links in ((now.listensTo, self.listens), (now.createsIn, self.creates)):
            links.put(user, _ordered([self._genre(*one) for one in genres], self.genre_ids))
        self.since.person(now, self.made.of(user).tolist())

    def _join(self, content: int, ends: list[int], links: Links, back: Links, ids: Ids) -> None:
        """Replace what a content is joined to, in both directions."""
        before = set(links.of(content).tolist())
        links.put(content, _ordered(ends, ids))
        for end in before.difference(ends):
            back.drop(end, content)
        for end in set(ends) - before:
            back.add(end, content)

    def _newest_first(self, content: int) -> tuple[bool, float, float]:
        at = int(self.created[content])
        return at == NO_TIME, -float(at), float(self.contents.rank[content])

    def _genre(self, key: str, name: str | None) -> int:
        number = self.genre_ids.add(key)
        if number == len(self.genre_names):
            self.genre_names.append(name or key)
            self.of_genre.reach(number + 1)
        return number

    def _wide(self, values: npt.NDArray[_T], filling: Any) -> npt.NDArray[_T]:
        """A longer copy of ``values``, filled up with ``filling``: it has room for contents that are yet to come."""
        wide = np.full(len(self.contents.rank), filling, dtype=values.dtype)
        wide[: len(values)] = values
        return wide

    def _values(self) -> dict[Name, npt.NDArray[Any]]:
        return {"audience": self.audience, "trend": self.trend, "created": self.created}

    def is_new(self, content_id: str) -> bool:
        """Whether the snapshot does not hold this content."""
        number = self.contents.number(content_id)
        return number is None or number >= self.snapshot.contents.count

    def follows_of(self, user_id: str) -> int:
        """How many people somebody follows; 0 of somebody who is not known."""
        user = self.users.number(user_id)
        return 0 if user is None else self.follows.degree(user)

    def follow_only(self, user_id: str, followed: Mapping[str, tuple[int | None, bool]]) -> None:
        """Take over whom somebody follows by now, since when (ms) and who of them is private, where others wrote it."""
        with self.lock:
            user = self._user(user_id)
            now: dict[int, int] = {}
            for other_id, (at, private) in followed.items():
                other = self._user(other_id)
                now[other] = NO_TIME if at is None else at
                self.private[other] |= private
            before = set(self.follows.of_node(user).tolist())
            for other in before.difference(now):
                self.follows.drop(user, other)
            for other in now.keys() - before:
                self.follows.put(user, other, now[other], self.users.rank)

    def take_down(self, content_ids: Iterable[str]) -> None:
        """Show contents no more, where others took them down or deleted them."""
        with self.lock:
            for number in map(self.contents.number, content_ids):
                if number is not None:
                    self.taken_down[number] = True

    def want_less(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take over what people want less of: the rows of ``lookup/less``."""
        with self.lock:
            for row in rows:
                if (content := self.contents.number(row["target"])) is not None:
                    self.less.setdefault(self._user(row["source"]), {})[content] = row["at"]

    @staticmethod
    def _rows(name: str, kept: Path | None, read: Callable[[], Rows]) -> Rows:
        if kept is None:
            return read()
        if not (kept / name).is_dir():
            try:
                with aside.folder(kept / name) as folder:
                    read().save(folder)
            except OSError:
                if not (kept / name).is_dir():  # no other process was quicker
                    raise
        return Rows.load(kept / name)

    def _read_watches(self) -> Rows:
        watched = self.snapshot.watched
        at = watched.columns.get("lastAt")
        return Rows.of(watched.indptr, watched.target, at, _said(watched), self._engagements(watched))

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
        if pair.less is not None:
            self.less.setdefault(user, {})[content] = pair.less
        elif user in self.less:
            self.less[user].pop(content, None)
        if pair.holds:
            at = NO_TIME if pair.at is None else pair.at
            said = sum(bit for name, bit in (*_FLAGS, ("watched", WATCHED)) if getattr(pair, name))
            engagement = self._engagement(pair)
            self.watches.put(user, content, at, self.contents.rank, said, engagement)
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
        for links in (self.made, self.listens, self.creates):
            links.reach(number + 1)
        if number >= len(self.private):
            self.private = np.concatenate(
                (self.private, np.zeros(len(self.users.rank) - len(self.private), dtype=bool))
            )
        return number

    def _engagement(self, pair: Pair) -> float:
        known = (pair.progress, pair.commented, pair.shared, pair.liked)
        if all(value is None for value in known):
            return self._unknown
        weights, (progress, commented, shared, liked) = self._weights, known
        total = weights.progress * (progress or 0.0) + weights.commented * bool(commented)
        return float(total + weights.shared * bool(shared) + weights.liked * bool(liked))

    def _engagements(self, watched: Edges) -> npt.NDArray[np.float64]:
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
        engagement = weights.progress * progress + weights.commented * flags["commented"]
        engagement = engagement + weights.shared * flags["shared"] + weights.liked * flags["liked"]
        nothing = ~(flags["liked"] | flags["shared"] | flags["commented"])
        nothing &= np.ones(count, dtype=bool) if share is None else np.isnan(share)
        return np.asarray(np.where(nothing, label if self._unknown == UNKNOWN else 1.0, engagement))

    def _made(self) -> Links:
        """Contents of each maker, the newest first, ties by id."""
        edges = self.snapshot.edges[schema.MADE]
        at = self.created[edges.target]
        order = np.lexsort((edges.target, np.where(at == NO_TIME, np.inf, -at.astype(np.float64)), edges.source))
        return Links(np.asarray(edges.indptr), np.asarray(edges.target)[order])

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


def _links(snapshot: Snapshot, type_: str, *, back: bool = False) -> Links:
    edges = snapshot.edges[type_]
    if back:
        return Links(np.asarray(edges.incoming.indptr), np.asarray(edges.incoming.neighbour))
    return Links(np.asarray(edges.indptr), np.asarray(edges.target))


def _ordered(nodes: Iterable[int], ids: Ids) -> list[int]:
    """Each once, in the order of their ids."""
    return sorted({*nodes}, key=lambda node: float(ids.rank[node]))


def _marked(nodes: Nodes, name: str) -> npt.NDArray[np.bool_]:
    """Whether each node has a mark, shape (nodes,)."""
    marks = nodes.column(name)
    if marks is None:
        return np.zeros(nodes.count, dtype=bool)
    return np.asarray(marks.fill_null(value=False).to_numpy(), dtype=bool)


def _called(nodes: Nodes) -> list[str]:
    names, ids = nodes.column(schema.NAME), nodes.ids.to_list()
    return ids if names is None else [name or key for name, key in zip(names, ids, strict=True)]


def _sets(edges: Edges, *, both: bool) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        found.setdefault(source, set()).add(target)
        if both:
            found.setdefault(target, set()).add(source)
    return found
