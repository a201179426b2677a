"""Every candidate query on the checkerboard: the withheld keak comes first, and nothing seen comes at all."""

from typing import Any

import pytest

from graph.database.driver import Graph
from graph.settings import Engagement
from recommend.sources import GRAPH_SOURCES, LAST_RESORT, UNWATCHED
from tests import checkerboard, checkerboard_graph
from tests.conftest import seen_by
from tests.recommend.drawn_graph import Database

USERS = checkerboard.users()
KEAKS = checkerboard.contents()
SEEN = set(checkerboard.watched_pairs())
WEIGHTS = Engagement().model_dump()


@pytest.fixture(scope="module", autouse=True)
def board(graph):
    checkerboard_graph.load(graph)


def ask(
    graph: Graph, name: str, user: int, *, label: str = "Content", limit: int = 50, **caps: int
) -> list[dict[str, Any]]:
    source = next(s for s in (*GRAPH_SOURCES, LAST_RESORT, UNWATCHED) if s.name == name)
    params: dict[str, Any] = {**source.caps, **caps}
    return graph.read(
        f"candidates/{name}",
        userId=USERS[user],
        seen=seen_by(graph, USERS[user]),
        label=label,
        limit=limit,
        exclude=[],
        wanted={},
        weights=WEIGHTS,
        unknown=0.5,
        **params,
    )


@pytest.mark.parametrize("user", [0, 1, 7, 18])
@pytest.mark.parametrize("name", ["followed_activity", "co_watch", "same_beat", "same_genre", "same_hashtag"])
def test_the_withheld_keak_comes_first(graph, name, user):
    rows = ask(graph, name, user, label="Keak")
    assert [row["contentId"] for row in rows] == [KEAKS[user]]
    assert rows[0]["score"] > 0
    assert rows[0]["count"] > 0


def test_followed_activity_names_the_people_who_enjoyed_it_most(graph):
    (row,) = ask(graph, "followed_activity", 0, label="Keak")
    assert row["count"] == 9
    likes = sum(1 for u in range(2, 20, 2) if u < 10)
    assert row["score"] == pytest.approx(9 * WEIGHTS["progress"] + likes * WEIGHTS["liked"])
    assert set(row["evidence"]) <= {USERS[u] for u in (2, 4, 6, 8)}


def test_followed_activity_takes_the_newest_of_each_friend(graph):
    # User 0 has not watched keak 0, the oldest of all: with one watch a friend it is not among the newest.
    assert ask(graph, "followed_activity", 0, perFriend=1) == []


def test_co_watch_counts_shared_watches(graph):
    (row,) = ask(graph, "co_watch", 0, label="Keak")
    # Through each of the nine keaks that user 0 watched: the eight others who watched it, all of whom watched keak 0
    # but the one it is withheld from, user 0 itself.
    assert row["count"] == 9 * 8
    assert row["score"] == pytest.approx(9 * 8 / 9**0.5)
    assert len(row["evidence"]) == 3


def test_same_beat_counts_own_contents_on_it(graph):
    (row,) = ask(graph, "same_beat", 3)
    assert (row["contentId"], row["count"], row["evidence"]) == (KEAKS[3], 9, ["beats/odd"])


def test_same_genre_also_proposes_the_beat(graph):
    rows = ask(graph, "same_genre", 3)
    assert [row["contentId"] for row in rows] == [KEAKS[3], "beats/odd"]
    assert rows[0]["evidence"] == ["odd"]


def test_own_contents_are_not_proposed(graph):
    rows = ask(graph, "same_genre", 1)
    assert [row["contentId"] for row in rows] == [KEAKS[1]]


def test_followed_makers(graph):
    rows = ask(graph, "followed_makers", 4)
    assert [(row["contentId"], row["evidence"]) for row in rows] == [("beats/even", [USERS[0]])]
    assert ask(graph, "followed_makers", 4, label="Keak") == []


def test_trending_is_led_by_the_newest_of_equally_watched(graph):
    rows = ask(graph, "trending", 0)
    assert [row["contentId"] for row in rows] == KEAKS[::-1]
    assert rows[0]["score"] == 1.0
    assert all(row["count"] == 9 for row in rows)
    assert ask(graph, "trending", 0, label="Beat") == []


def test_fresh_begins_with_the_newest(graph):
    assert [row["contentId"] for row in ask(graph, "fresh", 0, limit=3)] == KEAKS[:-4:-1]


def test_popular(graph):
    rows = ask(graph, "popular", 0)
    assert [row["contentId"] for row in rows] == KEAKS[:1] + KEAKS[1::2]  # what user 0 has not seen
    assert {row["score"] for row in rows} == {1.0}


def test_people_of_ones_own_kind_are_all_followed_already(graph):
    rows = graph.read("candidates/friends_of_friends", userId=USERS[0], friends=100, perFriend=100, limit=10)
    assert rows == []


def test_tracks_are_among_what_is_for_anybody(graph):
    database = Database(graph)
    database.ask(
        "UNWIND [[1, 20], [2, 3], [3, null]] AS row CREATE (:Content:Track {contentId: 'tracks/' + row[0], "
        "audience: row[1], trend: $first + row[1], createdAt: row[0]})",
        first=checkerboard_graph.DAY * 1.0,
    )
    try:
        found = {
            name: [row["contentId"] for row in ask(graph, name, 0, label="Track")]
            for name in ("popular", "trending", "fresh", "unwatched")
        }
        assert found == {
            "popular": ["tracks/1", "tracks/2"],
            "trending": ["tracks/1", "tracks/2"],
            "fresh": ["tracks/3", "tracks/2", "tracks/1"],
            "unwatched": ["tracks/3"],
        }
        whole = [row["contentId"] for row in ask(graph, "popular", 0)]
        assert whole == ["tracks/1", *KEAKS[:1], *KEAKS[1::2], "tracks/2"], "by audience, whatever the kind"
        assert not {*whole[:1], *whole[-1:]} & {row["contentId"] for row in ask(graph, "popular", 0, label="Keak")}
    finally:
        database.ask("MATCH (track:Track) DETACH DELETE track")
        database.close()


@pytest.mark.parametrize("name", [source.name for source in (*GRAPH_SOURCES, LAST_RESORT)])
def test_a_stranger_gets_nothing_personal(graph, name):
    source = next(s for s in (*GRAPH_SOURCES, LAST_RESORT) if s.name == name)
    rows = graph.read(
        f"candidates/{name}",
        userId="nobody",
        seen=[],
        label="Content",
        limit=5,
        exclude=[],
        wanted={},
        weights=WEIGHTS,
        unknown=0.5,
        **source.caps,
    )
    assert bool(rows) == (name in ("trending", "fresh", "popular"))
