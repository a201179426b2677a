"""Small graphs drawn by hypothesis, as facts; into Neo4j with plain Cypher of its own, and as a snapshot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import neo4j
import polars as pl
from hypothesis import strategies as st

from graph.database.driver import Graph
from graph.snapshot import Snapshot
from graph.snapshot.format import NO_TIME

DAY = 86_400_000
USERS = [f"u{n}" for n in range(6)]
KEAKS = [f"keaks/k{n}" for n in range(6)]
BEATS = [f"beats/b{n}" for n in range(3)]
TRACKS = [f"tracks/t{n}" for n in range(2)]
CONTENTS = sorted(KEAKS + BEATS + TRACKS)
GENRES = ["rap", "trap"]
HASHTAGS = ["fun", "night"]

_FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())
#: Days before now; None is an unknown time, negative ones are yet to come.
_AGES = st.sampled_from([None, 0.5, 2.0, 6.5, 8.0, 2_000.0, -0.5])
#: In place of an age: who only liked, commented or shared, or took that back.
NEVER = float("inf")


@dataclass(frozen=True)
class Drawn:
    """One graph."""

    now: int
    private: frozenset[str]
    created: dict[str, float | None]
    follows: frozenset[tuple[str, str]]
    blocked: frozenset[tuple[str, str]]
    hid: frozenset[tuple[str, str]]
    watched: dict[tuple[str, str], tuple[tuple[bool, bool, bool], float | None]]
    made: frozenset[tuple[str, str]]
    uses: frozenset[tuple[str, str]]
    genres: frozenset[tuple[str, str]]
    tagged: frozenset[tuple[str, str]]
    listens: frozenset[tuple[str, str]]
    creates: frozenset[tuple[str, str]]

    def at(self, age: float | None) -> int | None:
        return None if age in (None, NEVER) else int(self.now - age * DAY)


def _pairs(sources: list[str], targets: list[str], most: int) -> st.SearchStrategy[frozenset[tuple[str, str]]]:
    pair = st.tuples(st.sampled_from(sources), st.sampled_from(targets)).filter(lambda ends: ends[0] != ends[1])
    return st.frozensets(pair, max_size=most)


def graphs() -> st.SearchStrategy[Drawn]:
    watches = st.dictionaries(
        st.tuples(st.sampled_from(USERS), st.sampled_from(CONTENTS)),
        st.tuples(_FLAGS, _AGES | st.just(NEVER)),
        max_size=24,
    )
    return st.builds(
        Drawn,
        now=st.builds(lambda: int(1000 * time.time())),
        private=st.frozensets(st.sampled_from(USERS), max_size=2),
        created=st.fixed_dictionaries(dict.fromkeys(CONTENTS, _AGES)),
        follows=_pairs(USERS, USERS, 16),
        blocked=_pairs(USERS, USERS, 3),
        hid=_pairs(USERS, CONTENTS, 2),
        watched=watches,
        made=_pairs(USERS, CONTENTS, 6),
        uses=_pairs(KEAKS, BEATS, 5),
        genres=_pairs(CONTENTS, GENRES, 6),
        tagged=_pairs(KEAKS, HASHTAGS, 6),
        listens=_pairs(USERS, GENRES, 3),
        creates=_pairs(USERS, GENRES, 2),
    )


class Database:
    """The same Neo4j by a driver of the test's own: nothing of ours writes or checks."""

    def __init__(self, graph: Graph) -> None:
        where = graph.where
        self._driver = neo4j.GraphDatabase.driver(where.uri, auth=(where.user, where.password))
        self._database = where.database

    def ask(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._driver.session(database=self._database, notifications_min_severity="OFF") as session:
            return [record.data() for record in session.run(query, parameters)]

    def one(self, query: str, **parameters: Any) -> Any:
        """The single value of the single row."""
        ((value,),) = [row.values() for row in self.ask(query, **parameters)]
        return value

    def close(self) -> None:
        self._driver.close()

    def load(self, drawn: Drawn) -> None:
        """Replace everything by one graph."""
        self.ask("MATCH (n) WHERE NOT n:SchemaVersion DETACH DELETE n")
        self.ask(
            "UNWIND $users AS id CREATE (u:User {userId: id}) "
            "FOREACH (_ IN CASE WHEN id IN $private THEN [1] ELSE [] END | SET u.isPrivate = true)",
            users=USERS,
            private=list(drawn.private),
        )
        for label, contents in (("Keak", KEAKS), ("Beat", BEATS), ("Track", TRACKS)):
            rows = [{"id": content, "at": drawn.at(drawn.created[content])} for content in contents]
            self.ask(
                f"UNWIND $rows AS row CREATE (:Content:{label} {{contentId: row.id, createdAt: row.at}})", rows=rows
            )
        self.ask("UNWIND $names AS name CREATE (:Genre {genreId: name, name: name})", names=GENRES)
        self.ask("UNWIND $names AS name CREATE (:Hashtag {name: name})", names=HASHTAGS)
        for type_, pairs, source, target in (
            ("FOLLOWS", drawn.follows, "User {userId", "User {userId"),
            ("BLOCKED", drawn.blocked, "User {userId", "User {userId"),
            ("HID", drawn.hid, "User {userId", "Content {contentId"),
            ("MADE", drawn.made, "User {userId", "Content {contentId"),
            ("USES", drawn.uses, "Content {contentId", "Content {contentId"),
            ("HAS_GENRE", drawn.genres, "Content {contentId", "Genre {genreId"),
            ("TAGGED", drawn.tagged, "Content {contentId", "Hashtag {name"),
            ("LISTENS_TO", drawn.listens, "User {userId", "Genre {genreId"),
            ("CREATES_IN", drawn.creates, "User {userId", "Genre {genreId"),
        ):
            self.ask(
                f"UNWIND $pairs AS pair MATCH (a:{source}: pair[0]}}) MATCH (b:{target}: pair[1]}}) "
                f"CREATE (a)-[:{type_}]->(b)",
                pairs=sorted(map(list, pairs)),
            )
        watches = [
            {"user": user, "content": content, "flags": list(flags), "at": drawn.at(age), "count": int(age != NEVER)}
            for (user, content), (flags, age) in drawn.watched.items()
        ]
        self.ask(
            "UNWIND $rows AS row MATCH (u:User {userId: row.user}) MATCH (c:Content {contentId: row.content}) "
            "CREATE (u)-[watched:WATCHED {lastAt: row.at, watchCount: row.count}]->(c) "
            "SET watched.liked = row.flags[0], watched.shared = row.flags[1], watched.commented = row.flags[2]",
            rows=watches,
        )
        self.ask(
            "MATCH (c:Content) WITH c, COUNT { (c)<-[w:WATCHED]-() WHERE w.watchCount > 0 } AS audience "
            "WHERE audience > 0 SET c.audience = audience"
        )


def snapshot(drawn: Drawn) -> Snapshot:
    """The same as arrays."""
    ids = {"User": USERS, "Content": CONTENTS, "Genre": GENRES, "Hashtag": HASHTAGS}

    def edges(pairs: list[tuple[str, str]], source: str, target: str) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "source": pl.Series([ids[source].index(one) for one, _ in pairs], dtype=pl.Int32),
                "target": pl.Series([ids[target].index(other) for _, other in pairs], dtype=pl.Int32),
            }
        )

    watches = list(drawn.watched)
    told = [drawn.watched[pair] for pair in watches]
    flags = {
        name: pl.Series([one[place] for one, _ in told], dtype=pl.Boolean)
        for place, name in enumerate(("liked", "shared", "commented"))
    }
    counts = pl.Series([int(age != NEVER) for _, age in told], dtype=pl.Int32)
    times = [at if (at := drawn.at(age)) is not None else NO_TIME for _, age in told]
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": USERS, "isPrivate": [user in drawn.private for user in USERS]}),
            "Content": pl.DataFrame(
                {
                    "contentId": CONTENTS,
                    "kind": [content.split("s/")[0] for content in CONTENTS],
                    "createdAt": pl.Series([drawn.at(drawn.created[c]) for c in CONTENTS], dtype=pl.Int64),
                }
            ),
            "Genre": pl.DataFrame({"genreId": GENRES, "name": GENRES}),
            "Hashtag": pl.DataFrame({"name": HASHTAGS}),
        },
        {
            "FOLLOWS": edges(sorted(drawn.follows), "User", "User"),
            "BLOCKED": edges(sorted(drawn.blocked), "User", "User"),
            "HID": edges(sorted(drawn.hid), "User", "Content"),
            "MADE": edges(sorted(drawn.made), "User", "Content"),
            "USES": edges(sorted(drawn.uses), "Content", "Content"),
            "HAS_GENRE": edges(sorted(drawn.genres), "Content", "Genre"),
            "TAGGED": edges(sorted(drawn.tagged), "Content", "Hashtag"),
            "LISTENS_TO": edges(sorted(drawn.listens), "User", "Genre"),
            "CREATES_IN": edges(sorted(drawn.creates), "User", "Genre"),
            "WATCHED": edges(watches, "User", "Content").with_columns(
                lastAt=pl.Series(times, dtype=pl.Int64), watchCount=counts, **flags
            ),
        },
    )
