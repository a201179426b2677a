"""The smaller questions: whom to follow, a neighbourhood to draw, what is known about a user or a content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from graph import schema
from graph.errors import GraphUnavailable, UnknownContent, UnknownUser
from recommend.feed import Link, Node, Person, Subgraph
from recommend.reader import Reader, Row
from recommend.reasons import followed_by, same_taste
from recommend.scorer import score
from recommend.sources import Candidate, Source

__all__ = ["content", "known_content", "neighbourhood", "nothing_to_ask", "people", "similar_people", "user"]

_FRIENDS: Final = Source("friends_of_friends", "friends", 1.0)
_TASTE: Final = Source("same_taste", "graph", 0.5)
"""Weights set by hand, so that friends of several friends come before people who only watch the same."""
_TIMES: Final = {*schema.USER_TIMES, *schema.KEAK_TIMES, *schema.BEAT_TIMES}


def people(reader: Reader, user_id: str, n: int, gone: Collection[str] = ()) -> list[Person]:
    """Whom to follow: followed by those one follows, or watching the same, the best first. Raises UnknownUser.

    No content of ``gone`` is named.

    The two sources are fused by the places at which they name somebody, as contents are (`recommend.scorer`).
    """
    mutual, alike = reader.people(user_id, n), reader.same_taste(user_id, n, followed=False)
    if mutual is None or alike is None:
        raise _unknown_user(user_id)
    by_id = {"friends_of_friends": _by_id(mutual), "same_taste": _by_id(alike, gone)}
    asked = [(_FRIENDS, mutual), (_TASTE, alike)]
    scored = score([(source, [Candidate(row["userId"], 0.0) for row in rows]) for source, rows in asked])
    return [_person(one.content_id, one.score, one.said, by_id) for one in scored[:n]]


def similar_people(reader: Reader, user_id: str, n: int, gone: Collection[str] = ()) -> list[Person]:
    """People who watch the same, those one follows too, the most alike first. Raises UnknownUser.

    No content of ``gone`` is named.
    """
    rows = reader.same_taste(user_id, n, followed=True)
    if rows is None:
        raise _unknown_user(user_id)
    most = max((row["score"] for row in rows), default=1.0)
    by_id = {"friends_of_friends": {}, "same_taste": _by_id(rows, gone)}
    return [_person(row["userId"], row["score"] / most, ((_TASTE, None),), by_id) for row in rows]


def _by_id(rows: Sequence[Row], gone: Collection[str] = ()) -> dict[str, Row]:
    """Rows by user, without the contents of ``gone`` in their evidence."""
    if not gone:
        return {row["userId"]: row for row in rows}
    return {row["userId"]: row | {"evidence": [one for one in row["evidence"] if one not in gone]} for row in rows}


def _person(
    user_id: str, score: float, said: Sequence[tuple[Source, Any]], by_id: Mapping[str, Mapping[str, Row]]
) -> Person:
    mutual, alike = (by_id[source].get(user_id, {}) for source in ("friends_of_friends", "same_taste"))
    reasons = {}
    if mutual:
        reasons["friends_of_friends"] = followed_by(mutual["mutualCount"], mutual["mutual"])
    if alike:
        reasons["same_taste"] = same_taste(alike["count"], alike["evidence"])
    return Person(
        user_id=user_id,
        mutual_count=mutual.get("mutualCount", 0),
        mutual=tuple(mutual.get("mutual", ())),
        score=round(score, 6),
        sources=tuple(source.name for source, _ in said),
        shared_count=alike.get("count", 0),
        shared=tuple(alike.get("evidence", ())),
        followed=alike.get("followed", False),
        reasons=tuple(reasons[source.name] for source, _ in said),
    )


def neighbourhood(reader: Reader, user_id: str, depth: int, limit: int, gone: Collection[str] = ()) -> Subgraph:
    """A sample of at most ``limit`` relationships within ``depth`` steps of the user, without the contents of ``gone``.

    Raises UnknownUser.
    """
    rows = reader.neighbourhood(user_id, depth, limit)
    if rows is None:
        raise _unknown_user(user_id)
    rows = [row for row in rows if row["source"] not in gone and row["target"] not in gone]
    me = schema.USER_PREFIX + user_id
    nodes = {me: Node(me, schema.USER, user_id, 0)}
    for row in rows:
        for end in ("source", "target"):
            depth = 0 if row[end] == me else row["step"]
            node = Node(row[end], row[f"{end}Label"], row[f"{end}Name"] or row[end], depth)
            if depth == 0:
                nodes[me] = node
            nodes.setdefault(node.id, node)
    links = tuple(Link(row["source"], row["target"], row["type"], row["properties"]) for row in rows)
    return Subgraph(tuple(nodes.values()), links)


def user(reader: Reader, user_id: str) -> dict[str, Any]:
    """Properties, counts and genres of a user. Raises UnknownUser."""
    row = reader.user(user_id)
    if row is None:
        raise _unknown_user(user_id)
    return {"userId": user_id, **row, "properties": _readable(row["properties"])}


def content(reader: Reader, content_id: str, gone: Collection[str] = ()) -> dict[str, Any]:
    """Kind, properties, counts and names of a content, also without the prefix of its id.

    Raises UnknownContent, also for those that are ``gone``.
    """
    row = known_content(reader, content_id, gone)
    makers, uses = row["madeBy"], row["uses"]
    names = reader.names(makers, [row["contentId"], *uses])
    return {**row, "properties": _readable(row["properties"]), "displayNames": names}


def known_content(reader: Reader, content_id: str, gone: Collection[str] = ()) -> Row:
    """The row of ``lookup/content``, also without the prefix of the id. Raises UnknownContent."""
    row = reader.content(content_id)
    if row is None or row["contentId"] in gone:
        raise UnknownContent(
            f"No content has the id {content_id!r}.",
            do="An id is whole, with its prefix if it has one, such as keaks/123; in an address all of it is encoded.",
        )
    return row


def _readable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Times as ISO 8601 text; unknown values left out."""
    return {key: _time(value) if key in _TIMES else value for key, value in properties.items() if value is not None}


def _time(value: Any) -> Any:
    """The text of a time; as it is where it is none."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, TypeError, ValueError):
        return value
    return at.isoformat().replace("+00:00", "Z")


def _unknown_user(user_id: str) -> UnknownUser:
    return UnknownUser(f"No user has the id {user_id!r}.", do="Check its spelling; it is the id as in users.jsonl.")


def nothing_to_ask() -> GraphUnavailable:
    """The error of a feed service that has neither a database that answers nor a snapshot."""
    return GraphUnavailable(
        "Neo4j does not answer, and there is no snapshot to answer from.",
        do="Start Neo4j (`entourage up`), and run `entourage export`.",
    )
