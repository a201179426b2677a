"""`Reader`: the interface of all queries of the service, with two implementations: Neo4j and the snapshot.

Both answer with the rows of the ``.cypher`` files, so that the code that uses them is the same for both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from graph import schema
from graph.identifiers import whole
from graph.settings import Settings
from graph.snapshot import Nodes, Snapshot
from graph.snapshot.engagement import UNKNOWN
from recommend.diversity import MOST_MADE, Traits
from recommend.filters import Facts
from recommend.request import Request, Seen
from recommend.restrictions import Restrictions
from recommend.sources import Candidate, Source
from recommend.today import today_of
from recommend.words import queries
from recommenders.core.today import Today

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["PEOPLE", "SAME_TASTE", "GraphReader", "Reader", "Row", "content_ids_of", "spelled"]

Row = dict[str, Any]

PEOPLE: Final = {"friends": 100, "perFriend": 100}
"""The caps of the question who is followed by those one follows."""
SAME_TASTE: Final = {"items": 30, "perItem": 100, "crowd": 1_000}
"""The caps of the question who watches the same."""
_SCANNED: Final = 1_000
"""Nodes that a search may find before they are ordered by audience."""


class Reader(Protocol):
    """What can be asked. ``deadline_ms`` of None is that of the settings.

    Each raises GraphUnavailable, GraphTimeout or another GraphError when Neo4j is asked and cannot answer.
    """

    def candidates(self, source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        """The proposals of a source, best first."""

    def facts(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Facts]:
        """What decides whether each content may be shown; contents that are not known are left out."""

    def traits(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Traits]:
        """The traits of contents; contents that are not known are left out."""

    def why(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Row]:
        """The row of ``explore/why_this_content`` of each content that is known."""

    def names(
        self, user_ids: Sequence[str], content_ids: Sequence[str], deadline_ms: int | None = None
    ) -> dict[str, str]:
        """Names by id ("users/1", "keaks/1"), as ``lookup/names`` finds them."""

    def people(self, user_id: str, n: int) -> list[Row] | None:
        """The rows of ``candidates/friends_of_friends``; None for somebody who is not known."""

    def same_taste(self, user_id: str, n: int, *, followed: bool) -> list[Row] | None:
        """The rows of ``candidates/same_taste``; None for somebody who is not known."""

    def neighbourhood(self, user_id: str, depth: int, limit: int) -> list[Row] | None:
        """The rows of ``neighbourhood/sampled``; None for somebody who is not known."""

    def user(self, user_id: str) -> Row | None:
        """The row of ``lookup/user``; None for somebody who is not known."""

    def content(self, content_id: str) -> Row | None:
        """The row of ``lookup/content``; None for a content that is not known."""

    def search(self, text: str, n: int, user_id: str | None, label: str | None) -> list[Row]:
        """The rows of ``lookup/search``; without people blocked on either side by ``user_id``."""


@dataclass(frozen=True)
class GraphReader:
    """Asks Neo4j."""

    graph: Graph
    settings: Settings
    implicit: bool
    """Whether every watch has engagement 1 (``graph.snapshot.engagement``)."""

    def candidates(self, source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        params: dict[str, Any] = {**source.caps}
        if source.personal:
            seen = self._seen(request, deadline_ms)
            params["seen"] = [*seen.watched, *seen.made]
        rows = self.graph.read(
            f"candidates/{source.name}",
            deadline_ms=max(1, deadline_ms),  # 0 would be no deadline
            request_id=request.id,
            userId=request.user_id,
            label=request.label,
            limit=request.pool,
            exclude=list(request.exclude),
            wanted=request.wanted.parameters,
            weights=self.settings.engagement.model_dump(),
            unknown=1.0 if self.implicit else UNKNOWN,
            before=request.replayed_before,
            least=request.composition.replay_engagement,
            **params,
        )
        return [Candidate(row["contentId"], row["score"], at=row.get("at")) for row in rows]

    def today(self, learned: Snapshot, request: Request, deadline_ms: int) -> Today | None:
        """What the person has done since a model learned, see `recommend.today`."""
        rows = self.graph.read(
            "lookup/done",
            deadline_ms=max(1, deadline_ms),
            request_id=request.id,
            userId=request.user_id,
            weights=self.settings.engagement.model_dump(),
            unknown=1.0 if self.implicit else UNKNOWN,
        )
        if not rows:
            return None
        watched = rows[0]["watched"]
        content_ids = [content_id for content_id, _ in watched]
        engagement = np.array([value for _, value in watched], dtype=np.float32)
        return today_of(learned, request.user_id, content_ids, engagement, rows[0]["follows"])

    def facts(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Facts]:
        rows = self.graph.read(
            "filters/facts",
            deadline_ms=max(1, deadline_ms),
            request_id=request.id,
            userId=request.user_id,
            contentIds=list(content_ids),
            watched=list(self._seen(request, deadline_ms, again=True).watched),
            wanted=request.wanted.parameters,
        )
        return {
            row["contentId"]: Facts(
                content_id=row["contentId"],
                kind=row["kind"],
                link=row["link"],
                made_by=tuple(row["madeBy"]),
                seen=row["seen"],
                own=row["own"],
                hidden=row["hidden"],
                blocked=row["blocked"],
                taken_down=row["takenDown"],
                wanted=row["wanted"],
            )
            for row in rows
        }

    def traits(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Traits]:
        rows = self.graph.read(
            "lookup/traits",
            deadline_ms=max(1, deadline_ms),
            request_id=request.id,
            contentIds=list(content_ids),
            counted=request.composition.new_makers > 0.0,
            most=MOST_MADE,
        )
        return {
            row["contentId"]: Traits(
                beats=tuple(row["beats"]),
                genres=tuple(row["genres"]),
                hashtags=tuple(row["hashtags"]),
                makers=tuple(row["makers"]),
                watchers=None if row["uncounted"] else max(row["watchers"], default=None),
            )
            for row in rows
        }

    def _seen(self, request: Request, deadline_ms: int, *, again: bool = False) -> Seen:
        """What the person has seen, asked of Neo4j once a request."""

        def ask() -> Seen:
            (row,) = self.graph.read(
                "filters/seen", deadline_ms=max(1, deadline_ms), request_id=request.id, userId=request.user_id
            )
            less = tuple((content_id, at) for content_id, at in row["less"])
            return Seen(frozenset(row["watched"]), frozenset(row["made"]), less)

        return request.seen.get(ask, deadline_ms, again=again)

    def restrictions(self, request: Request, deadline_ms: int) -> Restrictions:
        """What the person must not be shown, as of now."""
        (row,) = self.graph.read(
            "filters/restrictions", deadline_ms=max(1, deadline_ms), request_id=request.id, userId=request.user_id
        )
        blocked, hidden, seen = (frozenset(row[name]) for name in ("blocked", "hidden", "seen"))
        return Restrictions(blocked, hidden, seen, row["follows"])

    def followed(self, request: Request, deadline_ms: int) -> dict[str, tuple[int | None, bool]]:
        """Whom the person follows, since when (ms, None where it is unknown), and who of them is private."""
        (row,) = self.graph.read(
            "lookup/followed_now", deadline_ms=max(1, deadline_ms), request_id=request.id, userId=request.user_id
        )
        return {user_id: (since, private) for user_id, since, private in row["followed"]}

    def gone(self, request: Request, content_ids: Sequence[str], deadline_ms: int) -> frozenset[str]:
        """The contents that must not be shown any more: taken down, or not in the graph."""
        (row,) = self.graph.read(
            "filters/gone", deadline_ms=max(1, deadline_ms), request_id=request.id, contentIds=list(content_ids)
        )
        return frozenset(row["contentIds"])

    def why(self, request: Request, content_ids: Collection[str], deadline_ms: int) -> dict[str, Row]:
        rows = self.graph.read(
            "explore/why_this_content",
            deadline_ms=max(1, deadline_ms),
            request_id=request.id,
            userId=request.user_id,
            contentIds=list(content_ids),
            now=request.now,
        )
        return {row["contentId"]: row for row in rows}

    def names(
        self, user_ids: Sequence[str], content_ids: Sequence[str], deadline_ms: int | None = None
    ) -> dict[str, str]:
        rows = self.graph.read(
            "lookup/names", deadline_ms=deadline_ms, userIds=list(user_ids), contentIds=list(content_ids)
        )
        return {row["id"]: row["name"] for row in rows}

    def people(self, user_id: str, n: int) -> list[Row] | None:
        caps: dict[str, Any] = {**PEOPLE}
        rows = self.graph.read("candidates/friends_of_friends", userId=user_id, limit=n, **caps)
        return rows or self._nothing_for(user_id)

    def same_taste(self, user_id: str, n: int, *, followed: bool) -> list[Row] | None:
        caps: dict[str, Any] = {**SAME_TASTE}
        rows = self.graph.read("candidates/same_taste", userId=user_id, limit=n, followed=followed, **caps)
        return rows or self._nothing_for(user_id)

    def neighbourhood(self, user_id: str, depth: int, limit: int) -> list[Row] | None:
        rows = self.graph.read(
            "neighbourhood/sampled",
            userId=user_id,
            depth=depth,
            perNode=max(5, limit // 8),
            perNeighbour=max(2, limit // 40),
            limit=limit,
        )
        return rows or self._nothing_for(user_id)

    def user(self, user_id: str) -> Row | None:
        return next(iter(self.graph.read("lookup/user", userId=user_id)), None)

    def content(self, content_id: str) -> Row | None:
        return next(iter(self.graph.read("lookup/content", contentIds=content_ids_of(content_id))), None)

    def search(self, text: str, n: int, user_id: str | None, label: str | None) -> list[Row]:
        for words in queries(text):
            if words and label == schema.USER:
                # Of these fields, so that contents do not use up what may be found.
                words = f"{schema.USER_ID}:({words}) OR {schema.NAME}:({words})"
            rows = self.graph.read(
                "lookup/search",
                text=text,
                contentIds=content_ids_of(text),
                words=words,
                scanned=_SCANNED,
                userId=user_id,
                label=label,
                limit=n,
            )
            if rows:
                return rows
        return []

    def _nothing_for(self, user_id: str) -> list[Row] | None:
        return [] if self.user(user_id) else None


def spelled(text: str, contents: Nodes) -> str | None:
    """The id of the content that somebody means by ``text``; None where there is none."""
    return next((id_ for id_ in content_ids_of(text) if id_ in contents), None)


def content_ids_of(text: str) -> list[str]:
    """The content ids that somebody may mean by ``text``, the likeliest first: with and without a prefix.

    ``text`` is in canonical form. As the bare id of a keak or a beat, ``1.0`` is 1, and ``2.5`` is none.
    """
    found = [text]
    with suppress(ValueError):
        bare = whole(text)
        found += [schema.KEAK_PREFIX + bare, schema.BEAT_PREFIX + bare]
    return [*found, schema.TRACK_PREFIX + text]
