"""The smaller questions: whom to follow, a neighbourhood to draw, what is known about a user or a content."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from graph import schema
from graph.errors import GraphUnavailable, UnknownContent, UnknownUser
from graph.snapshot import Snapshot
from recommend.feed import Link, Node, Person, Reason, Subgraph
from recommend.snapshot_source import SnapshotAnswers

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["content", "neighbourhood", "nothing_to_ask", "people", "user"]

_FRIENDS: Final = 100
_PER_FRIEND: Final = 100
_TIMES: Final = {*schema.USER_TIMES, *schema.KEAK_TIMES, *schema.BEAT_TIMES}


def people(
    graph: Graph | None, snapshot: Snapshot | None, answers: SnapshotAnswers | None, user_id: str, n: int
) -> list[Person]:
    """People followed by the people one follows, most mutual ones first. Raises UnknownUser."""
    if graph:
        rows = graph.read(
            "candidates/friends_of_friends", userId=user_id, friends=_FRIENDS, perFriend=_PER_FRIEND, limit=n
        )
        if not rows:
            user(graph, snapshot, user_id)
    elif answers and snapshot:
        if user_id not in snapshot.users:
            raise _unknown_user(user_id)
        rows = answers.friends_of_friends(user_id, n, friends=_FRIENDS, per_friend=_PER_FRIEND)
    else:
        raise nothing_to_ask()
    most = max((row["mutualCount"] for row in rows), default=1)
    return [
        Person(
            user_id=row["userId"],
            mutual_count=row["mutualCount"],
            mutual=tuple(row["mutual"]),
            score=row["mutualCount"] / most,
            reasons=(_followed_by(row["mutualCount"], row["mutual"]),),
        )
        for row in rows
    ]


def neighbourhood(graph: Graph, user_id: str, depth: int, limit: int) -> Subgraph:
    """A sample of at most ``limit`` relationships within ``depth`` steps of the user. Raises UnknownUser."""
    rows = graph.read(
        "neighbourhood/sampled",
        userId=user_id,
        depth=depth,
        perNode=max(5, limit // 8),
        perNeighbour=max(2, limit // 40),
        limit=limit,
    )
    me = Node(schema.USER_PREFIX + user_id, schema.USER, user_id, 0)
    if not rows:
        user(graph, None, user_id)
    nodes = {me.id: me}
    for row in rows:
        for end in ("source", "target"):
            found = Node(row[end], row[f"{end}Label"], row[f"{end}Name"] or row[end], row["step"])
            nodes.setdefault(found.id, found)
    links = tuple(Link(row["source"], row["target"], row["type"], row["properties"]) for row in rows)
    return Subgraph(tuple(nodes.values()), links)


def user(graph: Graph | None, snapshot: Snapshot | None, user_id: str) -> dict[str, Any]:
    """Properties, counts and genres of a user. Raises UnknownUser."""
    if graph:
        rows = graph.read("lookup/user", userId=user_id)
        if rows:
            return {"userId": user_id, **rows[0], "properties": _readable(rows[0]["properties"])}
    elif snapshot is None:
        raise nothing_to_ask()
    elif user_id in snapshot.users:
        me = int(snapshot.users.nids([user_id])[0])
        return {
            "userId": user_id,
            "properties": _readable(snapshot.users.frame.row(me, named=True)),
            "follows": _degree(snapshot.follows.indptr, me),
            "followers": _degree(snapshot.follows.incoming.indptr, me),
            "watched": _degree(snapshot.watched.indptr, me),
            "made": _degree(snapshot.edges[schema.MADE].indptr, me),
            "listensTo": _names(snapshot, schema.LISTENS_TO, me),
            "createsIn": _names(snapshot, schema.CREATES_IN, me),
        }
    raise _unknown_user(user_id)


def content(graph: Graph | None, snapshot: Snapshot | None, content_id: str) -> dict[str, Any]:
    """Kind, properties, counts and names of a content. Raises UnknownContent."""
    if graph:
        rows = graph.read("lookup/content", contentId=content_id)
        if rows:
            return {"contentId": content_id, **rows[0], "properties": _readable(rows[0]["properties"])}
    elif snapshot is None:
        raise nothing_to_ask()
    elif content_id in snapshot.contents:
        nid = int(snapshot.contents.nids([content_id])[0])
        uses = snapshot.edges[schema.USES]
        return {
            "contentId": content_id,
            "kind": str(snapshot.kinds[nid]),
            "properties": _readable(snapshot.contents.frame.row(nid, named=True)),
            "watchers": _degree(snapshot.watched.incoming.indptr, nid),
            "madeBy": snapshot.users.ids.gather(_sources(snapshot, schema.MADE, nid)).to_list(),
            "uses": snapshot.contents.ids.gather(uses.target[uses.indptr[nid] : uses.indptr[nid + 1]]).to_list(),
            "usedBy": _degree(uses.incoming.indptr, nid),
            "genres": _names(snapshot, schema.HAS_GENRE, nid),
            "moods": _names(snapshot, schema.HAS_MOOD, nid),
            "hashtags": _names(snapshot, schema.TAGGED, nid),
        }
    raise UnknownContent(
        f"No content has the id {content_id!r}.", do="Content ids are prefixed, such as keaks/123 or beats/123."
    )


def _followed_by(count: int, mutual: list[str]) -> Reason:
    who = "Somebody you follow follows" if count == 1 else f"{count} people you follow follow"
    return Reason("friends", f"{who} them: {', '.join(mutual)}", tuple(mutual))


def _readable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Times as ISO 8601 text; unknown values left out."""
    return {key: _time(value) if key in _TIMES else value for key, value in properties.items() if value is not None}


def _time(value: Any) -> str:
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(value / 1000, UTC)
    return at.isoformat().replace("+00:00", "Z")


def _degree(indptr: np.ndarray[Any, Any], node: int) -> int:
    return int(indptr[node + 1] - indptr[node])


def _sources(snapshot: Snapshot, type_: str, node: int) -> list[int]:
    incoming = snapshot.edges[type_].incoming
    found: list[int] = incoming.neighbour[incoming.indptr[node] : incoming.indptr[node + 1]].tolist()
    return found


def _names(snapshot: Snapshot, type_: str, node: int) -> list[str]:
    edges = snapshot.edges[type_]
    nodes = snapshot.nodes[schema.RELATIONSHIPS[type_].target]
    found = nodes.frame[edges.target[edges.indptr[node] : edges.indptr[node + 1]]]
    return sorted(row.get("name") or row[nodes.key] for row in found.iter_rows(named=True))


def _unknown_user(user_id: str) -> UnknownUser:
    return UnknownUser(f"No user has the id {user_id!r}.", do="User ids are bare, such as 123 instead of users/123.")


def nothing_to_ask() -> GraphUnavailable:
    """The error of a feed service that has neither a database that answers nor a snapshot."""
    return GraphUnavailable(
        "Neo4j does not answer, and there is no snapshot to answer from.",
        do="Start Neo4j (`entourage up`), and run `entourage export`.",
    )
