"""``cypher/explore/why_this_content`` answered from the snapshot's arrays, without caps: its counts are exact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.snapshot import Snapshot
from graph.snapshot.format import NO_TIME

__all__ = ["why"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

_NAMED: Final = 3
_LATELY: Final = 10
"""``together`` looks at so many of the contents that the person watched, the newest."""
_WEEK_MS: Final = 7 * 86_400_000
_VERBS: Final = ("liked", "shared", "commented", "watched")


def why(
    snapshot: Snapshot,
    user_id: str,
    contents: Ints,
    blocked: Ints,
    private: npt.NDArray[np.bool_],
    gone: npt.NDArray[np.bool_],
    now: int,
) -> dict[str, Row]:
    """Rows by content id.

    ``contents`` (C,) are nids, ``blocked`` (B,) nids of people blocked on either side, ``private`` (users,) says who
    must not be named, ``gone`` (contents,) what was taken down, ``now`` is in ms.
    """
    me = int(snapshot.users.nids([user_id])[0]) if user_id in snapshot.users else None
    person = _Person(snapshot, me, blocked, private, gone, now)
    return {row["contentId"]: row for row in map(person.row, contents.tolist())}


class _Person:
    """What is the same for all contents: whom the person follows, what they watched and made."""

    def __init__(
        self,
        snapshot: Snapshot,
        me: int | None,
        blocked: Ints,
        private: npt.NDArray[np.bool_],
        gone: npt.NDArray[np.bool_],
        now: int,
    ) -> None:
        self.snapshot, self.me, self.blocked, self.private, self.now = snapshot, me, blocked, private, now
        left_out = blocked if me is None else np.append(blocked, me)
        self.others_not = left_out
        self.friends = np.setdiff1d(self._mine(schema.FOLLOWS), left_out)
        self.seen = snapshot.watched.seen
        self.watched = self._mine(schema.WATCHED)[self.seen[self._my_rows()]]
        self.made = self._mine(schema.MADE)
        made = snapshot.edges[schema.MADE].outgoing
        self.unnamed = {content for person in blocked.tolist() for content in made.of(person).tolist()}
        self.unnamed.update(np.flatnonzero(gone).tolist())
        self.lately = self._lately()
        self.own_beats = self._own(self._beats)
        self.own_genres = self._own(self._genres)
        for did, type_ in (("listens to", schema.LISTENS_TO), ("creates in", schema.CREATES_IN)):
            self.own_genres |= {(genre, did): 0 for genre in self._mine(type_).tolist()}
        self.created = snapshot.contents.column("createdAt")
        self.own_hashtags = self._own(lambda content: self._after(schema.TAGGED, content))

    def row(self, content: int) -> Row:
        people, done = self._watchers(content)
        watchers, rows = people[self.seen[done]], done[self.seen[done]]
        hidden = np.isin(watchers, self.blocked)
        created = None if self.created is None else self.created[content]
        return {
            "contentId": self.snapshot.contents.ids[content],
            "createdAt": None if created is None or created == NO_TIME else int(created),
            "watchers": len(watchers),
            "hiddenWatchers": int(hidden.sum()),
            "recent": {"count": self._recent(rows[~hidden]), "atLeast": False},
            "followed": self._followed(people, done),
            "makers": self._makers(content),
            "together": self._together(content, watchers),
            "beats": self._shared(self.own_beats, self._beats(content), schema.CONTENT),
            "genres": self._shared(self.own_genres, self._genres(content), schema.GENRE),
            "hashtags": self._shared(self.own_hashtags, self._after(schema.TAGGED, content), schema.HASHTAG),
        }

    def _followed(self, watchers: Ints, rows: Ints) -> list[Row]:
        theirs = np.isin(watchers, self.friends)
        people, rows = watchers[theirs], rows[theirs]
        columns, times = self.snapshot.watched.columns, self._times(rows)
        facts = []
        for verb in _VERBS:
            did = self.seen[rows]
            if verb != "watched":
                did = (
                    np.asarray(columns[verb][rows], dtype=bool) if verb in columns else np.zeros(len(rows), dtype=bool)
                )
            known = times[did & (times != NO_TIME)]
            facts.append(
                {
                    "did": verb,
                    "count": int(did.sum()),
                    "atLeast": False,
                    "people": self._named(people[did]),
                    "at": int(known.max()) if len(known) else None,
                }
            )
        return facts

    def _makers(self, content: int) -> Row:
        makers = self.snapshot.edges[schema.MADE].incoming.of(content)
        theirs = np.intersect1d(makers, self.friends)
        return {"count": len(theirs), "people": self._named(theirs)}

    def _together(self, content: int, watchers: Ints) -> list[Row]:
        others = np.setdiff1d(watchers, self.others_not)
        ids = self.snapshot.contents.ids
        counts = [
            (len(np.intersect1d(others, self._watchers_alone(item))), str(ids[item]))
            for item in self.lately
            if item != content
        ]
        best = min(counts, key=lambda pair: (-pair[0], pair[1]), default=(0, ""))
        return [{"id": best[1], "count": best[0], "atLeast": False}] if best[0] else []

    def _recent(self, rows: Ints) -> int:
        times = self._times(rows)
        return int(((times > self.now - _WEEK_MS) & (times <= self.now)).sum())

    def _shared(self, own: dict[tuple[int, str], int], of_content: Iterable[int], label: str) -> list[Row]:
        nodes, here = self.snapshot.nodes[label], set(of_content)
        facts = []
        for (node, did), count in own.items():
            if node in here:
                known = nodes.frame.row(node, named=True)
                name = (known.get("name") if label == schema.GENRE else None) or known[nodes.key]
                facts.append({"id": name, "did": did, "count": count, "atLeast": False})
        return facts

    def _own(self, near: Any) -> dict[tuple[int, str], int]:
        """How many of the contents watched, and of those made, lead to each node."""
        counts: dict[tuple[int, str], int] = {}
        for did, items in (("watched", self.watched), ("made", self.made)):
            for item in items.tolist():
                for node in set(near(item)):
                    counts[node, did] = counts.get((node, did), 0) + 1
        return counts

    def _lately(self) -> list[int]:
        if self.me is None:
            return []
        rows = self._my_rows()
        times = self._times(rows[self.seen[rows]])
        ids = self.snapshot.contents.ids.gather(self.watched).to_list()
        order = sorted(range(len(times)), key=lambda n: (times[n] == NO_TIME, -int(times[n]), ids[n]))
        newest: list[int] = self.watched[order].tolist()
        return [item for item in newest if item not in self.unnamed][:_LATELY]

    def _beats(self, content: int) -> list[int]:
        carriers = [content, *self._after(schema.USES, content)]
        beats = (carrier for carrier in carriers if self.snapshot.kinds[carrier] == "beat")
        return [beat for beat in beats if beat not in self.unnamed]

    def _genres(self, content: int) -> list[int]:
        carriers = [content, *self._after(schema.USES, content)]
        return [genre for carrier in carriers for genre in self._after(schema.HAS_GENRE, carrier)]

    def _after(self, type_: str, node: int) -> list[int]:
        ends: list[int] = self.snapshot.edges[type_].outgoing.of(node).tolist()
        return ends

    def _mine(self, type_: str) -> Ints:
        if self.me is None:
            return np.empty(0, dtype=np.int64)
        return self.snapshot.edges[type_].outgoing.of(self.me).astype(np.int64)

    def _my_rows(self) -> Ints:
        indptr = self.snapshot.watched.indptr
        return np.arange(0 if self.me is None else indptr[self.me], 0 if self.me is None else indptr[self.me + 1])

    def _watchers_alone(self, content: int) -> Ints:
        people, rows = self._watchers(content)
        return people[self.seen[rows]]

    def _watchers(self, content: int) -> tuple[Ints, Ints]:
        """Who watched a content, liked, commented on or shared it, and the rows that say so."""
        incoming = self.snapshot.watched.incoming
        where = slice(incoming.indptr[content], incoming.indptr[content + 1])
        rows = np.arange(where.start, where.stop) if incoming.row is None else incoming.row[where]
        return incoming.neighbour[where].astype(np.int64), rows.astype(np.int64)

    def _times(self, rows: Ints) -> Ints:
        times = self.snapshot.watched.columns.get("lastAt")
        if times is None:
            return np.full(len(rows), NO_TIME, dtype=np.int64)
        return np.asarray(times[rows], dtype=np.int64)

    def _named(self, people: Ints) -> list[str]:
        ids: list[str] = self.snapshot.users.ids.gather(people[~self.private[people]]).to_list()
        return sorted(ids)[:_NAMED]
