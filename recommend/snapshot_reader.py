"""`SnapshotReader`: the questions of `recommend.reader.Reader`, answered from the snapshot when Neo4j cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.errors import GraphUnavailable
from graph.snapshot import Snapshot
from recommend.diversity import MOST_MADE, Traits
from recommend.filters import Facts
from recommend.marks import private, taken_down
from recommend.naming import SnapshotNames
from recommend.reader import PEOPLE, SAME_TASTE, Row, content_ids_of, spelled
from recommend.request import Request
from recommend.restrictions import Restrictions
from recommend.snapshot_source import SnapshotAnswers
from recommend.snapshot_why import why
from recommend.sources import Candidate, Source
from recommend.words import folded, words_of
from recommenders.core.top_k import Mask

__all__ = ["SnapshotReader"]

Ints = npt.NDArray[np.int64]
_NOBODY: Final = Restrictions()
_TAGS: Final = {schema.GENRE: schema.HAS_GENRE, schema.MOOD: schema.HAS_MOOD, schema.HASHTAG: schema.TAGGED}
"""Sorts of nodes that describe contents, and the relationship to them."""


@dataclass(frozen=True)
class SnapshotReader:
    """Answers as of the snapshot, but for ``restrictions``, which are what one person must not be shown by now."""

    snapshot: Snapshot
    restrictions: Restrictions = _NOBODY
    since: Mapping[str, bool] = field(default_factory=dict)
    """`Recent.taken_down`."""
    private_since: Mapping[str, bool] = field(default_factory=dict)
    """`Recent.private`."""

    def knowing(
        self, restrictions: Restrictions, since: Mapping[str, bool], private_since: Mapping[str, bool]
    ) -> SnapshotReader:
        """A reader of the same snapshot for a request of somebody with these restrictions, the others as above."""
        fresh = SnapshotReader(self.snapshot, restrictions, since, private_since)
        fresh.__dict__["_answers"] = self._answers
        fresh.__dict__["_names"] = self._names
        return fresh

    def candidates(self, source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        me = self._user(request.user_id)
        makers = self.snapshot.edges[schema.MADE].outgoing
        blocked = self._blocked(me)
        theirs = sum(len(makers.of(person)) for person in blocked.tolist())
        since = np.setdiff1d(self.snapshot.contents.known(self.restrictions.seen), self._mine(schema.WATCHED, me))
        hidden = len(self._mine(schema.HID, me)) + len(self.restrictions.hidden) + len(since)
        most = request.pool + theirs + hidden + int(self._gone.sum())  # the filters hold these back
        wanted = request.wanted_in(self.snapshot, self._private)
        among = ~self._gone if wanted is None else wanted & ~self._gone
        rows = self._answers.candidates(source.name, request.user_id, request.kind, most, blocked, among, **source.caps)
        return [Candidate(row["contentId"], row["score"]) for row in rows]

    def facts(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Facts]:
        contents, users = self.snapshot.contents, self.snapshot.users
        nids = contents.known(content_ids)
        me = self._user(request.user_id)
        seen, own, hidden = (set(self._mine(t, me).tolist()) for t in (schema.WATCHED, schema.MADE, schema.HID))
        blocked = set(self._blocked(me).tolist())
        makers = self.snapshot.edges[schema.MADE].incoming
        wanted = request.wanted_in(self.snapshot, self._private)
        facts = {}
        for nid, content_id in zip(nids.tolist(), contents.ids.gather(nids).to_list(), strict=True):
            made_by = makers.of(nid)
            facts[content_id] = Facts(
                content_id=content_id,
                kind=str(self.snapshot.kinds[nid]),
                made_by=tuple(users.ids.gather(made_by[~self._private[made_by]]).to_list()),
                seen=nid in seen or content_id in self.restrictions.seen,
                own=nid in own,
                hidden=nid in hidden or content_id in self.restrictions.hidden,
                blocked=any(maker in blocked for maker in made_by.tolist()),
                taken_down=bool(self._gone[nid]),
                wanted=wanted is None or bool(wanted[nid]),
            )
        return facts

    def traits(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Traits]:
        contents, edges = self.snapshot.contents, self.snapshot.edges
        nids = contents.known(content_ids)
        made, genres_of = edges[schema.MADE], edges[schema.HAS_GENRE].outgoing
        found = {}
        for nid, content_id in zip(nids.tolist(), contents.ids.gather(nids).to_list(), strict=True):
            beats = edges[schema.USES].outgoing.of(nid).tolist()
            makers = made.incoming.of(nid)
            theirs = [made.outgoing.of(maker) for maker in makers.tolist()]
            few = theirs and max(map(len, theirs)) <= MOST_MADE
            found[content_id] = Traits(
                tuple(beats),
                tuple({genre for one in (nid, *beats) for genre in genres_of.of(one).tolist()}),
                tuple(edges[schema.TAGGED].outgoing.of(nid).tolist()),
                tuple(makers[~self._private[makers]].tolist()),
                max(int(self._answers.audience[those].sum()) for those in theirs) if few else None,
            )
        return found

    def why(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Row]:
        contents = self.snapshot.contents.known(content_ids)
        blocked = self._blocked(self._user(request.user_id))
        return why(self.snapshot, request.user_id, contents, blocked, self._private, self._gone, request.now)

    def names(
        self, user_ids: Sequence[str], content_ids: Sequence[str], deadline_ms: int | None = None
    ) -> dict[str, str]:
        return self._names(user_ids, content_ids, self._private)

    def people(self, user_id: str, n: int) -> list[Row] | None:
        if user_id not in self.snapshot.users:
            return None
        left_out = self._blocked(self._user(user_id))
        caps = {"friends": PEOPLE["friends"], "per_friend": PEOPLE["perFriend"]}
        return self._answers.friends_of_friends(user_id, n, blocked=left_out, private=self._private, **caps)

    def same_taste(self, user_id: str, n: int, *, followed: bool) -> list[Row] | None:
        if user_id not in self.snapshot.users:
            return None
        caps: Any = {"items": SAME_TASTE["items"], "per_item": SAME_TASTE["perItem"], "crowd": SAME_TASTE["crowd"]}
        left_out = self._blocked(self._user(user_id))
        hidden: Any = {"blocked": left_out, "private": self._private, "gone": self._gone}
        return self._answers.same_taste(user_id, n, followed=followed, **hidden, **caps)

    def neighbourhood(self, user_id: str, depth: int, limit: int) -> list[Row] | None:
        raise GraphUnavailable("There is no Neo4j to ask.", do="Start it with `entourage up`, or set NEO4J_URI.")

    def user(self, user_id: str) -> Row | None:
        me = self._user(user_id)
        if me is None:
            return None
        blocked = self._blocked(me)
        followers, watched = self.snapshot.follows.incoming.of(me), self.snapshot.watched
        return {
            "properties": self.snapshot.users.frame.row(me, named=True),
            "follows": len(np.setdiff1d(self._mine(schema.FOLLOWS, me), blocked)),
            "followers": len(np.setdiff1d(followers, blocked)),
            "watched": int(watched.seen[watched.indptr[me] : watched.indptr[me + 1]].sum()),
            "made": len(self._mine(schema.MADE, me)),
            "listensTo": self._called(schema.LISTENS_TO, me),
            "createsIn": self._called(schema.CREATES_IN, me),
        }

    def content(self, content_id: str) -> Row | None:
        contents = self.snapshot.contents
        known = spelled(content_id, contents)
        if known is None:
            return None
        nid = int(contents.nids([known])[0])
        if self._gone[nid]:
            return None
        makers = self.snapshot.edges[schema.MADE].incoming.of(nid)
        uses = self.snapshot.edges[schema.USES]
        beats = uses.outgoing.of(nid)
        return {
            "contentId": known,
            "kind": str(self.snapshot.kinds[nid]),
            "properties": contents.frame.row(nid, named=True),
            "watchers": int(self._answers.audience[nid]),
            "madeBy": self.snapshot.users.ids.gather(makers[~self._private[makers]]).to_list(),
            "uses": contents.ids.gather(beats[~self._gone[beats]]).to_list(),
            "usedBy": len(uses.incoming.of(nid)),
            "genres": self._called(schema.HAS_GENRE, nid),
            "moods": self._called(schema.HAS_MOOD, nid),
            "hashtags": self._called(schema.TAGGED, nid),
        }

    def search(self, text: str, n: int, user_id: str | None, label: str | None) -> list[Row]:
        me = None if user_id is None else self._user(user_id)
        hidden = self._private.copy()
        blocked = self._blocked(me)
        hidden[blocked] = True
        theirs = self._gone.copy()
        for person in blocked.tolist():
            theirs[self.snapshot.edges[schema.MADE].outgoing.of(person)] = True
        if label is not None:
            hidden |= label != schema.USER
            theirs |= self.snapshot.kinds != label.lower()
        users, contents = self.snapshot.users.ids, self.snapshot.contents.ids
        followers = np.diff(self.snapshot.follows.incoming.indptr)
        names, titles = self.snapshot.users.column(schema.NAME), self.snapshot.contents.column(schema.TITLE)
        named, called = _holding(text, users, names), _holding(text, contents, titles)
        tags = {sort: self._tagged(text, sort) for sort in _TAGS if label in (None, sort)}
        people, works = named.all(axis=0) & ~hidden, called.all(axis=0) & ~theirs
        topics = {sort: held.all(axis=0) for sort, held in tags.items()}
        if not (people.any() or works.any() or any(held.any() for held in topics.values())):
            people, works = named.any(axis=0) & ~hidden, called.any(axis=0) & ~theirs
            topics = {sort: held.any(axis=0) for sort, held in tags.items()}
        found = [
            (int(followers[nid]), schema.USER, str(users[nid]), str((names is not None and names[nid]) or users[nid]))
            for nid in np.flatnonzero(people).tolist()
        ]
        for sort, held in topics.items():
            nodes, contents_of = self.snapshot.nodes[sort], self.snapshot.edges[_TAGS[sort]].incoming
            known = nodes.column(schema.NAME)
            for nid in np.flatnonzero(held).tolist():
                id_, audience = str(nodes.ids[nid]), int(contents_of.indptr[nid + 1] - contents_of.indptr[nid])
                found.append((audience, sort, id_, str((known is not None and known[nid]) or id_)))
        for nid in np.flatnonzero(works).tolist():
            kind, id_ = str(self.snapshot.kinds[nid]).capitalize(), str(contents[nid])
            name = id_ if titles is None else titles[nid] or id_
            found.append((int(self._answers.audience[nid]), kind, id_, name))
        exact, tag = {text, *content_ids_of(text)}, text.removeprefix("#").lower()
        found.sort(
            key=lambda row: (row[2] not in exact and (row[1], row[2].lower()) != (schema.HASHTAG, tag), -row[0], row[2])
        )
        return [
            {"label": kind, "id": id_, "name": name, "audience": audience} for audience, kind, id_, name in found[:n]
        ]

    def _tagged(self, text: str, sort: str) -> Mask:
        """Which genres, moods or hashtags have each word of ``text``, shape (words, nodes)."""
        nodes = self.snapshot.nodes[sort]
        names = nodes.column(schema.NAME)
        return _holding(text, nodes.ids, None if names is None else names.cast(pl.String))

    @cached_property
    def _answers(self) -> SnapshotAnswers:
        return SnapshotAnswers(self.snapshot)

    @cached_property
    def _names(self) -> SnapshotNames:
        return SnapshotNames(self.snapshot)

    @cached_property
    def _gone(self) -> Mask:
        """Whether each content is taken down, shape (contents,)."""
        return taken_down(self.snapshot, self.since)

    @cached_property
    def _private(self) -> Mask:
        """Whether each person is marked private, shape (users,)."""
        return private(self.snapshot, self.private_since)

    def _user(self, user_id: str) -> int | None:
        users = self.snapshot.users
        return int(users.nids([user_id])[0]) if user_id in users else None

    def _mine(self, type_: str, me: int | None) -> Ints:
        return (
            np.empty(0, dtype=np.int64) if me is None else self.snapshot.edges[type_].outgoing.of(me).astype(np.int64)
        )

    def _blocked(self, me: int | None) -> Ints:
        """People blocked on either side, as of the snapshot and of the restrictions."""
        since = self.snapshot.users.known(self.restrictions.blocked)
        if me is None:
            return since
        edges = self.snapshot.edges[schema.BLOCKED]
        return np.unique(np.concatenate([edges.outgoing.of(me), edges.incoming.of(me), since]))

    def _called(self, type_: str, node: int) -> list[str]:
        edges = self.snapshot.edges[type_]
        nodes = self.snapshot.nodes[schema.RELATIONSHIPS[type_].target]
        ends = nodes.frame[edges.outgoing.of(node)]
        return sorted(row.get("name") or row[nodes.key] for row in ends.iter_rows(named=True))


def _holding(search: str, ids: pl.Series, titles: pl.Series | None = None) -> npt.NDArray[np.bool_]:
    """Whose id or title has each word of the search, whatever case and accents; shape (words, len(ids))."""
    words = [folded(word) for word in words_of(search)] or [folded(search)]
    texts = [
        text.str.normalize("NFKD").str.replace_all(r"\p{Mn}", "").str.to_lowercase()
        for text in (ids, titles)
        if text is not None
    ]
    return np.stack(
        [np.any([t.str.contains(word, literal=True).fill_null(value=False) for t in texts], axis=0) for word in words]
    )
