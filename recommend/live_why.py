"""``cypher/explore/why_this_content`` answered from a `View`.

Its counts are exact, but for more than 5,000 watchers, of whom it says what the graph keeps. ``together`` has caps,
larger ones than the query's (`recommend.why_kernel`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph.live import View
from graph.live.rows import Links
from graph.live.tops import BEAT
from graph.snapshot import NO_TIME
from recommend.why_kernel import (
    BLOCKED,
    FRIEND,
    LATELY_ROWS,
    NAMED,
    TOGETHER_ROWS,
    VERBS,
    mark_friends,
    own_counts,
    watched_by,
)

__all__ = ["Why"]

Row = dict[str, Any]
_WEEK_MS: Final = 7 * 86_400_000
_NOWHERE: Final = -1


class Why:
    """Rows of reasons for one `View`. Whoever asks holds the view's lock: the scratch is shared."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._bits, self._marks = np.zeros(0, dtype=np.uint16), np.zeros(0, dtype=np.uint8)
        self._unnamed, self._places = np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int32)
        self._slots = {name: np.zeros(0, dtype=np.int32) for name in ("beats", "genres", "hashtags")}
        self._fit()

    def _fit(self) -> None:
        """Have scratch for all that is known by now."""
        view = self.view
        if len(self._marks) < len(view.users.rank):
            self._bits = np.zeros(len(view.users.rank), dtype=np.uint16)
            self._marks = np.zeros(len(view.users.rank), dtype=np.uint8)
        if len(self._unnamed) < len(view.contents.rank):
            self._unnamed = np.zeros(len(view.contents.rank), dtype=bool)
            self._places = np.full(len(view.contents.rank), _NOWHERE, dtype=np.int32)
        for name, ids in (("beats", view.contents), ("genres", view.genre_ids), ("hashtags", view.hashtags)):
            if len(self._slots[name]) < len(ids.rank):
                self._slots[name] = np.full(len(ids.rank), _NOWHERE, dtype=np.int32)

    def rows(self, me: int | None, contents: npt.NDArray[np.int64], blocked: set[int], now: int) -> dict[str, Row]:
        """The row of each of ``contents`` (C,), by its id, for a person who must not hear of those ``blocked``."""
        view, user = self.view, _NOWHERE if me is None else me
        self._fit()
        theirs = np.fromiter(blocked, dtype=np.int64)
        self._marks[theirs] = BLOCKED
        made = [content for person in blocked for content in view.made.of(person).tolist()]
        np.copyto(self._unnamed, view.taken_down)
        self._unnamed[made] = True
        if me is not None:
            mark_friends(view.follows.view, user, self._marks, FRIEND)
        try:
            counts, did, newest, names, together, mine = watched_by(
                view.watches.view,
                view.watchers.view,
                view.follows.view,
                view.users.rank,
                view.contents.rank,
                view.private,
                contents,
                user,
                now,
                _WEEK_MS,
                self._marks,
                theirs,
                self._bits,
                self._places,
                self._unnamed,
                view.audience,
                LATELY_ROWS,
                TOGETHER_ROWS,
            )
            shared = self._shared(user, contents)
            makers = [self._makers(content) for content in contents.tolist()]
        finally:
            self._marks[theirs] = 0
            if me is not None:
                mark_friends(view.follows.view, user, self._marks, 0)
        ids = view.contents.names(contents.tolist())
        people = view.users.names
        told = zip(ids, counts.tolist(), did.tolist(), newest.tolist(), names.tolist(), strict=True)
        rows: dict[str, Row] = {}
        for c, (content_id, (watchers, hidden, recent), verbs, at, who) in enumerate(told):
            created = int(view.created[contents[c]])
            rows[content_id] = {
                "contentId": content_id,
                "createdAt": None if created == NO_TIME else created,
                "watchers": watchers,
                "hiddenWatchers": hidden,
                "recent": {"count": recent, "atLeast": False},
                "followed": [
                    {
                        "did": verb,
                        "count": verbs[place],
                        "atLeast": False,
                        "people": people(one for one in who[place] if one >= 0),
                        "at": None if at[place] == NO_TIME else at[place],
                    }
                    for place, verb in enumerate(VERBS)
                    if verbs[place]
                ],
                "makers": makers[c],
                "together": self._together(together[c], mine),
                **shared[c],
            }
        return rows

    def _makers(self, content: int) -> Row:
        view = self.view
        theirs = [maker for maker in view.makers.of(content).tolist() if self._marks[maker] == FRIEND]
        named = sorted(view.users.names(maker for maker in theirs if not view.private[maker]))
        return {"count": len(theirs), "people": named[:NAMED]}

    def _together(self, counts: npt.NDArray[np.int64], mine: npt.NDArray[np.int64]) -> list[Row]:
        most = int(counts.max())
        if not most:
            return []
        equal = mine[counts == most]
        item = int(equal[np.argmin(self.view.contents.rank[equal])])
        return [{"id": self.view.contents.name(item), "count": most, "atLeast": False}]

    def _shared(self, me: int, contents: npt.NDArray[np.int64]) -> list[Row]:
        """What each content shares with those that the person watched or made, by beats, genres and hashtags."""
        view, numbers = self.view, contents.tolist()
        carriers = [[content, *view.uses.of(content).tolist()] for content in numbers]
        beats = [[n for n in one if view.kinds[n] == BEAT and not self._unnamed[n]] for one in carriers]
        genres = [[genre for carrier in one for genre in view.genres.of(carrier).tolist()] for one in carriers]
        hashtags = [view.tags.of(content).tolist() for content in numbers]
        taste: dict[int, list[Row]] = {}
        if me >= 0:
            for did, edges in (("listens to", view.listens), ("creates in", view.creates)):
                for genre in edges.of(me).tolist():
                    taste.setdefault(genre, []).append(
                        {"id": view.genre_names[genre], "did": did, "count": 0, "atLeast": False}
                    )
        told = {
            "beats": self._facts(me, "beats", beats, view.genres, 1, view.contents.name, {}),
            "genres": self._facts(me, "genres", genres, view.genres, 0, view.genre_names.__getitem__, taste),
            "hashtags": self._facts(me, "hashtags", hashtags, view.tags, -1, view.hashtags.name, {}),
        }
        return [{key: facts[place] for key, facts in told.items()} for place in range(len(numbers))]

    def _facts(
        self,
        me: int,
        what: str,
        wanted: Sequence[Sequence[int]],
        near: Links,
        beats: int,
        name: Callable[[int], str],
        further: dict[int, list[Row]],
    ) -> list[list[Row]]:
        distinct = sorted({node for nodes in wanted for node in nodes})
        if me < 0 or not distinct:
            return [[] for _ in wanted]
        slots = self._slots[what]
        slots[distinct] = np.arange(len(distinct))
        view = self.view
        counts = own_counts(
            view.watches.view, view.made.view, view.uses.view, near.view, me, slots, len(distinct), beats
        ).tolist()
        slots[distinct] = _NOWHERE
        facts: dict[int, list[Row]] = {}
        for node, own in zip(distinct, counts, strict=True):
            facts[node] = [
                {"id": name(node), "did": did, "count": count, "atLeast": False}
                for did, count in zip(("watched", "made"), own, strict=True)
                if count
            ] + further.get(node, [])
        return [[fact for node in dict.fromkeys(nodes) for fact in facts[node]] for nodes in wanted]
