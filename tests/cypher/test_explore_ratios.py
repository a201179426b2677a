"""The questions of the guide about artists and watch ratios, on a few rows whose answers one can work out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from graph.database.driver import Graph
from graph.load import watch

AT = 1_700_000_000_000
HEARD = {"t1": ("ana", "uvw"), "t2": ("ana", "uv"), "t3": ("bo", "vwx"), "t4": ("cy", "y")}
"""Track → artist and listeners."""
LENGTHS = {"short": 4.0, "brief": 5.0, "long": 100.0, "endless": 500.0, "unknown": None, "unseen": 7.0}
RATIOS = [("u", "short", 2.0), ("v", "short", 0.5), ("u", "brief", 1.0), ("u", "long", 0.25), ("v", "endless", 0.1)]
PEOPLE = {
    "u": {"user_active_degree": "full_active", "follow_user_num": 4, "register_days": 100},
    "w": {"user_active_degree": "full_active", "follow_user_num": 8},
    "v": {"user_active_degree": "high_active", "register_days": 10},
    "x": {"user_active_degree": "low_active"},
}


@pytest.fixture(scope="module")
def loaded(graph: Graph) -> Graph:
    def send(query: str, rows: list[Any], **extra: Any) -> None:
        graph.write(f"load/{query}", deadline_ms=0, rows=rows, **extra)

    send("users", [{"id": person, "properties": PEOPLE.get(person, {})} for person in "uvwxy"])
    send("tracks", [{"id": f"tracks/{track}", "properties": {}} for track in HEARD])
    send("artists", [{"id": one, "properties": {"name": "Ana"} if one == "ana" else {}} for one in ("ana", "bo", "cy")])
    send("performed_by", [[f"tracks/{track}", [[artist]]] for track, (artist, _) in HEARD.items()])
    send(
        "keaks", [{"id": f"keaks/{n}", "properties": {"duration": long} if long else {}} for n, long in LENGTHS.items()]
    )
    seen = [(who, f"tracks/{track}") for track, (_, people) in HEARD.items() for who in people]
    seen += [(who, f"keaks/{keak}") for who, keak, _ in RATIOS] + [("w", "keaks/unseen"), ("w", "keaks/unknown")]
    watched = [[who, [[content, 1.0, False, False, False, 1, AT, AT]]] for who, content in seen]
    send("watched", watched, most=watch.MAX_TIMES)
    send("watch_ratio", [[who, [[f"keaks/{keak}", n, ratio, AT]]] for n, (who, keak, ratio) in enumerate(RATIOS)])
    send("held_out", [["w", [["keaks/short", 99, 9.0, AT]]]])
    graph.write("load/settle", deadline_ms=0, contents=sorted({content for _, content in seen}), rate=watch.RATE)
    return graph


def test_artists_heard_together_are_those_with_the_most_listeners_in_common(loaded: Graph) -> None:
    (pair,) = loaded.read("explore/artists_heard_together")
    assert pair == {"artist": "Ana", "other": "bo", "listeners": 3, "otherListeners": 3, "both": 2, "jaccard": 0.5}


def test_ratios_by_length_leave_out_what_is_held_out_or_has_no_length(loaded: Graph) -> None:
    rows = loaded.read("explore/ratio_by_length")
    assert [(row["upTo"], row["contents"], row["rows"]) for row in rows] == [
        ("5", 2, 3),
        ("180", 1, 1),
        ("longer", 1, 1),
    ]
    assert rows[0]["ratio"] == pytest.approx(3.5 / 3)
    assert (rows[0]["median"], rows[0]["complete"]) == (1.0, pytest.approx(2 / 3))
    assert rows[0]["seconds"] == pytest.approx((8.0 + 2.0 + 5.0) / 3)
    assert [row["seconds"] for row in rows[1:]] == [pytest.approx(25.0), pytest.approx(50.0)]


def test_ratios_by_degree_count_people_without_a_row_and_leave_out_what_is_held_out(loaded: Graph) -> None:
    """W has a row of the small matrix alone; y has no degree."""
    rows = loaded.read("explore/ratio_by_degree")
    told = [(row["degree"], row["people"], row["rows"], row["followed"], row["registered"]) for row in rows]
    assert told == [
        ("full_active", 2, 3, 6.0, 100.0),
        ("high_active", 1, 2, None, 10.0),
        ("low_active", 1, 0, None, None),
    ]
    assert [row["ratio"] for row in rows] == [pytest.approx(3.25 / 3), pytest.approx(0.3), None]
    assert (rows[0]["median"], rows[0]["complete"]) == (1.0, pytest.approx(2 / 3))
