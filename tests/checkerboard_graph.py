"""The checkerboard of ``tests.checkerboard`` in Neo4j, with a little of everything that the queries ask about.

Beside the two cliques: even keaks use beats/even (genre "even", made by u000), odd ones beats/odd (genre "odd", made by
u001); every keak is tagged with its parity; keak n was made at minute n, and was watched at minute n of the day by
everyone who watched it, liked by users below 10, with full progress. The beats themselves nobody watched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graph.database.driver import Graph
from graph.load import watch
from tests import checkerboard

__all__ = ["DAY", "MINUTE", "PARITIES", "load", "watched_at"]

MINUTE = 60_000
DAY = 1_700_000_000_000
PARITIES = ("even", "odd")


def watched_at(keak: int) -> int:
    """When keak number ``keak`` was watched, in milliseconds."""
    return DAY + keak * MINUTE


def load(graph: Graph) -> None:
    """Load it through the import's own queries."""
    users, keaks = checkerboard.users(), checkerboard.contents()
    beats = [f"beats/{parity}" for parity in PARITIES]

    def send(query: str, rows: Sequence[Any], **extra: Any) -> None:
        graph.write(f"load/{query}", deadline_ms=0, rows=rows, **extra)

    def nodes(query: str, ids: Sequence[str], **columns: Sequence[Any]) -> None:
        rows = [{"id": id_, "properties": {k: v[n] for k, v in columns.items()}} for n, id_ in enumerate(ids)]
        send(query, rows)

    def links(query: str, pairs: Iterable[tuple[str, str]]) -> None:
        send(query, [[source, [[target]]] for source, target in pairs])

    nodes("users", users)
    nodes("keaks", keaks, createdAt=[DAY + n * MINUTE for n in range(len(keaks))])
    nodes("beats", beats)
    nodes("genres", PARITIES, name=PARITIES)
    nodes("hashtags", PARITIES)
    links("has_genre", zip(beats, PARITIES, strict=True))
    links("made", zip(users[:2], beats, strict=True))
    links("uses", [(keak, beats[n % 2]) for n, keak in enumerate(keaks)])
    links("tagged", [(keak, PARITIES[n % 2]) for n, keak in enumerate(keaks)])
    send("follows", [[users[u], [[users[v], None]]] for u, v in checkerboard.follow_pairs()])
    send(
        "watched",
        [
            [users[u], [[keaks[k], 1.0, u < 10, False, False, 1, watched_at(k), watched_at(k)]]]
            for u, k in checkerboard.watched_pairs()
        ],
        most=watch.MAX_TIMES,
    )
    graph.write("load/settle", deadline_ms=0, contents=keaks, rate=watch.RATE)
