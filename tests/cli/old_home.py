"""A home and a graph as the version before the first format left them."""

from __future__ import annotations

import json
from typing import Final

import neo4j

import cypher
from graph.database.connection import connection
from graph.settings import Settings

__all__ = ["DAY", "fill", "fill_graph", "fill_home", "statements"]

DAY: Final = 86_400_000
_SEEN: Final = ("schema/V0001__keys", "schema/V0002__serving")

#: Ada watched k1 once and liked it later, liked k2 without watching it, watched k3 twice in one millisecond, k4 three
#: times without a time, and b1 five times on two days. Bob follows her and watched k1. k1 to k4 have a hashtag in two
#: spellings.
_DATA: Final = """
CREATE (ada:User {userId: 'ada', battleCount: 3, battleWonCount: 1, prizeMoneyWon: 12.5, prizeMoneyGiven: 1.0}),
       (bob:User {userId: 'bob', battleCount: 0, prizeMoneyWon: 0.0}),
       (k1:Content:Keak {contentId: 'keaks/1', createdAt: $day, audience: 2, trend: 99.0}),
       (k2:Content:Keak {contentId: 'keaks/2', audience: 1}),
       (k3:Content:Keak {contentId: 'keaks/3', audience: 1}),
       (k4:Content:Keak {contentId: 'keaks/4', audience: 1}),
       (b1:Content:Beat {contentId: 'beats/1', licenceType: 'free', bpm: 90, audience: 1}),
       (ada)-[:WATCHED {progress: 0.5, liked: true, watchCount: 1, firstAt: $day, lastAt: 2 * $day}]->(k1),
       (ada)-[:WATCHED {liked: true, watchCount: 0, firstAt: $day, lastAt: $day}]->(k2),
       (ada)-[:WATCHED {progress: 1.0, shared: false, watchCount: 2, firstAt: $day, lastAt: $day}]->(k3),
       (ada)-[:WATCHED {commented: true, watchCount: 3}]->(k4),
       (ada)-[:WATCHED {progress: 1.0, watchCount: 5, firstAt: $day, lastAt: 3 * $day}]->(b1),
       (bob)-[:WATCHED {progress: 0.25, liked: false, watchCount: 1, firstAt: $day, lastAt: $day}]->(k1),
       (bob)-[:FOLLOWS {since: $day}]->(ada),
       (k1)-[:TAGGED]->(:Hashtag {name: 'fun'})<-[:TAGGED]-(k2),
       (k1)-[:TAGGED]->(upper:Hashtag {name: 'Fun'})<-[:TAGGED]-(k3),
       (upper)<-[:TAGGED]-(k4),
       (:Event {eventId: 'e1', at: $day, times: 1})
"""


def statements(name: str) -> list[str]:
    """The statements of a schema file."""
    lines = [line for line in cypher.load(name).splitlines() if not line.startswith("//")]
    return [text for text in "\n".join(lines).split(";") if text.strip()]


def fill(settings: Settings) -> None:
    """Empty the graph and fill it and the home in the old way."""
    fill_graph(settings)
    fill_home(settings)


def fill_home(settings: Settings) -> None:
    """Fill the home in the old way."""
    (settings.home / "format").unlink(missing_ok=True)
    for name in ("gat", "ease"):
        folder = settings.model_path(name)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"model": name, "format": 5, "graph_id": "old"}))
    checkpoint = settings.model_path("gat.checkpoint")
    checkpoint.mkdir()
    (checkpoint / "state.pt").write_bytes(b"old")
    (settings.home / "recent.sqlite3").write_bytes(b"old")
    settings.snapshot_path.mkdir()
    (settings.snapshot_path / "manifest.json").write_text('{"version": 1, "graph_id": "old"}')


def fill_graph(settings: Settings) -> None:
    """Empty the graph and fill it in the old way."""
    where = connection(settings)
    with (
        neo4j.GraphDatabase.driver(where.uri, auth=(where.user, where.password)) as driver,
        driver.session(database=where.database) as session,
    ):
        session.run("MATCH (node) DETACH DELETE node").consume()
        for (name,) in session.run("SHOW CONSTRAINTS YIELD name RETURN name").values():
            session.run(f"DROP CONSTRAINT `{name}`").consume()
        for (name,) in session.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name").values():
            session.run(f"DROP INDEX `{name}`").consume()
        for name in _SEEN:
            for text in statements(name):
                session.run(text).consume()
            session.run("CREATE (:SchemaVersion {name: $name, appliedAt: datetime()})", name=name).consume()
        session.run(_DATA, day=DAY).consume()
