"""Sources: each proposes candidates for a person, its best first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from graph.snapshot import Snapshot
from recommend.feed import Rung
from recommend.request import Request
from recommend.snapshot_source import SnapshotAnswers
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, top_k_left

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = [
    "AROUND",
    "GRAPH_SOURCES",
    "LAST_RESORT",
    "MODEL",
    "REPLAYS",
    "SNAPSHOT_SOURCES",
    "UNWATCHED",
    "Candidate",
    "Source",
    "asked_of_graph",
    "best_for_known",
    "best_for_newcomer",
    "best_for_session",
    "knows",
]


@dataclass(frozen=True)
class Candidate:
    """A content that a source proposes."""

    content_id: str
    score: float
    """The score on the source's own scale; higher is better."""
    rank: int | None = None
    """The place, from 0, among all that the source would name, if it names only some; else the place in its list."""
    at: int | None = None
    """When the person last watched it, ms; only for a replay."""


@dataclass(frozen=True)
class Source:
    """A source of one sort of candidate, and how to ask it."""

    name: str
    rung: Rung
    weight: float
    """Weight of the source in the fusion (recommend/scorer.py). By hand."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """The caps of its query, see cypher/candidates/."""
    personal: bool = True
    """Whether its query leaves out what the person has seen; the others name the same for everybody."""


MODEL: Final = Source("model", "model", 4.0)

#: The queries that are run for everyone. Their caps bound the time on nodes with many relationships too: see
#: `make bench-graph`.
GRAPH_SOURCES: Final = (
    Source("followed_activity", "friends", 1.0, {"friends": 100, "perFriend": 20}),
    Source("followed_makers", "friends", 0.8, {"friends": 200, "perFriend": 20, "scanned": 3000}),
    Source("co_watch", "graph", 1.0, {"items": 10, "perItem": 20, "perUser": 10, "crowd": 1000, "busy": 300}),
    Source("same_beat", "graph", 0.5, {"items": 50, "beats": 20, "perBeat": 30}),
    Source(
        "same_genre",
        "graph",
        0.4,
        {"items": 30, "genres": 3, "perGenre": 20, "perBeat": 3, "crowd": 500, "walked": 1000},
    ),
    Source("same_hashtag", "graph", 0.4, {"items": 50, "hashtags": 15, "perHashtag": 50, "crowd": 2000}),
    Source("trending", "trending", 0.3, personal=False),
    Source("fresh", "trending", 0.2, personal=False),
)
#: Asked if the others propose too few; this query leaves out what the filters would remove.
LAST_RESORT: Final = Source("popular", "popular", 0.2)
#: Asked if there are still too few.
UNWATCHED: Final = Source("unwatched", "popular", 0.1)

#: Asked where the request wants replays, which the other queries leave out as seen.
REPLAYS: Final = Source("replays", "graph", 1.0, {"items": 500}, personal=False)

#: The sources that the snapshot can answer when Neo4j is down.
SNAPSHOT_SOURCES: Final = tuple(source for source in GRAPH_SOURCES if source.name in SnapshotAnswers.NAMES)

AROUND: Final = {"watches": 200, "people": 200, "crowd": 10_000}
"""The caps of the query about a newcomer whom the model places."""

_NOBODY: Final = np.zeros(0, dtype=np.int64)


def asked_of_graph(request: Request) -> tuple[Source, ...]:
    """The sources of the graph that a request needs."""
    return (*GRAPH_SOURCES, REPLAYS) if request.replays else GRAPH_SOURCES


def best_for_known(model: Recommender, request: Request, today: Today | None = None) -> list[Candidate]:
    """The model's best contents for users with a watch or a follow in its snapshot; nothing for others.

    By what they have done until ``today`` where that is given and the model follows it. Also nothing if the model gives
    every content the same score. Where the model has a shortlist, and it holds as many as a source may propose,
    nothing beyond it.
    """
    snapshot = model.snapshot
    if not knows(snapshot, request.user_id):
        return []
    user = int(snapshot.users.nids([request.user_id])[0])
    allowed = _allowed(snapshot, request)
    share = 1.0 if allowed is None else max(float(allowed.mean()), 1e-9)
    if (short := model.shortlist(user, today, least=request.pool / share)) is not None:
        found, scores = short
        if allowed is not None:
            wanted = allowed[found]
            found, scores = found[wanted], scores[wanted]
        if len(found) >= request.pool:
            return _named(snapshot, found[: 2 * request.pool], scores[: 2 * request.pool])
    moved = model.moved_scores(today) if today else None
    if today is not None and moved is not None:
        return _best_of(model, moved, today.watched, allowed, request)
    most = min(2 * request.pool, snapshot.contents.count)
    return _named(snapshot, *model.recommend(user, most, allowed=allowed, guess=False))


def best_for_newcomer(model: Recommender, graph: Graph, request: Request, deadline_ms: int) -> list[Candidate]:
    """The model's best contents for all other users, by their neighbours in the graph (`Recommender.newcomer_scores`).

    Nothing if the model cannot score the user, or gives every content the same score. Raises the errors of
    `Graph.read`.
    """
    snapshot = model.snapshot
    rows = graph.read(
        "lookup/connections", deadline_ms=deadline_ms, request_id=request.id, userId=request.user_id, **AROUND
    )
    if not rows:
        return []
    watched = snapshot.contents.known(reversed(rows[0]["watched"]))  # the newest last, as models of sequences expect
    follows, followers = (snapshot.users.known(rows[0][column]) for column in ("follows", "followers"))
    return _for_newcomer(model, request, watched, (follows, followers), rows[0]["properties"])


def best_for_session(model: Recommender, request: Request) -> list[Candidate]:
    """The model's best contents for somebody without an id, by the contents of ``request.session``; needs no graph."""
    watched = model.snapshot.contents.known(request.session)
    return _for_newcomer(model, request, watched, (_NOBODY, _NOBODY), {})


