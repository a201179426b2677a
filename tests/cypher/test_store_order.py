"""One graph loaded in three shuffled orders gives the same answers to every candidate query, whatever its caps keep."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

import cypher
from graph.database.driver import Graph
from graph.load import watch
from graph.settings import Engagement
from recommend.sources import AROUND, GRAPH_SOURCES, LAST_RESORT, UNWATCHED
from tests.conftest import empty, seen_by

PEOPLE = [f"u{n:02}" for n in range(24)]
KEAKS = [f"keaks/{n:02}" for n in range(40)]
BEATS = [f"beats/{n}" for n in range(5)]
TIGHT = {
    "friends": 3, "perFriend": 3, "items": 4, "perItem": 3, "perUser": 3, "perBeat": 2, "beats": 2, "genres": 2,
    "perGenre": 2, "hashtags": 3, "perHashtag": 4, "scanned": 9, "walked": 9, "watches": 3, "people": 3,
}  # fmt: skip
"""Caps that are all reached."""
WRITTEN = {"200": "3", "500": "9", "300": "4", "5000": "60", "1500": "20"}
"""Those that stand in the text of a query, and what they become."""


def load(graph: Graph, seed: int) -> None:
    """The same facts, whatever the seed: only the order of writing differs. Many times are equal, some unknown."""
    facts, order = random.Random(0), random.Random(seed)

    def send(query: str, rows: list[Any], **extra: Any) -> None:
        order.shuffle(rows)
        for start in range(0, len(rows), 20):
            graph.write(f"load/{query}", deadline_ms=0, rows=rows[start : start + 20], **extra)

    def some(number: int) -> list[int | None]:
        return [facts.choice([None, *range(1_000, 1_006)]) for _ in range(number)]

    send("users", [{"id": id_, "properties": {}} for id_ in PEOPLE])
    times = zip(KEAKS, some(len(KEAKS)), strict=True)
    send("keaks", [{"id": id_, "properties": {"createdAt": at} if at else {}} for id_, at in times])
    send("beats", [{"id": id_, "properties": {}} for id_ in BEATS])
    send("genres", [{"id": id_, "properties": {"name": id_}} for id_ in "gh"])
    send("hashtags", [{"id": id_, "properties": {}} for id_ in "stu"])
    send("has_genre", [[beat, [[genre]]] for beat in BEATS for genre in "gh" if facts.random() < 0.8])
    send("uses", [[keak, [[facts.choice(BEATS)]]] for keak in KEAKS])
    send("tagged", [[keak, [[tag]]] for keak in KEAKS for tag in "stu" if facts.random() < 0.4])
    send("made", [[facts.choice(PEOPLE), [[keak]]] for keak in KEAKS])
    pairs = [(a, b) for a in PEOPLE for b in PEOPLE if a != b and facts.random() < 0.4]
    send("follows", [[a, [[b, at]]] for (a, b), at in zip(pairs, some(len(pairs)), strict=True)])
    seen = [(person, keak) for person in PEOPLE for keak in KEAKS if facts.random() < 0.3]
    rows = [
        [person, [[keak, 0.5, facts.random() < 0.3, None, None, 1, at, at]]]
        for (person, keak), at in zip(seen, some(len(seen)), strict=True)
    ]
    send("watched", rows, most=watch.MAX_TIMES)
    graph.write("load/settle", deadline_ms=0, contents=KEAKS + BEATS, rate=watch.RATE)


def answers(graph: Graph) -> dict[tuple[str, str], Any]:
    weights = Engagement().model_dump()
    found: dict[tuple[str, str], Any] = {}
    for person in PEOPLE[::6]:
        seen = seen_by(graph, person)
        for source in (*GRAPH_SOURCES, LAST_RESORT, UNWATCHED):
            caps: dict[str, Any] = {cap: TIGHT.get(cap, value) for cap, value in source.caps.items()}
            common: dict[str, Any] = {
                "label": "Content",
                "limit": 7,
                "weights": weights,
                "unknown": 0.5,
                "exclude": [],
                "wanted": {},
            }
            rows = graph.read(f"candidates/{source.name}", userId=person, seen=seen, **common, **caps)
            found[source.name, person] = [
                (row["contentId"], round(row["score"], 9), row["count"], row["evidence"]) for row in rows
            ]
        found["people", person] = graph.read(
            "candidates/friends_of_friends", userId=person, friends=3, perFriend=3, limit=7
        )
        found["taste", person] = [
            row | {"score": round(row["score"], 9)}
            for row in graph.read(
                "candidates/same_taste", userId=person, items=3, perItem=3, crowd=9, followed=True, limit=7
            )
        ]
        around: dict[str, Any] = {cap: TIGHT.get(cap, value) for cap, value in AROUND.items()}
        found["why", person] = graph.read(
            "test/tight_why", userId=person, contentIds=[*KEAKS, *BEATS], now=watch.HALF_LIFE_MS
        )
        found["connections", person] = graph.read("lookup/connections", userId=person, **around)
    return found


@pytest.mark.timeout(600)
def test_three_orders_of_writing_give_the_same_answers(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cypher.load
    text = real("explore/why_this_content")
    why, caps = re.subn(r"(LIMIT |> |<= )(\d{3,5})\b", lambda cap: cap[1] + WRITTEN[cap[2]], text)
    assert caps == 10
    monkeypatch.setattr(cypher, "load", lambda name: why if name == "test/tight_why" else real(name))
    given = []
    for seed in (1, 2, 3):
        empty(graph)
        load(graph, seed)
        given.append(answers(graph))
    for source, person in given[0]:
        assert given[0][source, person] == given[1][source, person] == given[2][source, person], (source, person)
    names = {source for (source, _), rows in given[0].items() if rows}
    assert names >= {source.name for source in GRAPH_SOURCES} | {"people", "connections"}, "each has something to say"
    rows = [row for (source, _), found in given[0].items() if source == "why" for row in found]
    assert {len(row["together"]) for row in rows} == {row["recent"]["atLeast"] for row in rows} == {0, 1}
    assert {fact["atLeast"] for row in rows for fact in row["followed"]} == {True}
    assert any(row["recent"]["count"] for row in rows)
