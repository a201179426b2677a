"""Events on the checkerboard: counted once, in any order, and seen by the next question."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from graph import events
from graph.database.driver import Graph
from graph.load import watch
from tests import checkerboard, checkerboard_graph

USERS = checkerboard.users()
KEAKS = checkerboard.contents()
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def board(graph):
    checkerboard_graph.load(graph)


def event(event_id: str, kind: str, user: str, minutes: int = 0, **about: str | float) -> events.Event:
    at = NOON + timedelta(minutes=minutes)
    return events.Event.model_validate({"event_id": event_id, "kind": kind, "user_id": user, "at": at, **about})


def content(graph: Graph, content_id: str) -> dict[str, Any]:
    return dict(graph.read("lookup/content", contentIds=[content_id])[0])


def follows(graph: Graph, user: str) -> int:
    return int(graph.read("lookup/user", userId=user)[0]["follows"])


def facts(graph: Graph, user: str, content_id: str) -> dict[str, Any]:
    (seen,) = graph.read("filters/seen", userId=user)
    return dict(
        graph.read("filters/facts", userId=user, contentIds=[content_id], watched=seen["watched"], wanted={})[0]
    )


def test_a_watch_counts_once(graph):
    before = content(graph, KEAKS[2])
    seen = event("w1", "watch", USERS[2], content_id=KEAKS[2], progress=0.4)
    assert events.apply(graph, [seen]) == ("applied",)
    assert events.apply(graph, [seen]) == ("repeated",)
    assert events.apply(graph, [seen, seen]) == ("repeated", "repeated")
    after = content(graph, KEAKS[2])
    assert after["watchers"] == before["watchers"] + 1
    assert after["properties"]["audience"] == after["watchers"]
    assert facts(graph, USERS[2], KEAKS[2])["seen"]


def test_watching_again_folds_in_any_order(graph):
    late = event("f2", "watch", USERS[3], 5, content_id=KEAKS[3], progress=0.9)
    early = event("f1", "watch", USERS[3], 0, content_id=KEAKS[3], progress=0.2)
    events.apply(graph, [late])
    events.apply(graph, [early, event("f3", "like", USERS[3], 3, content_id=KEAKS[3])])
    watched = next(
        row["properties"]
        for row in graph.read("neighbourhood/sampled", userId=USERS[3], depth=1, perNode=99, perNeighbour=1, limit=99)
        if row["target"] == KEAKS[3] and row["type"] == "WATCHED"
    )
    assert watched["progress"] == 0.9
    assert watched["watchCount"] == 2
    assert (watched["liked"], watched.get("shared")) == (True, None)
    assert watched["lastAt"] - watched["firstAt"] == 5 * 60_000


def test_a_bare_watch_claims_to_know_nothing_more(graph):
    events.apply(graph, [event("bare", "watch", "a stranger", content_id=KEAKS[3])])
    rows = graph.read("neighbourhood/sampled", userId="a stranger", depth=1, perNode=9, perNeighbour=1, limit=9)
    (watched,) = [row["properties"] for row in rows if row["type"] == "WATCHED"]
    assert watched.keys().isdisjoint({"progress", "liked", "commented", "shared"})


def test_what_is_watched_now_trends(graph):
    events.apply(graph, [event("t1", "watch", USERS[5], 100_000, content_id="beats/even", progress=1.0)])
    rows = graph.read("candidates/trending", label="Content", scanned=100, limit=3)
    assert rows[0]["contentId"] == "beats/even"


def test_trend_is_what_the_import_would_work_out(graph):
    fresh = [event(f"p{n}", "watch", f"passer-by {n}", 600 * n, content_id="beats/odd", progress=1.0) for n in range(4)]
    events.apply(graph, fresh)
    kept = content(graph, "beats/odd")["properties"]
    graph.write("load/settle", deadline_ms=0, contents=["beats/odd"], rate=watch.RATE)
    again = content(graph, "beats/odd")["properties"]
    assert again["audience"] == kept["audience"] == 4
    assert again["trend"] == pytest.approx(kept["trend"], abs=1e-6)


def test_follow_and_unfollow_keep_their_order(graph):
    user, other = USERS[4], USERS[7]
    before = follows(graph, user)
    done = events.apply(graph, [event("o1", "follow", user, target_id=other)])
    assert (done.count("applied"), follows(graph, user)) == (1, before + 1)
    toggled = [
        event("o2", "unfollow", user, target_id=other),
        event("o3", "follow", user, target_id=other),
        event("o4", "unfollow", user, target_id=other),
    ]
    assert events.apply(graph, toggled).count("applied") == 3
    assert follows(graph, user) == before
    assert events.apply(graph, [*toggled, event("o1", "follow", user, target_id=other)]).count("applied") == 0
    assert follows(graph, user) == before


def test_a_late_event_undoes_nothing_that_is_later(graph):
    user, other = USERS[4], USERS[9]
    before = follows(graph, user)
    for number, (kind, minutes) in enumerate([("follow", 600), ("unfollow", 720), ("follow", 660)]):
        events.apply(graph, [event(f"late{number}", kind, user, minutes, target_id=other)])
    assert follows(graph, user) == before
    events.apply(graph, [event("late9", "follow", user, 721, target_id=other)])
    assert follows(graph, user) == before + 1


def test_block_ends_following_both_ways_and_unblock_brings_nothing_back(graph):
    one, two = USERS[10], USERS[12]
    before = follows(graph, one), follows(graph, two)
    events.apply(graph, [event("b1", "block", one, target_id=two)])
    assert (follows(graph, one), follows(graph, two)) == (before[0] - 1, before[1] - 1)
    events.apply(graph, [event("b2", "block", USERS[9], target_id=USERS[0])])
    assert facts(graph, USERS[9], "beats/even")["blocked"]
    assert facts(graph, USERS[0], "beats/even")["own"]
    events.apply(graph, [event("b3", "unblock", USERS[9], target_id=USERS[0])])
    assert not facts(graph, USERS[9], "beats/even")["blocked"]


def test_hide_and_unhide(graph):
    events.apply(graph, [event("h1", "hide", USERS[8], content_id=KEAKS[8])])
    assert facts(graph, USERS[8], KEAKS[8])["hidden"]
    events.apply(graph, [event("h2", "unhide", USERS[8], content_id=KEAKS[8])])
    assert not facts(graph, USERS[8], KEAKS[8])["hidden"]


def test_less_and_unless_in_the_order_of_their_times(graph):
    def less() -> list[list[Any]]:
        (seen,) = graph.read("filters/seen", userId=USERS[8])
        return list(seen["less"])

    events.apply(graph, [event("l1", "less", USERS[8], 1, content_id=KEAKS[8])])
    events.apply(graph, [event("l2", "less", USERS[8], 0, content_id=KEAKS[8])])
    at = events.milliseconds(NOON + timedelta(minutes=1))
    assert less() == [[KEAKS[8], at]]
    assert graph.read("lookup/less") == [{"source": USERS[8], "target": KEAKS[8], "at": at}]
    events.apply(graph, [event("l3", "unless", USERS[8], 5, content_id=KEAKS[8])])
    events.apply(graph, [event("l4", "less", USERS[8], 4, content_id=KEAKS[8])])
    assert less() == []


def test_a_person_becomes_known_by_doing_something(graph):
    events.apply(graph, [event("n1", "follow", "newcomer", target_id=USERS[0])])
    assert follows(graph, "newcomer") == 1


def test_what_nobody_knows_is_named_and_may_come_again(graph):
    early = event("u1", "watch", USERS[0], content_id="keaks/late", progress=1.0)
    nobody = event("u2", "follow", USERS[0], target_id="nobody")
    assert events.apply(graph, [early, nobody, nobody]) == ("unknown",) * 3
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": "keaks/late", "properties": {}}])
    assert events.apply(graph, [early]) == ("applied",)


def test_old_ids_are_forgotten(graph):
    old = event("old", "hide", USERS[0], content_id=KEAKS[1])
    events.apply(graph, [old], now=NOON)
    assert events.apply(graph, [old], now=NOON).count("repeated") == 1
    assert events.forget(graph, NOON + events.KEPT) == 0
    assert events.forget(graph, NOON + events.KEPT + timedelta(seconds=1)) == 1
    assert events.apply(graph, [old]).count("applied") == 1


def test_an_id_is_of_its_producer(graph):
    hide = {"kind": "hide", "user_id": USERS[1], "content_id": KEAKS[1], "at": NOON, "event_id": "same"}
    one, two = (events.Event.model_validate(hide | {"producer": name}) for name in ("phone", "web"))
    assert events.apply(graph, [one, two, one]) == ("applied", "applied", "repeated")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "watch"}, "content_id\n *Field required"),
        ({"kind": "hide"}, "content_id\n *Field required"),
        ({"kind": "watch", "content_id": "123"}, "pattern"),
        ({"kind": "watch", "content_id": "keaks/"}, "pattern"),
        ({"kind": "watch", "content_id": "keaks/1", "progress": 1.5}, "less than or equal to 1"),
        ({"kind": "like", "content_id": "keaks/1", "progress": 0.5}, "progress\n *Extra"),
        ({"kind": "follow", "content_id": "keaks/1"}, "target_id\n *Field required"),
        ({"kind": "follow", "target_id": "a"}, "follow themselves"),
        ({"kind": "follow", "target_id": "users/a"}, "follow themselves"),
        ({"kind": "dance", "content_id": "keaks/1"}, "does not match any of the expected tags"),
        ({"kind": "watch", "content_id": "keaks/1", "at": datetime(2024, 1, 1)}, "timezone"),  # noqa: DTZ001
        ({"kind": "watch", "content_id": "keaks/1", "at": NOON + timedelta(minutes=61)}, "an hour ahead"),
        ({"kind": "watch", "content_id": "keaks/1", "at": datetime(1989, 1, 1, tzinfo=UTC)}, "before 1990"),
    ],
)
def test_a_wrong_event_is_refused_with_its_reason(wrong, says):
    with pytest.raises(ValidationError, match=says):
        events.Event.model_validate({"event_id": "x", "user_id": "a", "at": NOON, **wrong}, context={"now": NOON})


def test_every_spelling_of_an_id_is_one_id(graph):
    long = "e" * 499 + "x"
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": f"keaks/{long}", "properties": {}}])
    said = [
        event("s1", "watch", "users/spelled", content_id=f"keaks/{long}"),
        event("s2", "watch", " spelled", minutes=1, content_id=f"keaks/{long}"),
        event("s3", "follow", "spelled", target_id=f"users/{USERS[0]}"),
    ]
    assert events.apply(graph, said).count("applied") == 3
    assert not graph.read("lookup/user", userId="users/spelled")
    assert content(graph, f"keaks/{long}")["watchers"] == 1
    assert follows(graph, "spelled") == 1
