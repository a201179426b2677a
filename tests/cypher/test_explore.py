"""Every question of the guide, on the checkerboard, whose answers one can work out by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import cypher
from graph.database.driver import Graph, Row
from graph.events import Event, apply
from graph.load import watch
from tests import checkerboard_graph
from tests.checkerboard_graph import DAY, MINUTE
from tests.conftest import empty

JOINED = DAY - 10 * 86_400_000
HOURS = 3_600_000
Check = Callable[[list[Row]], bool]


@pytest.fixture(scope="module")
def board(graph: Graph) -> Graph:
    """The checkerboard with times of joining, two names, and two nodes with which something is wrong."""
    checkerboard_graph.load(graph)
    users = [
        {"id": "u001", "properties": {"name": "Ada", "createdAt": JOINED, "community": 1}},
        {"id": "u003", "properties": {"name": "Bo", "createdAt": JOINED, "community": 2}},
        {"id": "u005", "properties": {"createdAt": DAY + 2 * MINUTE, "community": 2}},  # later than the first watch
        {"id": "quiet", "properties": {"createdAt": JOINED}},
        {"id": "alone", "properties": {}},
    ]
    graph.write("load/users", deadline_ms=0, rows=users)
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": "keaks/new", "properties": {"createdAt": DAY}}])
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": "keaks/told", "properties": {}}])
    told = [["u001", [_watch("keaks/told", DAY)]], ["u003", [_watch("keaks/told", DAY + MINUTE)]]]
    graph.write("load/watched", deadline_ms=0, rows=told, most=watch.MAX_TIMES)
    graph.write("load/settle", deadline_ms=0, contents=["keaks/told"], rate=watch.RATE)
    graph.write("load/follows", deadline_ms=0, rows=[["quiet", [["u001", None]]]])
    graph.write("load/listens_to", deadline_ms=0, rows=[["u001", [["odd"]]], ["u003", [["odd"]]]])
    graph.write("load/hashtags", deadline_ms=0, rows=[{"id": "loud", "properties": {}}])
    graph.write("load/tagged", deadline_ms=0, rows=[["keaks/k001", [["loud"]]]])
    mix = {"id": "mix", "properties": {"name": "Mix"}}
    graph.write("load/playlists", deadline_ms=0, rows=[mix])
    held = [["keaks/k001", 0], ["keaks/k003", 1]]
    graph.write("load/holds", deadline_ms=0, rows=[["mix", held]])
    sessions = [{"id": f"u003/{at}", "properties": {"arm": "PLAYER:session", "startedAt": at}} for at in (1, 5)]
    graph.write("load/sessions", deadline_ms=0, rows=sessions)
    graph.write("load/opened", deadline_ms=0, rows=[["u003", [["u003/1"], ["u003/5"]]]])
    first = [["keaks/k001", 0, 1.0, 1, None, None], ["keaks/k003", 1, 0.5, 2, "PLAYER:session", 0.25]]
    graph.write(
        "load/played", deadline_ms=0, rows=[["u003/1", first], ["u003/5", [["keaks/k001", 0, 0.5, 5, None, None]]]]
    )
    hide = {
        "kind": "hide",
        "producer": "test",
        "user_id": "u004",
        "content_id": "keaks/k002",
        "at": "2023-11-15T00:00Z",
    }
    apply(graph, [Event.model_validate(hide | {"event_id": name}) for name in ("e1", "e2")])
    return graph


def _watch(content: str, at: int) -> list[Any]:
    return [content, 1.0, False, False, False, 1, at, at]


def row(rows: list[Row], **known: Any) -> Row:
    """The one row that has these values."""
    (found,) = [one for one in rows if all(one[key] == value for key, value in known.items())]
    return found


ANSWERS: dict[str, tuple[dict[str, Any], Check]] = {
    "network_at_a_glance": ({}, lambda rows: row(rows, what="users")["count"] == 22),
    "most_followed": ({}, lambda rows: rows[0] == {"userId": "u001", "name": "Ada", "followers": 10, "made": 1}),
    "cohorts_by_month": (
        {},
        lambda rows: (
            row(rows, joined="2023-11") == {"joined": "2023-11", "people": 4, "watched": 3, "made": 1, "follow": 4}
        ),
    ),
    "who_came_back": (
        {},
        lambda rows: (
            row(rows, joined="2023-11")
            == {
                "joined": "2023-11",
                "people": 4,
                "never": 1,
                "within1Day": 1,
                "within30Days": 2,
                "within180Days": 0,
                "later": 0,
            }
        ),
    ),
    "quiet_people": ({}, lambda rows: [(one["userId"], one["follows"]) for one in rows] == [("quiet", 1)]),
    "mutual_follows": (
        {"userId": "u001"},
        lambda rows: (
            len(rows) == 9 and all(one["followsBack"] for one in rows) and row(rows, name="Bo")["followers"] == 9
        ),
    ),
    "circle_of_a_user": ({"userId": "u001"}, lambda rows: len(rows) == 9 and rows[0]["me"]["userId"] == "u001"),
    "shortest_path": ({"userId": "quiet", "otherId": "u003"}, lambda rows: [one["steps"] for one in rows] == [2, 2]),
    "taste_of_friends": (
        {"userId": "u001"},
        lambda rows: (rows[0]["inCommon"], rows[0]["ofTheirs"], rows[0]["jaccard"]) == (9, 10, 9 / 11),
    ),
    "bridges_between_communities": (
        {},
        lambda rows: (
            row(rows, userId="u001")
            == {"userId": "u001", "name": "Ada", "community": 1, "communities": 1, "outside": 2, "follows": 9}
        ),
    ),
    "most_watched": ({}, lambda rows: [one["audience"] for one in rows] == [9] * 20 + [2]),
    "rising": ({}, lambda rows: rows[0]["contentId"] == "keaks/k019" and rows[0]["genres"] == ["odd"]),
    "never_watched": ({}, lambda rows: rows[0]["contentId"] == "keaks/new" and len(rows) == 3),
    "age_when_watched": ({}, lambda rows: rows == [{"age": "1", "watches": 180, "share": 1.0}]),
    "ratio_by_length": ({}, lambda rows: rows == []),  # the answers of these three are in test_explore_ratios.py
    "ratio_by_degree": ({}, lambda rows: rows == []),
    "artists_heard_together": ({}, lambda rows: rows == []),
    "spread_along_follows": (
        {"contentId": "keaks/told"},
        lambda rows: rows == [{"watchers": 2, "timed": 2, "afterAFriend": 1, "share": 0.5}],
    ),
    "spread_to_draw": (
        {"contentId": "keaks/told"},
        lambda rows: [(one["earlier"]["userId"], one["later"]["userId"]) for one in rows] == [("u001", "u003")],
    ),
    "makers_by_audience": ({}, lambda rows: rows == []),  # beats, which nobody watched, are all that has a maker
    "beats_that_carry": ({}, lambda rows: rows[0]["keaks"] == 10 and rows[0]["audience"] == 90),
    "genres_heard": ({}, lambda rows: rows[0] == {"genre": "odd", "listeners": 2, "creators": 0, "beats": 1}),
    "genres_by_cohort": ({}, lambda rows: rows == [{"joined": 2023, "genre": "odd", "people": 2, "share": 1.0}]),
    "hashtags_together": ({}, lambda rows: rows == [{"hashtag": "loud", "other": "odd", "together": 1}]),
    "playlists_together": (
        {},
        lambda rows: [(one["first"], one["second"]) for one in rows] == [("keaks/k001", "keaks/k003")],
    ),
    "playlists_of_a_track": (
        {"trackId": "keaks/k001"},
        lambda rows: rows == [{"playlist": "Mix", "place": 0, "before": None, "after": "keaks/k003"}],
    ),
    "sessions_by_arm": (
        {},
        lambda rows: rows == [{"arm": "PLAYER:session", "sessions": 2, "users": 1, "tracks": 1.5, "shares": 1.0}],
    ),
    "plays_of_a_user": (
        {"userId": "u003"},
        lambda rows: (
            [(one["session"], one["place"], one["track"], one["share"], one["propensity"]) for one in rows]
            == [
                ("u003/5", 0, "keaks/k001", 0.5, None),
                ("u003/1", 0, "keaks/k001", 1.0, None),
                ("u003/1", 1, "keaks/k003", 0.5, 0.25),
            ]
        ),
    ),
    "why_this_content": (
        {"userId": "u001", "contentIds": ["keaks/k001"], "now": DAY + HOURS},
        lambda rows: rows[0]["watchers"] == 9 and row(rows[0]["followed"], did="watched")["count"] == 9,
    ),
    "most_hidden": ({}, lambda rows: rows == [{"contentId": "keaks/k002", "title": None, "hidden": 1, "audience": 9}]),
    "events_of_a_day": (
        {"day": int(time.time() * 1000) - HOURS},
        lambda rows: sum(one["events"] for one in rows) == 2 and {one["producer"] for one in rows} == {"test"},
    ),
    "degree_outliers": ({}, lambda rows: rows == []),
    "orphans": (
        {},
        lambda rows: (
            row(rows, label="User") == {"label": "User", "nodes": 22, "alone": 1, "examples": ["alone"]}
            and row(rows, label="Content")["examples"] == ["keaks/new"]
        ),
    ),
    "times_that_lie": (
        {"now": DAY + 18 * MINUTE},
        lambda rows: (
            [(one["what"], one["watches"]) for one in rows]
            == [("before the content was made", 0), ("before the person joined", 1), ("in the future", 9)]
            and rows[1]["example"] == ["u005", "keaks/k001"]
        ),
    ),
}


def test_every_question_is_asked() -> None:
    assert {f"explore/{name}" for name in ANSWERS} == {n for n in cypher.names() if n.startswith("explore/")}
    assert len(ANSWERS) >= 25


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_the_one_of_the_checkerboard(board: Graph, name: str) -> None:
    parameters, right = ANSWERS[name]
    rows = board.read(f"explore/{name}", **parameters)
    assert right(rows), rows


def test_an_outlier_does_more_than_twenty_times_the_average(graph: Graph) -> None:
    """41 people with 44 follows and 41 watches: two do more than twenty times the average, one almost."""
    empty(graph)
    people = [f"p{n}" for n in range(41)]
    graph.write("load/users", deadline_ms=0, rows=[{"id": one, "properties": {"name": one.upper()}} for one in people])
    keaks = [{"id": f"keaks/{n}", "properties": {}} for n in range(21)]
    graph.write("load/keaks", deadline_ms=0, rows=keaks)
    watches = [
        ["p1", [_watch(f"keaks/{n}", DAY) for n in range(21)]],
        ["p2", [_watch(f"keaks/{n}", DAY) for n in range(20)]],
    ]
    graph.write("load/watched", deadline_ms=0, rows=watches, most=watch.MAX_TIMES)
    follows = [["p0", [[one, None] for one in people[1:25]]], *([one, [["p40", None]]] for one in people[1:21])]
    graph.write("load/follows", deadline_ms=0, rows=follows)
    rows = graph.read("explore/degree_outliers")
    assert [(one["userId"], one["watched"], one["follows"], one["followers"]) for one in rows] == [
        ("p0", 0, 24, 0),
        ("p1", 21, 1, 1),
    ]
    assert rows[0] == {"userId": "p0", "name": "P0", "watched": 0, "follows": 24, "followers": 0, "timesAverage": 22.4}