def _for_newcomer(
    model: Recommender, request: Request, watched: Ints, people: tuple[Ints, Ints], properties: Mapping[str, Any]
) -> list[Candidate]:
    """The best contents for somebody by what they watched and by the people around them."""
    scores = model.newcomer_scores(watched, *people, properties=properties)
    return [] if scores is None else _best_of(model, scores, watched, _allowed(model.snapshot, request), request)


def _best_of(
    model: Recommender, scores: Floats, watched: Ints, allowed: npt.NDArray[np.bool_] | None, request: Request
) -> list[Candidate]:
    """The contents with the highest ``scores`` that are `_allowed` and not ``watched``; none if all have the same."""
    known = model.known_contents
    open_ = np.ones(len(scores), dtype=bool) if known is None else known.copy()
    open_[watched] = False
    if scores.min(where=open_, initial=np.inf) >= scores.max(where=open_, initial=-np.inf):
        return []
    found, best = top_k_left(scores[None, :], 2 * request.pool, (0, watched), known, allowed)
    return _named(model.snapshot, found[0], best[0])


def knows(snapshot: Snapshot, user_id: str) -> bool:
    """Whether the snapshot has a watch or a follow of somebody."""
    if user_id not in snapshot.users:
        return False
    user = int(snapshot.users.nids([user_id])[0])
    return any(edges.indptr[user + 1] > edges.indptr[user] for edges in (snapshot.watched, snapshot.follows))


def _allowed(snapshot: Snapshot, request: Request) -> npt.NDArray[np.bool_] | None:
    """Whether each content is what the request asks for; None where all are."""
    wanted = request.wanted_in(snapshot)
    if request.kind is None:
        return wanted
    of_kind = np.asarray(snapshot.kinds == request.kind)
    return of_kind if wanted is None else of_kind & wanted


def _named(snapshot: Snapshot, found: Ints, scores: Floats) -> list[Candidate]:
    """The contents of one `top_k` as candidates."""
    kept = (found >= 0) & np.isfinite(scores)
    ids = snapshot.contents.keys
    return [Candidate(ids[nid], score) for nid, score in zip(found[kept].tolist(), scores[kept].tolist(), strict=True)]
