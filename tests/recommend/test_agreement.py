"""The same question asked of Neo4j and of the snapshot's arrays gives the same answer, caps on watches included."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.database.driver import Graph
from graph.settings import Settings
from graph.snapshot import Snapshot, load
from graph.snapshot.engagement import UNKNOWN
from graph.snapshot.export import export
from recommend.snapshot_source import SnapshotAnswers
from recommend.sources import SNAPSHOT_SOURCES
from tests import checkerboard
from tests.conftest import seen_by

USERS, CONTENTS = 60, 40
NO_CAP = 10_000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def graph_and_snapshot(graph: Graph, session_settings: Settings, tmp_path_factory) -> tuple[Graph, Snapshot]:
    """A random network, loaded into Neo4j and exported from it."""
    random = np.random.default_rng(7)
    contents = [f"{'beats' if n % 5 == 0 else 'keaks'}/{n}" for n in range(CONTENTS)]

    def send(name: str, rows: Sequence[Any], **extra: Any) -> None:
        graph.write(f"load/{name}", deadline_ms=0, rows=rows, **extra)

    def pairs(share: float, width: int) -> list[tuple[int, int]]:
        found = np.argwhere(random.random((USERS, width)) < share)
        return [(int(a), int(b)) for a, b in found if width != USERS or a != b]

    send("users", [{"id": str(n), "properties": {}} for n in range(USERS)])
    for kind in ("keaks", "beats"):
        send(kind, [{"id": key, "properties": {}} for key in contents if key.startswith(kind)])
    send("follows", [[str(a), [[str(b), None]]] for a, b in pairs(0.08, USERS)])
    watches = pairs(0.15, CONTENTS)
    rows = []
    for at, row in enumerate(random.permutation(len(watches)).tolist()):  # row by row, as they happen
        user, content = watches[row]
        told = (round(float(random.random()), 3), bool(random.random() < 0.3), bool(random.random() < 0.1))
        known = (None, None, None) if random.random() < 0.1 else told
        when = 1_700_000_000_000 + at * HOUR
        rows.append([str(user), [[contents[content], *known, None, 1, when, when]]])
    send("watched", rows, most=9)
    blocks = [
        {"place": n, "producer": "", "eventId": f"block {n}", "kind": "block", "at": 1} for n in range(USERS // 3)
    ]
    blocks = [row | {"userId": str(3 * n), "targetId": str((7 * n + 2) % USERS)} for n, row in enumerate(blocks)]
    graph.write("events/block", rows=blocks, receivedAt=1)
    send("made", [[str(n), [[contents[n]]]] for n in range(0, CONTENTS, 7)])
    send("made", [[row["targetId"], [[one] for one in contents[n % 6 :: 6]]] for n, row in enumerate(blocks)])
    path = tmp_path_factory.mktemp("agreement") / "snapshot"
    export(graph, path, session_settings)
    return graph, load(path)


@pytest.mark.parametrize("kind", [None, "keak", "beat"])
@pytest.mark.parametrize("source", SNAPSHOT_SOURCES, ids=lambda source: source.name)
def test_candidates_agree(graph_and_snapshot, session_settings, source, kind):
    graph, snapshot = graph_and_snapshot
    answers = SnapshotAnswers(snapshot)
    # Written as they happened, so that a cap on watches keeps the newest, which both know; other caps are not reached.
    caps = {cap: 7 if cap in ("items", "perFriend", "perItem", "perUser") else NO_CAP for cap in source.caps}
    label = {None: "Content", "keak": "Keak", "beat": "Beat"}[kind]
    proposed = 0
    for user in map(str, range(USERS)):
        weights = session_settings.engagement.model_dump()
        params = {"label": label, "limit": NO_CAP, "weights": weights, "unknown": UNKNOWN, "exclude": [], **caps}
        ours = graph.read(f"candidates/{source.name}", userId=user, seen=seen_by(graph, user), **params)
        theirs = answers.candidates(source.name, user, kind, NO_CAP, **caps)
        assert {row["contentId"]: row["count"] for row in ours} == {row["contentId"]: row["count"] for row in theirs}
        scores = {row["contentId"]: row["score"] for row in theirs}
        assert {row["contentId"]: row["score"] for row in ours} == pytest.approx(scores, rel=1e-5)
        proposed += len(ours)
    assert proposed > USERS


def test_people_agree(graph_and_snapshot):
    graph, snapshot = graph_and_snapshot
    answers = SnapshotAnswers(snapshot)
    for user in map(str, range(USERS)):
        ours = graph.read("candidates/friends_of_friends", userId=user, friends=NO_CAP, perFriend=NO_CAP, limit=NO_CAP)
        theirs = answers.friends_of_friends(user, NO_CAP, friends=NO_CAP, per_friend=NO_CAP)
        for rows in (ours, theirs):
            for row in rows:
                row.pop("mutual")  # any three of them
        by_id = {row["userId"]: row for row in theirs}
        assert {row["userId"]: row for row in ours} == by_id


@pytest.mark.parametrize("followed", [True, False])
def test_people_of_the_same_taste_agree(graph_and_snapshot, followed):
    graph, snapshot = graph_and_snapshot
    answers, nobody = SnapshotAnswers(snapshot), np.zeros(snapshot.users.count, dtype=bool)
    proposed = unnamed = 0
    for user in map(str, range(USERS)):
        caps = {"items": 4, "perItem": 5, "crowd": 9, "limit": 7, "followed": followed}
        ours = graph.read("candidates/same_taste", userId=user, **caps)
        rows = graph.read("filters/restrictions", userId=user)
        blocked = snapshot.users.nids(rows[0]["blocked"])
        theirs = answers.same_taste(
            user, 7, items=4, per_item=5, crowd=9, followed=followed, blocked=blocked, private=nobody
        )
        assert [row["score"] for row in ours] == pytest.approx([row["score"] for row in theirs])
        without = [[{key: row[key] for key in row if key != "score"} for row in rows] for rows in (ours, theirs)]
        assert without[0] == without[1]
        proposed += len(ours)
        unnamed += sum(len(row["evidence"]) < min(3, row["count"]) for row in ours)
    assert proposed > USERS
    assert unnamed, "what somebody blocked made"


def test_popularity_agrees(graph_and_snapshot):
    graph, snapshot = graph_and_snapshot
    graph.write("load/settle", deadline_ms=0, contents=snapshot.contents.ids.to_list(), rate=1e-9)
    ours = graph.read(
        "candidates/popular", userId="anybody", seen=[], label="Content", exclude=[], wanted={}, limit=NO_CAP
    )
    theirs = SnapshotAnswers(snapshot).candidates("popular", "anybody", None, NO_CAP)
    assert {row["contentId"]: row["count"] for row in ours} == {row["contentId"]: row["count"] for row in theirs}
    counts = pl.Series([row["count"] for row in ours])
    assert counts.is_sorted(descending=True)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_newest_of_each_user_are_those_of_a_naive_loop(seed, limit):
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(0, 12, (40, 2)), axis=0)
    at = rng.permutation(len(pairs)).astype(np.int64) * 1000
    snapshot = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": checkerboard.users(12)}),
            "Content": pl.DataFrame({"contentId": checkerboard.contents(12)}),
        },
        {"WATCHED": pl.DataFrame({"source": pairs[:, 0], "target": pairs[:, 1], "lastAt": at})},
    )
    users = rng.choice(12, 4, replace=False).astype(np.int32)
    found = SnapshotAnswers(snapshot)._newest_of(users, limit)
    expected = [
        sorted(
            np.flatnonzero(snapshot.watched.source == user), key=lambda row: -snapshot.watched.columns["lastAt"][row]
        )
        for user in users
    ]
    assert found.tolist() == [int(row) for rows in expected for row in rows[:limit]]
