"""Reasons: for each content shown, sentences that are true, and the ids that prove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recommend.feed import Reason
from recommend.filters import Facts
from recommend.request import Request
from recommend.scorer import Scored
from recommend.sources import Candidate
from recommenders.core.recommender import Recommender

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["explain", "facts_from_graph"]

Row = Mapping[str, Any]

_MOST: Final = 3
_CAPS: Final = {"friends": 100, "perFriend": 200, "items": 100}
_SIMILAR: Final = 50
_IMPERSONAL: Final = ("trending", "fresh", "popular")


def facts_from_graph(graph: Graph, request: Request, content_ids: Sequence[str], deadline_ms: int) -> dict[str, Row]:
    """What connects a person to each content: people they follow, beats, genres and hashtags in common."""
    rows: dict[str, dict[str, Any]] = {content_id: {} for content_id in content_ids}
    for name in ("reasons/followed", "reasons/shared"):
        answer = graph.read(
            name,
            deadline_ms=deadline_ms,
            request_id=request.id,
            userId=request.user_id,
            contentIds=list(content_ids),
            **_CAPS,
        )
        for row in answer:
            rows[row["contentId"]] |= row
    return dict(rows)


def explain(
    chosen: Sequence[Scored],
    facts: Mapping[str, Facts],
    connections: Mapping[str, Row],
    request: Request,
    model: Recommender | None,
) -> list[tuple[Reason, ...]]:
    """Up to three reasons for each content, people first.

    What the sources said is used where ``connections`` is empty (no database, or no time left).
    """
    found = [[*_connected(connections.get(scored.content_id, {})), *_said(scored)][:_MOST] for scored in chosen]
    unexplained = [place for place, reasons in enumerate(found) if not reasons]
    if model and unexplained:
        similar = _similar(model, request.user_id, [chosen[place].content_id for place in unexplained])
        for place in unexplained:
            found[place] += similar.get(chosen[place].content_id, [])
    return [
        tuple(_distinct(reasons)) or (_popular(facts[scored.content_id]),)
        for scored, reasons in zip(chosen, found, strict=True)
    ]


def _connected(row: Row) -> list[Reason]:
    reasons = []
    if row.get("makers"):
        reasons.append(Reason("maker", f"Made by {_names(row['makers'])}, whom you follow", tuple(row["makers"])))
    if row.get("watched"):
        reasons.append(_friends(row))
    if row.get("beats"):
        reasons.append(Reason("beat", "More from a beat you used or watched", tuple(row["beats"])))
    if row.get("genres"):
        reasons.append(Reason("genre", f"In {_names(row['genres'])}, which you watch", tuple(row["genres"])))
    if row.get("hashtags"):
        names = [f"#{name.removeprefix('#')}" for name in row["hashtags"]]
        reasons.append(Reason("hashtag", f"Tagged {_names(names)} like what you watched", tuple(row["hashtags"])))
    return reasons


def _friends(row: Row) -> Reason:
    """The strongest thing they did: liking says more than sharing, and watching least."""
    counts = {
        "liked": row["liked"],
        "shared": row["shared"],
        "commented on": row["commented"],
        "watched": row["watched"],
    }
    verb, count = next((verb, count) for verb, count in counts.items() if count)
    people = row["people"][:count]
    return Reason("friends", _people(count, verb, people), tuple(people))


def _people(count: int, verb: str, named: Sequence[str]) -> str:
    who = f"{count} people you follow" if count != 1 else "Somebody you follow"
    return f"{who} {verb} it: {_names(named, count)}"


def _names(names: Sequence[str], count: int | None = None) -> str:
    more = (count or len(names)) - len(names)
    shown = [*names, f"{more} more"] if more else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _said(scored: Scored) -> list[Reason]:
    """A reason from each source's own evidence."""
    reasons = []
    for source, candidate in scored.said:
        if reason := _from_source(source.name, candidate):
            reasons.append(reason)
    return reasons


def _from_source(name: str, candidate: Candidate) -> Reason | None:
    evidence = candidate.evidence
    if not evidence and name not in _IMPERSONAL:
        return None
    match name:
        case "followed_activity":
            return Reason("friends", _people(candidate.count, "watched", evidence), evidence)
        case "followed_makers":
            return Reason("maker", f"Made by {_names(evidence)}, whom you follow", evidence)
        case "co_watch":
            return Reason("because", f"Because you watched {_names(evidence)}", evidence)
        case "same_beat":
            return Reason("beat", "More from a beat you used or watched", evidence)
        case "same_genre":
            return Reason("genre", f"Popular in {_names(evidence)}, which you watch", evidence)
        case "same_hashtag":
            names = [f"#{tag.removeprefix('#')}" for tag in evidence]
            return Reason("hashtag", f"Tagged {_names(names)} like what you watched", evidence)
        case "trending":
            return Reason("trending", "Trending now")
        case "fresh":
            return Reason("fresh", "Just published")
        case "popular":
            return Reason("popular", f"Popular: {candidate.count:,} people watched it")
        case _:
            return None


def _similar(model: Recommender, user_id: str, content_ids: Sequence[str]) -> dict[str, list[Reason]]:
    """For each content, the one the person watched that the model holds most similar."""
    snapshot = model.snapshot
    if user_id not in snapshot.users:
        return {}
    watched, me = snapshot.watched, int(snapshot.users.nids([user_id])[0])
    own = watched.target[watched.indptr[me] : watched.indptr[me + 1]]
    known = [content_id for content_id in content_ids if content_id in snapshot.contents]
    if not known or not len(own):
        return {}
    neighbours, _ = model.similar_items(snapshot.contents.nids(known), min(_SIMILAR, snapshot.contents.count - 1))
    reasons = {}
    for content_id, near in zip(known, neighbours, strict=True):
        mine = near[np.isin(near, own)]
        if len(mine):
            like = str(snapshot.contents.ids[int(mine[0])])
            reasons[content_id] = [Reason("similar", f"Similar to {like}, which you watched", (like,))]
        else:
            reasons[content_id] = [Reason("similar", "Fits what you and the people around you watch")]
    return reasons


def _popular(facts: Facts) -> Reason:
    if facts.audience:
        return Reason("popular", f"{facts.audience:,} people watched it")
    return Reason("fresh", "Hardly anybody has seen it yet")


def _distinct(reasons: Sequence[Reason]) -> list[Reason]:
    """The first of each kind: the graph's own answer comes before what a source said."""
    first: dict[str, Reason] = {}
    for reason in reasons:
        first.setdefault(reason.kind, reason)
    return list(first.values())
