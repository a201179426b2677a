"""Sources: each proposes candidates for a person, its best first, and says what speaks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from baselines.recommender import Floats, Recommender, top_k
from graph.engagement import UNKNOWN
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.feed import Rung
from recommend.request import Request
from recommend.snapshot_source import SnapshotAnswers

if TYPE_CHECKING:
    from graph.driver import Graph

__all__ = [
    "AROUND",
    "GRAPH_SOURCES",
    "LAST_RESORT",
    "MODEL",
    "SNAPSHOT_SOURCES",
    "Candidate",
    "Source",
    "bind",
    "model_source",
]


@dataclass(frozen=True)
class Candidate:
    """A content that a source proposes."""

    content_id: str
    score: float
    """On the source's own scale; higher is better."""
    count: int = 0
    """How many people, contents or names speak for it."""
    evidence: tuple[str, ...] = ()
    """Up to three of them, the strongest first."""


@dataclass(frozen=True)
class Source:
    """How to ask for one sort of candidate."""

    name: str
    rung: Rung
    weight: float
    """What its first place is worth beside the other sources' (recommend/scorer.py)."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """The caps of its query, see cypher/candidates/."""


MODEL: Final = Source("model", "model", 4.0)

#: What the graph is asked for everyone. The caps bound each query on hubs too: `make bench-graph` times them.
GRAPH_SOURCES: Final = (
    Source("followed_activity", "friends", 1.0, {"friends": 100, "scanned": 100, "perFriend": 20}),
    Source("followed_makers", "friends", 0.8, {"friends": 200, "perFriend": 20, "scanned": 3000}),
    Source("co_watch", "graph", 1.0, {"scanned": 200, "items": 10, "perItem": 100, "perUser": 10}),
    Source("same_beat", "graph", 0.5, {"items": 50, "perBeat": 30}),
    Source(
        "same_genre",
        "graph",
        0.4,
        {"items": 30, "genres": 5, "scanned": 2000, "perGenre": 20, "scannedKeaks": 30, "perBeat": 3},
    ),
    Source("same_hashtag", "graph", 0.4, {"items": 50, "hashtags": 15, "perHashtag": 50}),
    Source("trending", "trending", 0.3, {"scanned": 3000}),
    Source("fresh", "trending", 0.2, {"scanned": 3000}),
)
#: Asked when the others left too few.
LAST_RESORT: Final = Source("popular", "popular", 0.2, {"scanned": 20_000})

#: What the snapshot can answer in their place when Neo4j is down.
SNAPSHOT_SOURCES: Final = tuple(source for source in GRAPH_SOURCES if source.name in SnapshotAnswers.NAMES)

AROUND: Final = {"scanned": 1000, "watches": 200, "people": 200}
"""The caps of what is asked about somebody to be placed."""

Ask = Callable[[Source, Request, int], list[Candidate]]
"""Asks a source on behalf of a request, within so many milliseconds."""


def bind(graph: Graph, settings: Settings, *, implicit: bool) -> Ask:
    """Ask sources of the graph; ``implicit`` as in ``graph.engagement``."""
    weights = settings.engagement.model_dump()

    def ask(source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        rows = graph.read(
            f"candidates/{source.name}",
            deadline_ms=deadline_ms,
            request_id=request.id,
            userId=request.user_id,
            label=request.label,
            limit=request.pool,
            weights=weights,
            unknown=1.0 if implicit else UNKNOWN,
            **source.caps,
        )
        return [Candidate(row["contentId"], row["score"], row["count"], tuple(row["evidence"])) for row in rows]

    return ask


def model_source(model: Recommender, graph: Graph | None = None) -> Ask:
    """Ask the model's own best, for users of whom its snapshot knows a watch or a follow.

    Others it places by what ``graph`` knows around them by now, where it can (`Recommender.newcomer_scores`). Nothing
    where neither can be, nor where it gives every content the same score: that is no opinion.
    """
    snapshot = model.snapshot
    ids = snapshot.contents.ids

    def ask(source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        allowed = None if request.kind is None else snapshot.kinds == request.kind
        most = min(2 * request.pool, len(ids))
        if (user := _known(snapshot, request.user_id)) is not None:
            found, scores = model.recommend(user, most, allowed=allowed, guess=False)
        else:
            placed = _placed(model, graph, request, deadline_ms) if graph else None
            if placed is None:
                return []
            if allowed is not None:
                placed[~allowed] = -np.inf
            found, scores = (row[0] for row in top_k(placed[None, :], most))
        known = found >= 0
        return [
            Candidate(content_id, float(score))
            for content_id, score in zip(ids.gather(found[known]).to_list(), scores[known], strict=True)
            if np.isfinite(score)
        ]

    return ask


def _known(snapshot: Snapshot, user_id: str) -> int | None:
    """The nid of somebody of whom the snapshot knows a watch or a follow."""
    if user_id not in snapshot.users:
        return None
    user = int(snapshot.users.nids([user_id])[0])
    known = any(edges.indptr[user + 1] > edges.indptr[user] for edges in (snapshot.watched, snapshot.follows))
    return user if known else None


def _placed(model: Recommender, graph: Graph, request: Request, deadline_ms: int) -> Floats | None:
    """Score of every content for somebody who came after the snapshot, without what they watched."""
    snapshot = model.snapshot
    rows = graph.read(
        "lookup/connections", deadline_ms=deadline_ms, request_id=request.id, userId=request.user_id, **AROUND
    )
    if not rows:
        return None

    watched = snapshot.contents.known(rows[0]["watched"])
    follows, followers = (snapshot.users.known(rows[0][column]) for column in ("follows", "followers"))
    scores = model.newcomer_scores(watched, follows, followers)
    if scores is not None:
        scores[watched] = -np.inf
    return scores
