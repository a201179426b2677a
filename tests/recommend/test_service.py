"""One request's way on the checkerboard: the right keak, honestly explained, whatever part is missing."""

import threading
import time
from datetime import UTC, datetime

import polars as pl
import pytest

from gnn.config import GnnConfig
from graph import events
from graph.database.driver import Graph
from graph.errors import GraphTimeout, GraphUnavailable, UnknownContent, UnknownUser
from graph.snapshot import Snapshot
from recommend.feed import Feed
from recommend.service import FeedService
from recommend.snapshot_reader import SnapshotReader
from recommenders.knn import ItemKnn
from tests import checkerboard, checkerboard_graph
from tests.checkerboard_graph import watched_at
from tests.networks import trained

USERS = checkerboard.users()
KEAKS = checkerboard.contents()


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return checkerboard.snapshot()


@pytest.fixture(scope="module")
def model(snapshot):
    return ItemKnn().fit(snapshot)


@pytest.fixture(scope="module", autouse=True)
def board(graph):
    checkerboard_graph.load(graph)


@pytest.fixture
def feeds(graph, snapshot, model, settings) -> FeedService:
    return FeedService(graph, snapshot, model, settings, model_version="knn-1")


def ids(feed: Feed) -> list[str]:
    return [item.content_id for item in feed.items]


def event(kind: str, user: str, **about: str | float) -> events.Event:
    number = next(_NUMBERS)
    at = datetime.fromtimestamp(watched_at(100 + number) / 1000, UTC)
    return events.Event.model_validate(
        {"event_id": f"service-{number}", "kind": kind, "user_id": user, "at": at, **about}
    )


_NUMBERS = iter(range(1_000_000))


@pytest.mark.parametrize("user", [0, 1, 7, 18])
def test_the_withheld_keak_comes_first_with_its_reasons(feeds, user):
    feed = feeds.recommend(USERS[user], kind="keak", deadline_ms=60_000)
    first = feed.items[0]
    assert first.content_id == KEAKS[user]
    assert (first.score, first.kind) == (1.0, "keak")
    assert first.sources[0] == "model"
    assert {"followed_activity", "co_watch", "same_beat"} <= set(first.sources)
    friends = next(reason for reason in first.reasons if reason.kind == "friends")
    likers = [u for u in USERS[:10] if int(u[1:]) % 2 == user % 2 and u != USERS[user]]
    assert friends.text.startswith(f"{len(likers)} people you follow liked it: ")
    assert set(friends.evidence) <= set(likers)
    assert (feed.rung, feed.degraded, feed.model_version, feed.late) == ("model", False, "knn-1", ())


def test_nothing_seen_or_own_or_of_another_kind(feeds):
    seen = {KEAKS[k] for u, k in checkerboard.watched_pairs() if u == 1}
    feed = feeds.recommend(USERS[1], n=50, deadline_ms=60_000)
    assert not seen & set(ids(feed))
    assert "beats/odd" not in ids(feed)
    beats = feeds.recommend(USERS[1], kind="beat", deadline_ms=60_000)
    assert ids(beats) == ["beats/even"]  # beats/odd is their own
    assert ids(feeds.recommend(USERS[3], kind="beat", deadline_ms=60_000)) == ["beats/odd", "beats/even"]


def test_every_item_has_a_source_and_a_reason(feeds):
    feed = feeds.recommend(USERS[4], n=50, deadline_ms=60_000)
    assert len(feed.items) >= 10
    assert all(item.sources and item.reasons and 0 <= item.score <= 1 for item in feed.items)
    assert [item.score for item in feed.items] == sorted((item.score for item in feed.items), reverse=True)


def test_exclude_and_no_reasons(feeds):
    feed = feeds.recommend(USERS[0], exclude=[KEAKS[0]], explain=False, deadline_ms=60_000, request_id="mine")
    assert KEAKS[0] not in ids(feed)
    assert all(item.reasons == () for item in feed.items)
    assert feed.request_id == "mine"


