"""Queries of ``cypher/candidates`` answered from the snapshot's arrays, for when Neo4j is down.

Both give the same answer if the snapshot is up to date and no other cap is reached
(tests/recommend/test_agreement.py).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.snapshot import Csr, Snapshot
from recommenders.core.top_k import Mask

__all__ = ["SnapshotAnswers"]

Ints = npt.NDArray[np.int64]

_EVIDENCE: Final = 3


class SnapshotAnswers:
    """Candidates for a user of the snapshot, as rows with the columns of the Cypher files."""

    NAMES: ClassVar[tuple[str, ...]] = ("followed_activity", "co_watch")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def candidates(
        self,
        name: str,
        user_id: str,
        kind: str | None,
        limit: int,
        blocked: Ints | None = None,
        among: Mask | None = None,
        /,
        **caps: int,
    ) -> list[dict[str, Any]]:
        """What the source called ``name`` proposes; nothing for a user the snapshot does not know.

        ``blocked`` (B,) are nids of people blocked on either side, by default those of the snapshot; ``among``
        (contents,) says what may be proposed.
        """
        user = int(self.snapshot.users.nids([user_id])[0]) if user_id in self.snapshot.users else None
        if name == "popular":
            return self._rows(self.audience.astype(np.float64), self.audience, {}, user, kind, limit, among)
        if name == "unwatched":
            nobody = (self.audience == 0).astype(np.int64)
            rows = self._rows(nobody * 1.0, nobody, {}, user, kind, limit, among)
            return [row | {"score": 0.0, "count": 0} for row in rows]
        if user is None:
            return []
        if blocked is None:
            blocked = np.array(self._blocked(user), dtype=np.int64)
        if name == "followed_activity":
            return self._followed_activity(user, kind, limit, blocked, **caps)
        return self._co_watch(user, kind, limit, blocked, **caps)

    def friends_of_friends(
        self,
        user_id: str,
        limit: int,
        *,
        friends: int,
        per_friend: int,
        blocked: Ints | None = None,
        private: npt.NDArray[np.bool_] | None = None,
    ) -> list[dict[str, Any]]:
        """As cypher/candidates/friends_of_friends.

        ``blocked`` (B,) are nids of people blocked on either side, by default those of the snapshot; ``private``
        (users,) says who must not be named, by default nobody.
        """
        users = self.snapshot.users
        if user_id not in users:
            return []
        me = int(users.nids([user_id])[0])
        mine = self._followed_last(me)
        if blocked is None:
            blocked = np.array(self._blocked(me), dtype=np.int64)
        if private is None:
            private = np.zeros(users.count, dtype=bool)
        mutual: dict[int, list[int]] = {}
        for friend in mine[:friends]:
            if friend in blocked:
                continue
            for person in self._followed_last(int(friend))[:per_friend]:
                mutual.setdefault(int(person), []).append(int(friend))
        shut_out = {me, *mine.tolist(), *blocked.tolist(), *np.flatnonzero(private).tolist()}
        ranked = sorted(
            (
                (len(between), users.ids[person], between, person)
                for person, between in mutual.items()
                if person not in shut_out
            ),
            key=lambda entry: (-entry[0], entry[1]),
        )
        incoming = self.snapshot.follows.incoming.indptr
        return [
            {
                "userId": person_id,
                "mutualCount": count,
                "mutual": users.ids.gather([friend for friend in between if not private[friend]][:_EVIDENCE]).to_list(),
                "followers": int(incoming[person + 1] - incoming[person]),
            }
            for count, person_id, between, person in ranked[:limit]
        ]

    def same_taste(
        self,
        user_id: str,
        limit: int,
        *,
        items: int,
        per_item: int,
        crowd: int,
        followed: bool,
        blocked: Ints,
        private: npt.NDArray[np.bool_],
        gone: Mask | None = None,
    ) -> list[dict[str, Any]]:
        """As cypher/candidates/same_taste; ``blocked`` and ``private`` as in `friends_of_friends`.

        What the blocked people made is not named. ``gone`` (contents,) says what was taken down and must not be named
        either, by default nothing.
        """
        users, watched = self.snapshot.users, self.snapshot.watched
        if user_id not in users:
            return []
        me = int(users.nids([user_id])[0])
        mine = watched.target[self._newest_of(np.array([me]), len(watched))]
        mine = mine[self.degrees[mine] <= crowd][:items]
        mine = mine[np.lexsort((mine, self.degrees[mine]))]
        shared = np.zeros(users.count)
        places: dict[int, list[int]] = {}
        for place, item in enumerate(mine.tolist()):
            others = watched.incoming.neighbour[self._newest_of(np.array([item]), per_item, watched.incoming)]
            shared[others] += 1 / np.sqrt(self.degrees[item])
            for other in others.tolist():
                places.setdefault(other, []).append(place)
        follows = self.snapshot.follows.outgoing.of(me)
        shared[[me, *blocked.tolist(), *(() if followed else follows.tolist())]] = 0.0
        shared[private] = 0.0
        found = np.flatnonzero(shared)
        scores = shared[found] / np.sqrt(watched.indptr[found + 1] - watched.indptr[found])
        best = np.argsort(-scores, kind="stable")[:limit]
        among = set(follows.tolist())
        made = self.snapshot.edges[schema.MADE].outgoing
        named = ~np.isin(mine, [content for person in blocked.tolist() for content in made.of(person).tolist()])
        if gone is not None:
            named &= ~gone[mine]
        return [
            {
                "userId": users.ids[other],
                "followed": other in among,
                "score": score,
                "count": len(places[other]),
                "evidence": self.snapshot.contents.ids.gather(
                    mine[[place for place in places[other] if named[place]][:_EVIDENCE]]
                ).to_list(),
            }
            for other, score in zip(found[best].tolist(), scores[best].tolist(), strict=True)
        ]

    @cached_property
    def audience(self) -> Ints:
        """How many people watched each content, shape (contents,)."""
        watched = self.snapshot.watched
        return np.bincount(watched.target[watched.seen], minlength=self.snapshot.contents.count)

    @cached_property
    def degrees(self) -> Ints:
        """How many people watched each content, liked, commented on or shared it, shape (contents,)."""
        return np.diff(self.snapshot.watched.incoming.indptr)

    def _followed_activity(
        self, user: int, kind: str | None, limit: int, blocked: Ints, *, friends: int, perFriend: int
    ) -> list[dict[str, Any]]:
        watched = self.snapshot.watched
        engagement = watched.columns["engagement"]
        score = np.zeros(self.snapshot.contents.count)
        count = np.zeros(len(score), dtype=np.int64)
        people: dict[int, list[tuple[float, int]]] = {}
        followed = self._followed_last(user)
        for friend in followed[~np.isin(followed, blocked)][:friends].tolist():
            rows = self._newest_of(np.array([friend]), len(watched))
            for row in rows[self._is(kind, watched.target[rows])][:perFriend].tolist():
                content = int(watched.target[row])
                score[content] += engagement[row]
                count[content] += 1
                people.setdefault(content, []).append((-float(engagement[row]), friend))
        ids = self.snapshot.users.ids
        evidence = {
            content: ids.gather([friend for _, friend in sorted(found)[:_EVIDENCE]]).to_list()
            for content, found in people.items()
        }
        return self._rows(score, count, evidence, user, kind, limit)

    def _co_watch(
        self,
        user: int,
        kind: str | None,
        limit: int,
        blocked: Ints,
        *,
        items: int,
        perItem: int,
        perUser: int,
        crowd: int,
        busy: int,
    ) -> list[dict[str, Any]]:
        watched = self.snapshot.watched
        score = np.zeros(self.snapshot.contents.count)
        count = np.zeros(len(score), dtype=np.int64)
        between: dict[int, list[tuple[float, str]]] = {}
        mine = watched.target[self._newest_of(np.array([user]), len(watched))]
        activity = np.diff(watched.indptr)
        for item in mine[self.degrees[mine] <= crowd][:items].tolist():
            others = watched.incoming.neighbour[self._newest_of(np.array([item]), len(watched), watched.incoming)]
            others = others[~np.isin(others, blocked)][:perItem]
            others = others[activity[others] <= busy]
            contents, shared = np.unique(watched.target[self._newest_of(others, perUser)], return_counts=True)
            weight = 1 / np.sqrt(self.degrees[item])
            score[contents] += shared * weight
            count[contents] += shared
            item_id = self.snapshot.contents.ids[item]
            for content in contents.tolist():
                between.setdefault(content, []).append((-weight, item_id))
        evidence = {content: [key for _, key in sorted(found)[:_EVIDENCE]] for content, found in between.items()}
        return self._rows(score, count, evidence, user, kind, limit)

    def _rows(
        self,
        score: npt.NDArray[np.float64],
        count: Ints,
        evidence: dict[int, list[str]],
        user: int | None,
        kind: str | None,
        limit: int,
        among: Mask | None = None,
    ) -> list[dict[str, Any]]:
        able = (count > 0) & self._is(kind, np.arange(len(score)))
        if among is not None:
            able &= among
        if user is not None:
            able[self.snapshot.watched.outgoing.of(user)] = False
            able[self.snapshot.edges[schema.MADE].outgoing.of(user)] = False
        found = np.flatnonzero(able)
        best = found[np.argsort(-score[found], kind="stable")[:limit]]
        return [
            {
                "contentId": content_id,
                "score": float(score[content]),
                "count": int(count[content]),
                "evidence": evidence.get(content, []),
            }
            for content, content_id in zip(
                best.tolist(), self.snapshot.contents.ids.gather(best).to_list(), strict=True
            )
        ]

    def _followed_last(self, user: int) -> npt.NDArray[np.int32]:
        """Whom a user follows, those followed last first, those without a time last."""
        follows = self.snapshot.follows
        rows = np.arange(follows.indptr[user], follows.indptr[user + 1])
        since = follows.columns.get("since")
        if since is not None:
            rows = rows[np.argsort(-np.asarray(since[rows], dtype=np.float64), kind="stable")]
        return follows.target[rows]

    def _newest_of(self, nodes: npt.NDArray[Any], limit: int, ends: Csr | None = None) -> Ints:
        """Places in ``ends`` of the ``limit`` newest watches of each node, newest first, those without a time last.

        ``ends`` are WATCHED by user (the default: a place is a row then) or by content.
        """
        ends = ends or self.snapshot.watched.outgoing
        counts = ends.indptr[nodes + 1] - ends.indptr[nodes]
        owner = np.repeat(np.arange(len(nodes)), counts)
        places = np.arange(len(owner)) + np.repeat(ends.indptr[nodes] - np.cumsum(counts) + counts, counts)
        times = self.snapshot.watched.columns.get("lastAt")
        if times is not None:
            rows = places if ends.row is None else ends.row[places]
            places = places[np.lexsort((-np.asarray(times[rows], dtype=np.float64), owner))]
        rank = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        newest: Ints = places[rank < limit]
        return newest

    def _is(self, kind: str | None, contents: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        if kind is None:
            return np.ones(len(contents), dtype=bool)
        matches: npt.NDArray[np.bool_] = self.snapshot.kinds[contents] == kind
        return matches

    def _blocked(self, user: int) -> list[int]:
        blocked = self.snapshot.edges[schema.BLOCKED]
        return [*blocked.outgoing.of(user).tolist(), *blocked.incoming.of(user).tolist()]
