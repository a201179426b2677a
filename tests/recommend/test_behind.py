"""While others write, feeds come from Neo4j, or without what was hidden from the graph as it was in memory."""

from __future__ import annotations

from typing import Any

import pytest

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import GraphError, GraphTimeout, GraphUnavailable
from graph.events import Entry
from graph.live import mirror as mirrors
from recommend import live_feed
from recommend import service as services
from recommend.feed import Feed
from recommend.reader import GraphReader
from recommend.request import Request
from recommend.service import FeedService
from tests import checkerboard, checkerboard_graph
from tests.recommend.drawn_graph import Database
from tests.recommend.followed import Followed

KEAKS = checkerboard.contents()
ME = "u007"
ASK: dict[str, Any] = {"n": 50, "deadline_ms": 60_000}


SMALL = {"filters/restrictions", "lookup/followed_now", "filters/gone"}
"""What a feed from a view that is behind asks of Neo4j."""


class Only(Graph):
    """A graph that answers the small questions about a reader, and fails with ``error`` at all else."""

    def __init__(self, graph: Graph, error: GraphError) -> None:
        self.graph, self.error = graph, error
        self.asked: set[str] = set()

    def read(self, name: str, **params: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        self.asked.add(name)
        if name not in SMALL:
            raise self.error
        return self.graph.read(name, **params)


@pytest.fixture
def passed(followed: Followed, database: Database, monkeypatch: pytest.MonkeyPatch) -> Followed:
    """A graph in memory that others wrote past: they hid, watched and blocked something."""
    monkeypatch.setattr(mirrors, "_CHECK_S", 0.0)
    monkeypatch.setattr(services, "_PAUSE_S", 3_600.0)
    monkeypatch.setattr(mirrors, "_CALM_S", 3_600.0)
    assert followed.view
    in_step = feeds(followed, followed.graph)
    assert {KEAKS[7], KEAKS[0]} <= ids(in_step.recommend(ME, **ASK))
    assert "beats/even" in ids(in_step.recommend("u008", **ASK))
    database.ask(
        f"MATCH (me:User {{userId: '{ME}'}}), (hidden:Content {{contentId: '{KEAKS[7]}'}}), "
        f"(watched:Content {{contentId: '{KEAKS[0]}'}}) "
        "CREATE (me)-[:HID {at: 1}]->(hidden), (me)-[:WATCHED {watchCount: 1, lastAt: 1}]->(watched)"
    )
    database.ask(
        "MATCH (one:User {userId: 'u000'}), (two:User {userId: 'u008'}) CREATE (one)-[:BLOCKED {at: 1}]->(two)"
    )
    followed.mirror.refresh(followed.graph)
    assert followed.mirror.view() is None
    assert followed.mirror.behind()
    return followed


def ids(feed: Feed) -> set[str]:
    return {item.content_id for item in feed.items}


def feeds(followed: Followed, graph: Graph) -> FeedService:
    snapshot = snapshots.load(followed.settings.snapshot_path)
    return FeedService(graph, snapshot, None, followed.settings, mirror=followed.mirror)


def asked(service: FeedService) -> set[str]:
    """What Neo4j is asked for a feed."""
    assert isinstance(service.graph, Only)
    service.graph.asked.clear()
    service.recommend(ME, **ASK)
    return service.graph.asked


def test_neo4j_answers_while_it_is_fast(passed: Followed) -> None:
    feed = feeds(passed, passed.graph).recommend(ME, **ASK)
    assert not feed.degraded
    assert ids(feed)
    assert not {KEAKS[7], KEAKS[0]} & ids(feed)
    hurried = feeds(passed, passed.graph).recommend(ME, hurried=True, **ASK)
    assert hurried.late == ("reasons",)
    assert ids(hurried)


@pytest.mark.parametrize("error", [GraphTimeout("late"), GraphError("broken")])
def test_where_neo4j_is_late_the_graph_in_memory_leaves_out_what_others_hid(
    passed: Followed, error: GraphError
) -> None:
    service = feeds(passed, Only(passed.graph, error))
    feed = service.recommend(ME, **ASK)
    assert feed.degraded
    assert (feed.late if isinstance(error, GraphTimeout) else feed.failed) == ("graph",)
    assert ids(feed)
    assert not {KEAKS[7], KEAKS[0]} & ids(feed)
    assert asked(service) == {"filters/restrictions", "filters/gone"}, "what was late a moment ago is not tried again"
    other = service.recommend("u008", **ASK)
    assert ids(other)
    assert "beats/even" not in ids(other), "who made it has blocked them"
    assert not any("u000" in reason.people for item in other.items for reason in item.reasons)


def test_where_neo4j_tells_what_is_known_and_no_candidates_in_time_memory_does(passed: Followed) -> None:
    class Slow(Only):
        def read(self, name: str, **params: Any) -> list[dict[str, Any]]:  # type: ignore[override]
            if name.startswith("candidates/"):
                raise self.error
            return self.graph.read(name, **params)

    feed = feeds(passed, Slow(passed.graph, GraphTimeout("late"))).recommend(ME, **ASK)
    assert feed.late == ("graph",)
    assert ids(feed)
    assert not {KEAKS[7], KEAKS[0]} & ids(feed)


class Silent(Only):
    """A graph that answers nothing in time."""

    def read(self, name: str, **params: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        raise GraphTimeout("late")


def test_our_own_events_show_there_too(passed: Followed) -> None:
    service = feeds(passed, Silent(passed.graph, GraphTimeout("late")))
    feed = service.recommend("u003", **ASK)
    assert {"graph", "restrictions"} <= set(feed.late)
    first = feed.items[0].content_id
    passed.happens("hide", "u003", content_id=first)
    assert first not in ids(service.recommend("u003", **ASK))


def test_blocks_that_the_service_knows_count_where_neo4j_tells_none_in_time(passed: Followed) -> None:
    service = feeds(passed, Silent(passed.graph, GraphTimeout("late")))
    assert "beats/even" in ids(service.recommend("u008", **ASK))
    service.recent.outbox.keep_blocks({("u000", "u008")})
    assert "beats/even" not in ids(service.recommend("u008", **ASK))


def test_a_block_that_waits_counts_in_feeds_from_memory(passed: Followed) -> None:
    service = feeds(passed, Silent(passed.graph, GraphTimeout("late")))
    assert "beats/odd" in ids(service.recommend("u009", **ASK))
    service.recent.outbox.accept([Entry("", "w1", "block", "u001", "u009", checkerboard_graph.DAY)], 0)
    feed = service.recommend("u009", **ASK)
    assert "wait" in feed.timings_ms, "from memory"
    assert "beats/odd" not in ids(feed)
    assert "u001" not in str(feed.items)


def test_what_somebody_unknown_there_must_not_be_shown_is_left_out(passed: Followed, database: Database) -> None:
    database.ask(
        "MATCH (maker:User {userId: 'u000'}) "
        "CREATE (:User {userId: 'imported', createdAt: 1})-[:BLOCKED {at: 1}]->(maker)"
    )
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    assert "beats/even" in ids(service.recommend("nobody", **ASK))
    assert "beats/even" not in ids(service.recommend("imported", **ASK))


def test_whom_somebody_follows_by_a_query_counts_there(passed: Followed, database: Database) -> None:
    database.ask(
        f"MATCH (me:User {{userId: '{ME}'}}) OPTIONAL MATCH (me)-[follows:FOLLOWS]->() DELETE follows "
        "WITH DISTINCT me MATCH (maker:User {userId: 'u001'}) CREATE (me)-[:FOLLOWS {since: 1}]->(maker)"
    )
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    assert "lookup/followed_now" in asked(service)
    view = passed.mirror.behind()
    assert view
    assert view.users.names(view.follows.of_node(view.users.number(ME) or 0).tolist()) == ["u001"]
    assert "lookup/followed_now" not in asked(service), "what the view knows is not asked for again"
    reasons = {reason.people for item in service.recommend(ME, **ASK).items for reason in item.reasons if reason.people}
    assert reasons == {("u001",)}


def test_contents_that_others_publish_are_learned_of_and_what_they_take_down_is_gone(
    passed: Followed, database: Database
) -> None:
    database.ask(
        "MATCH (maker:User {userId: 'u000'}) "
        "CREATE (maker)-[:MADE]->(:Content:Keak {contentId: 'keaks/new', keakId: 'new', createdAt: timestamp()}), "
        "(:User {userId: 'shy', isPrivate: true})-[:MADE]->"
        "(:Content:Keak {contentId: 'keaks/lost', keakId: 'lost', createdAt: timestamp()}), "
        "(:Content:Keak {contentId: 'keaks/half', keakId: 'half', createdAt: timestamp()})"
    )
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    assert not {"keaks/new", "keaks/lost"} & ids(service.recommend("u002", **ASK))
    passed.mirror.refresh(passed.graph)
    assert passed.mirror.view() is None
    feed = service.recommend("u002", **ASK)
    assert {"keaks/new", "keaks/lost"} <= ids(feed)
    assert "keaks/half" not in ids(feed), "an import may not have said yet who made it"
    assert "shy" not in str(feed.items)
    database.ask("MATCH (content:Keak {keakId: 'new'}) SET content.takenDown = true")
    database.ask("MATCH (content:Keak {keakId: 'lost'}) DETACH DELETE content")
    assert not {"keaks/new", "keaks/lost"} & ids(service.recommend("u002", **ASK))
    silent = feeds(passed, Silent(passed.graph, GraphTimeout("late"))).recommend("u002", **ASK)
    assert not {"keaks/new", "keaks/lost"} & ids(silent), "the view remembers"
    assert "taken_down" in silent.late


def test_where_what_is_gone_has_no_end_the_feed_is_shorter(passed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    monkeypatch.setattr(GraphReader, "gone", lambda _self, _request, content_ids, deadline_ms: frozenset(content_ids))
    feed = service.recommend(ME, n=1, deadline_ms=60_000)
    assert feed.items == ()
    view = passed.mirror.behind()
    assert view
    assert int(view.taken_down.sum()) >= 3


def test_what_our_own_events_changed_meanwhile_is_not_overwritten(
    passed: Followed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = GraphReader.followed

    def slow(reader: GraphReader, request: Request, deadline_ms: int) -> dict[str, tuple[int | None, bool]]:
        told = followed(reader, request, deadline_ms)
        passed.happens("follow", ME, target_id="u005")
        assert passed.mirror.behind(), "it has taken that over"
        return told

    database.ask(f"MATCH (:User {{userId: '{ME}'}})-[follows:FOLLOWS]->() WITH follows LIMIT 1 DELETE follows")
    monkeypatch.setattr(GraphReader, "followed", slow)
    feeds(passed, Only(passed.graph, GraphTimeout("late"))).recommend(ME, **ASK)
    view = passed.mirror.behind()
    assert view
    assert "u005" in view.users.names(view.follows.of_node(view.users.number(ME) or 0).tolist())


def test_replays_come_there_too(passed: Followed) -> None:
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    assert any(
        reason.kind == "replay" for item in service.recommend(ME, replays=True, **ASK).items for reason in item.reasons
    )


def test_where_the_view_fails_the_snapshot_answers(passed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise KeyError("broken")

    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    monkeypatch.setattr(live_feed, "compose", broken)
    feed = service.recommend(ME, **ASK)
    assert ids(feed)
    assert "memory" in feed.failed
    assert KEAKS[7] not in ids(feed)


def test_neo4j_is_tried_again_after_a_while(passed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_PAUSE_S", 0.0)
    service = feeds(passed, Only(passed.graph, GraphTimeout("late")))
    service.recommend(ME, **ASK)
    assert "candidates/trending" in asked(service)


def test_a_stand_in_asks_neo4j_for_no_feed(passed: Followed) -> None:
    service = feeds(passed, Only(passed.graph, GraphTimeout("late"))).while_late
    assert asked(service) == {"filters/restrictions", "filters/gone"}
    feed = service.recommend(ME, **ASK)
    assert feed.late == ("graph",)
    assert KEAKS[7] not in ids(feed)


def test_without_neo4j_the_snapshot_answers(passed: Followed) -> None:
    feed = feeds(passed, Only(passed.graph, GraphUnavailable("gone"))).recommend(ME, **ASK)
    assert (feed.graph_down, feed.degraded) == (True, True)
    assert ids(feed)