def test_what_just_happened_shows_in_the_next_answer(graph, feeds):
    user = USERS[6]
    assert ids(feeds.recommend(user, deadline_ms=60_000))[0] == KEAKS[6]
    events.apply(graph, [event("hide", user, content_id=KEAKS[6])])
    assert KEAKS[6] not in ids(feeds.recommend(user, deadline_ms=60_000))
    events.apply(graph, [event("unhide", user, content_id=KEAKS[6])])
    assert ids(feeds.recommend(user, deadline_ms=60_000))[0] == KEAKS[6]
    events.apply(graph, [event("watch", user, content_id=KEAKS[6], progress=0.5)])
    assert KEAKS[6] not in ids(feeds.recommend(user, deadline_ms=60_000))


def test_blocking_somebody_ends_what_they_made(graph, feeds):
    assert "beats/even" in ids(feeds.recommend(USERS[8], deadline_ms=60_000))
    events.apply(graph, [event("block", USERS[0], target_id=USERS[8])])
    assert "beats/even" not in ids(feeds.recommend(USERS[8], deadline_ms=60_000))


def test_a_new_user_rises_from_trending_over_friends_to_the_graph(graph, snapshot, settings):
    feeds = FeedService(graph, snapshot, None, settings)
    stranger = feeds.recommend("new", deadline_ms=60_000)
    assert (stranger.rung, stranger.model_version) == ("trending", None)
    assert stranger.items
    events.apply(graph, [event("follow", "new", target_id=USERS[2])])
    befriended = feeds.recommend("new", kind="keak", deadline_ms=60_000)
    assert befriended.rung == "friends"
    assert {int(i[-3:]) % 2 for i in ids(befriended)[:9]} == {0}
    events.apply(graph, [event("watch", "new", content_id=KEAKS[4], progress=1.0)])
    known = feeds.recommend("new", kind="keak", deadline_ms=60_000)
    assert known.rung == "graph"
    assert any(reason.kind == "because" or reason.kind == "friends" for reason in known.items[0].reasons)


def test_a_new_user_rises_to_the_model(graph, feeds):
    assert feeds.recommend("newer", deadline_ms=60_000).rung == "trending"
    events.apply(graph, [event("watch", "newer", content_id=KEAKS[4], progress=1.0)])
    feed = feeds.recommend("newer", kind="keak", deadline_ms=60_000)
    assert (feed.rung, feed.model_version) == ("model", "knn-1")
    assert {int(i[-3:]) % 2 for i in ids(feed)[:7]} == {0}


def test_the_model_places_who_came_after_its_training(graph, snapshot, settings):
    network = trained(GnnConfig(dim=16, heads=2, layers=2), snapshot, epochs=40)
    feeds = FeedService(graph, snapshot, network, settings)
    events.apply(graph, [event("watch", "late", content_id=KEAKS[k], progress=1.0) for k in (5, 9)])
    feed = feeds.recommend("late", kind="keak", deadline_ms=60_000)
    assert (feed.rung, feed.model_version) == ("model", "network")
    assert {int(i[-3:]) % 2 for i in ids(feed)[:7]} == {1}
    assert not {KEAKS[5], KEAKS[9]} & set(ids(feed))
    events.apply(graph, [event("watch", "late", content_id=ids(feed)[0], progress=1.0)])
    assert ids(feed)[0] not in ids(feeds.recommend("late", kind="keak", deadline_ms=60_000))


def test_what_somebody_has_seen_is_asked_once_and_nowhere_else(graph, settings):
    asked = []

    class Listening(Graph):
        def __init__(self) -> None:
            self.seen: list[dict[str, list[str]]] = []

        def read(self, name, **params):  # type: ignore[override]
            asked.append(name)
            return self.seen if name == "filters/seen" and self.seen else graph.read(name, **params)

    listening = Listening()
    feeds = FeedService(listening, None, None, settings)
    first = ids(feeds.recommend(USERS[1], n=50, deadline_ms=60_000))
    assert asked.count("filters/seen") == 1
    assert len(asked) > 8
    listening.seen = [{"watched": [], "made": [], "less": []}]
    seen = {KEAKS[k] for u, k in checkerboard.watched_pairs() if u == 1}
    assert not seen & set(first)
    assert seen <= set(ids(feeds.recommend(USERS[1], n=50, deadline_ms=60_000))), "who asks again would know better"


def test_without_neo4j_it_answers_from_the_snapshot_and_says_so(snapshot, model, settings):
    feeds = FeedService(None, snapshot, model, settings)
    feed = feeds.recommend(USERS[7])
    assert ids(feed)[0] == KEAKS[7]
    assert (feed.rung, feed.degraded) == ("model", True)
    assert all(item.reasons for item in feed.items)
    stranger = feeds.recommend("nobody", n=5)
    assert (stranger.rung, stranger.degraded, len(stranger.items)) == ("popular", True, 5)
    assert stranger.items[0].reasons[0].text == "9 people watched it"


def test_without_a_model_the_graph_answers(graph, settings):
    feed = FeedService(graph, None, None, settings).recommend(USERS[7], kind="keak", deadline_ms=60_000)
    assert (ids(feed)[0], feed.rung, feed.model_version) == (KEAKS[7], "graph", None)


def test_with_nothing_at_all_it_says_what_to_start(settings):
    with pytest.raises(GraphUnavailable, match="entourage up"):
        FeedService(None, None, None, settings).recommend(USERS[0])


class Broken(Graph):
    """A graph that fails every question the same way, and counts them."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def read(self, name, **params):  # type: ignore[override]
        self.asked += 1
        raise self.error


def test_a_graph_that_dies_is_left_alone_for_a_while(snapshot, model, settings):
    graph = Broken(GraphUnavailable("gone"))
    feeds = FeedService(graph, snapshot, model, settings)
    assert feeds.recommend(USERS[7]).degraded
    asked = graph.asked
    feed = feeds.recommend(USERS[7])
    assert (ids(feed)[0], feed.degraded) == (KEAKS[7], True)
    assert feeds.recommend("a newcomer").items
    assert graph.asked == asked


def test_what_is_late_is_left_out_and_named(snapshot, model, settings):
    feed = FeedService(Broken(GraphTimeout("late")), snapshot, model, settings).recommend(USERS[7])
    assert ids(feed)[0] == KEAKS[7]
    assert {"co_watch", "trending", "filters"} <= set(feed.late)
    assert feed.degraded


def test_a_graph_that_hangs_does_not_hold_the_answer(snapshot, model, settings):
    free = threading.Event()

    class Hanging(Broken):
        def read(self, name, **params):  # type: ignore[override]
            free.wait(60)
            raise GraphTimeout("late")

    feeds = FeedService(Hanging(GraphTimeout("late")), snapshot, model, settings)
    try:
        newcomers = [feeds.recommend(f"newcomer {n}", deadline_ms=2_000) for n in range(3)]  # 50 are enough
        answers = [feeds.recommend(USERS[7], deadline_ms=2_000) for _ in range(4)]
    finally:
        free.set()
    assert all(feed.items for feed in newcomers)
    for feed in answers:  # the later ones find every thread of the graph's taken
        assert ids(feed)[0] == KEAKS[7]
        assert "model" not in feed.late
        assert {"followed_activity", "filters"} <= set(feed.late)
        assert feed.degraded


def test_what_others_hid_stays_hidden_where_everything_else_is_late(graph, snapshot, model, settings):
    events.apply(graph, [event("unhide", USERS[7], content_id=KEAKS[7])])
    assert KEAKS[7] in ids(FeedService(None, snapshot, model, settings).recommend(USERS[7]))
    now = time.time_ns() // 1_000_000
    by_hand = {"place": 0, "producer": "by hand", "userId": USERS[7], "contentId": KEAKS[7], "eventId": "1", "at": now}
    graph.write("events/hide", rows=[by_hand], receivedAt=now)

    class Late(Graph):
        def __init__(self) -> None: ...

        def read(self, name, **params):  # type: ignore[override]
            if name == "filters/restrictions":
                return graph.read(name, **params)
            raise GraphTimeout("late")

    feed = FeedService(Late(), snapshot, model, settings).recommend(USERS[7], deadline_ms=60_000)
    assert {"co_watch", "filters"} <= set(feed.late)
    assert "restrictions" not in feed.late
    assert feed.items
    assert KEAKS[7] not in ids(feed)


def test_people(graph, feeds):
    events.apply(graph, [event("unfollow", USERS[11], target_id=USERS[13])])
    person, *others = feeds.people(USERS[11])
    assert not any(one.mutual_count for one in others)
    assert (person.user_id, person.mutual_count, person.score) == (USERS[13], 8, 1.0)
    assert person.sources == ("friends_of_friends", "same_taste")
    assert person.reasons[0].text.startswith("8 people you follow follow them: ")
    assert person.reasons[1].text.startswith("You both watched at least ")
    assert person.shared_count >= len(set(KEAKS[1::2]) - {KEAKS[11], KEAKS[13]})
    alike = feeds.similar_people(USERS[11], 20)
    assert {one.user_id for one in alike} >= {*USERS[1::2]} - {USERS[11]}
    assert {one.user_id for one in alike if one.followed} == {*USERS[1::2]} - {USERS[11], USERS[13]}
    with pytest.raises(UnknownUser):
        feeds.people("nobody")


def test_neighbourhood(feeds):
    whole = feeds.neighbourhood(USERS[5], depth=1, limit=500)
    assert {node.label for node in whole.nodes} == {"User", "Keak"}
    assert whole.nodes[0].id == f"users/{USERS[5]}"
    named = {node.id for node in whole.nodes}
    assert {end for link in whole.links for end in (link.source, link.target)} == named
    deep = feeds.neighbourhood(USERS[5], depth=2, limit=30)
    assert len(deep.links) == 30
    assert {node.depth for node in deep.nodes} <= {0, 1, 2}
    with pytest.raises(UnknownUser):
        feeds.neighbourhood("nobody")


def test_look_ups_agree_with_and_without_the_graph(graph, snapshot, settings):
    live, cold = FeedService(graph, None, None, settings), FeedService(None, snapshot, None, settings)
    for user in (USERS[15], USERS[17]):
        ours, theirs = live.user(user), cold.user(user)
        assert {key: ours[key] for key in ("userId", "follows", "followers", "watched")} == {
            key: theirs[key] for key in ("userId", "follows", "followers", "watched")
        }
    assert live.content("keaks/k015")["uses"] == ["beats/odd"]
    assert live.content("keaks/k015")["watchers"] == cold.content("keaks/k015")["watchers"] == 9
    for feeds in (live, cold):
        with pytest.raises(UnknownUser):
            feeds.user("nobody")
        with pytest.raises(UnknownContent):
            feeds.content("keaks/none")


def test_the_snapshot_finds_all_words_or_any_of_ids_and_titles():
    contents = pl.DataFrame({"contentId": ["keaks/one", "keaks/two"], "title": ["Été à Paris", None]})
    reader = SnapshotReader(
        Snapshot.build({"User": pl.DataFrame({"userId": ["anna paris", "bob"]}), "Content": contents}, {})
    )

    def found(text: str) -> list[str]:
        return [row["id"] for row in reader.search(text, 10, None, None)]

    assert found("PARIS ete") == ["keaks/one"]
    assert reader.search("ete", 10, None, None)[0]["name"] == "Été à Paris"
    assert found("paris") == ["anna paris", "keaks/one"]
    assert found("bob two") == ["bob", "keaks/two"]
    assert found("nothing") == []


def test_search(feeds):
    found = feeds.search("K00", n=10)
    assert sorted(row["id"] for row in found) == KEAKS[:10]
    assert [row["audience"] for row in found] == sorted((row["audience"] for row in found), reverse=True)
    assert {row["label"] for row in feeds.search("ev")} == {"Beat", "Hashtag", "Genre"}
