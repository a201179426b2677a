"""The graph in memory gives what Cypher gives, the same candidates in the same order, and follows what happens."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as drawn_settings

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import Overloaded
from graph.events import Entry
from graph.live import View
from graph.live.mirror import Mirror
from graph.load import watch
from graph.settings import Composition, Less, Service, Settings
from graph.snapshot.export import export
from recommend.feed import Feed
from recommend.live_reader import LiveReader
from recommend.reader import GraphReader
from recommend.reasons import reasons
from recommend.request import Deadline, Request
from recommend.service import FeedService
from recommend.snapshot_reader import SnapshotReader
from recommend.sources import GRAPH_SOURCES, LAST_RESORT, REPLAYS, UNWATCHED, Source
from recommend.wanted import Wanted
from tests import checkerboard, checkerboard_graph
from tests.recommend.drawn_graph import CONTENTS, DAY, USERS, Database, Drawn, graphs, snapshot
from tests.recommend.followed import Followed

#: Small caps, so that on small graphs too what is left out is what the query leaves out.
CAPPED = {
    "followed_activity": {"friends": 2, "perFriend": 2},
    "followed_makers": {"friends": 1, "perFriend": 1, "scanned": 4},
    "co_watch": {"items": 2, "perItem": 2, "perUser": 2, "crowd": 4, "busy": 6},
    "same_beat": {"items": 3, "beats": 2, "perBeat": 1},
    "same_genre": {"items": 2, "genres": 1, "perGenre": 2, "perBeat": 1, "crowd": 1, "walked": 4},
    "same_hashtag": {"items": 2, "hashtags": 1, "perHashtag": 2, "crowd": 4},
}
#: Without shrinking, which asks Neo4j thousands of times.
DRAWN = drawn_settings(
    max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
)
SOURCES = (*GRAPH_SOURCES, LAST_RESORT, UNWATCHED)
FOR_ANYBODY = tuple(one for one in SOURCES if one.name in ("trending", "fresh", "popular", "unwatched"))
NARROWED = (
    Wanted.of(["genres/RAP"]),
    Wanted.of(["trap", "rap"], hashtags=["#Fun"]),
    Wanted.of(makers=["u0", "u1", "nobody"]),
    Wanted.of(hashtags=["night"], since=1),
    Wanted.of(moods=["sad"]),
)
TIGHT = tuple(Source(one.name, one.rung, one.weight, CAPPED.get(one.name, {})) for one in SOURCES)


def asked(me: str, kind: str | None = None, now: int = 0) -> Request:
    return Request("r", me, 20, kind, frozenset({CONTENTS[0]}), True, Deadline(60_000), now=now)


def agree(ours: LiveReader, theirs: GraphReader, users: list[str], contents: list[str], now: int) -> None:
    """Every source, fact and reason is the same, for all users and kinds."""
    for me in users:
        for kind, sources in ((None, (*SOURCES, *TIGHT)), ("beat", (*SOURCES, *TIGHT)), ("track", FOR_ANYBODY)):
            request = asked(me, kind, now)
            for source in sources:
                live, told = ours.candidates(source, request), theirs.candidates(source, request, 60_000)
                names = [one.content_id for one in told]
                assert [one.content_id for one in live] == names, (me, kind, source)
                assert [one.score for one in live] == pytest.approx([one.score for one in told], abs=1e-6)
        again = replace(asked(me, None, now), replays=True)
        seen = [(one, ours.view.contents.number(one.content_id)) for one in ours.candidates(REPLAYS, again)]
        assert [(one.content_id, ours.watched_at(again, number or 0)) for one, number in seen] == [
            (one.content_id, one.at) for one in theirs.candidates(REPLAYS, again, 60_000)
        ]
        for wanted in NARROWED:
            request = replace(asked(me, None, now), wanted=replace(wanted, since=wanted.since and now - 3 * DAY))
            assert ours.facts(request, contents) == theirs.facts(request, contents, 60_000)
            for source in (LAST_RESORT, UNWATCHED):
                assert ours.candidates(source, request) == theirs.candidates(source, request, 60_000), wanted
        request = asked(me, None, now)
        assert ours.facts(request, contents) == theirs.facts(request, contents, 60_000)
        counting = replace(request, composition=Composition(new_makers=0.1))
        traits = theirs.traits(counting, contents, 60_000)
        assert {name: counts(ours, name) for name in contents} == {
            name: ([*map(len, (one.beats, one.genres, one.hashtags, one.makers))], one.watchers)
            for name, one in traits.items()
        }
        wished = request.seen.known
        assert wished
        known = [(ours.view.contents.names([content])[0], at) for content, at in ours.less(request)]
        assert sorted(known) == sorted(wished.less)
        live_rows, rows = ours.why(request, contents), theirs.why(request, contents, 60_000)
        for content in contents:
            assert reasons(live_rows[content], now) == reasons(rows[content], now)


def counts(ours: LiveReader, content_id: str) -> tuple[list[int], int | None]:
    """How many traits of each sort a content has, and the watchers of its makers."""
    number = ours.view.contents.number(content_id)
    assert number is not None
    one = ours.traits(number, counted=True)
    return [*map(len, (one.beats, one.genres, one.hashtags, one.makers))], one.watchers


def test_candidates_facts_and_reasons_are_those_of_cypher(
    database: Database, graph: Graph, session_settings: Settings
) -> None:
    theirs = GraphReader(graph, session_settings, implicit=False)

    @given(graphs())
    @DRAWN
    def on_every_graph(drawn: Drawn) -> None:
        database.load(drawn)
        graph.write("load/settle", deadline_ms=0, contents=CONTENTS, rate=watch.RATE)
        ours = LiveReader(View(snapshot(drawn), session_settings.engagement))
        agree(ours, theirs, [*USERS[:3], "nobody"], CONTENTS, drawn.now)

    on_every_graph()


KEAKS = checkerboard.contents()


def test_every_kind_of_event_shows_as_cypher_has_it(followed: Followed, settings: Settings) -> None:
    before = followed.view
    doings: list[tuple[str, str, dict[str, Any]]] = [
        ("watch", "u001", {"content_id": KEAKS[4], "progress": 0.3}),
        ("watch", "u002", {"content_id": KEAKS[2], "progress": 0.78}),
        ("like", "u002", {"content_id": KEAKS[7]}),
        ("unlike", "u002", {"content_id": KEAKS[4]}),
        ("hide", "u004", {"content_id": KEAKS[4]}),
        ("hide", "u006", {"content_id": KEAKS[6]}),
        ("unhide", "u006", {"content_id": KEAKS[6]}),
        ("less", "u001", {"content_id": KEAKS[3]}),
        ("less", "u002", {"content_id": KEAKS[3]}),
        ("unless", "u002", {"content_id": KEAKS[3]}),
        ("less", "a newcomer", {"content_id": "beats/odd"}),
        ("follow", "u001", {"target_id": "u002"}),
        ("unfollow", "u003", {"target_id": "u005"}),
        ("block", "u007", {"target_id": "u001"}),
        ("watch", "a newcomer", {"content_id": KEAKS[9]}),
        ("follow", "a newcomer", {"target_id": "u002"}),
    ]
    for kind, user, about in doings:
        followed.happens(kind, user, **about)
    assert followed.view is before  # nothing was read anew
    ours = LiveReader(followed.view)
    theirs = GraphReader(followed.graph, settings, implicit=False)
    now = checkerboard_graph.DAY + 2 * 86_400_000
    users = ["u001", "u002", "u003", "u004", "u006", "u007", "a newcomer"]
    agree(ours, theirs, users, [*KEAKS, "beats/even", "beats/odd"], now)


def test_a_block_that_waits_counts_in_memory_before_the_graph_has_it(followed: Followed, settings: Settings) -> None:
    service = FeedService(followed.graph, None, None, settings, mirror=followed.mirror)
    assert followed.view
    assert "beats/even" in {item.content_id for item in service.recommend("u008", 50, deadline_ms=60_000).items}
    service.recent.outbox.accept([Entry("", "w1", "block", "u000", "u008", checkerboard_graph.DAY)], 0)
    feed = service.recommend("u008", 50, deadline_ms=60_000)
    assert (feed.degraded, "wait" in feed.timings_ms) == (False, True)
    assert "beats/even" not in {item.content_id for item in feed.items}
    assert "u000" not in str(feed.items)


def test_a_request_whose_turn_does_not_come_is_refused(followed: Followed, settings: Settings) -> None:
    feeds = FeedService(followed.graph, None, None, settings, mirror=followed.mirror)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with followed.view.lock:
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    try:
        with pytest.raises(Overloaded):
            feeds.recommend("u001", 5, deadline_ms=50)
    finally:
        done.set()
        holder.join()
    assert feeds.recommend("u001", 5, deadline_ms=60_000).items


NAMES = {
    "users/u003": "Bo Ray",
    "users/u004": "Cy",
    "users/u005": "Di Lu",
    "keaks/k003": "Blue Rain",
    "beats/odd": "Odd",
}


def check_names(feed: Feed) -> set[str]:
    """Sentences have names where there are any, fields for machines ids; the ids of the sentences."""
    told = set()
    for item in feed.items:
        ids = {item.content_id, *(f"users/{maker}" for maker in item.made_by)}
        for reason in item.reasons:
            ids |= {f"users/{person}" for person in reason.people} | {*reason.contents}
            assert all((person in reason.text) != (f"users/{person}" in NAMES) for person in reason.people)
            assert all((content in reason.text) != (content in NAMES) for content in reason.contents)
            told |= {f"users/{person}" for person in reason.people} | {*reason.contents}
        assert item.display_names == {id_: name for id_, name in NAMES.items() if id_ in ids}
    return told


def test_what_has_a_private_name_or_none_keeps_its_id(
    followed: Followed, database: Database, settings: Settings
) -> None:
    database.ask("MATCH (u:User) WHERE u.userId IN ['u003', 'u004'] SET u.name = 'Bo', u.isPrivate = u.userId = 'u004'")
    database.ask("MATCH (c:Content {contentId: 'keaks/k003'}) SET c.title = ''")
    export(followed.graph, settings.snapshot_path, settings)
    whole = snapshots.load(settings.snapshot_path)
    asked_for = ["u003", "u004", "u005", "nobody"], ["keaks/k003", "keaks/none"]
    readers = (
        GraphReader(followed.graph, settings, False),
        SnapshotReader(whole),
        LiveReader(View(whole, settings.engagement)),
    )
    assert [reader.names(*asked_for) for reader in readers] == [{"users/u003": "Bo"}] * 3


def test_a_part_of_memory_that_fails_is_named_and_the_rest_answers(
    followed: Followed, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = settings.model_copy(update={"service": Service(deadline_ms=60_000)})
    feeds = FeedService(followed.graph, snapshots.load(settings.snapshot_path), None, slow, mirror=followed.mirror)
    whole, ranked, why = feeds.recommend("u001", 5), LiveReader.ranked, LiveReader.why

    def recommend(*broken: str) -> Feed:
        def fails(reader: LiveReader, source: Source, request: Request) -> Any:
            found = ranked(reader, source, request)
            if source.name in broken:
                reader._seen[:] = True  # as a loop that stops halfway would leave it
                raise RuntimeError("a bug")
            return found

        def fails_too(reader: LiveReader, *asked: Any) -> Any:
            if "reasons" in broken:
                raise RuntimeError("a bug")
            return why(reader, *asked)

        monkeypatch.setattr(LiveReader, "ranked", fails)
        monkeypatch.setattr(LiveReader, "why", fails_too)
        followed.mirror.refresh(followed.graph)
        return feeds.recommend("u001", 5)

    part = recommend("followed_activity", "reasons")
    assert (part.failed, part.degraded, part.rung) == (("followed_activity", "reasons"), True, "graph")
    assert part.items[0].content_id == whole.items[0].content_id
    assert part.items[0].reasons == ()
    assert "followed_activity failed" in caplog.text
    assert "a bug" in caplog.text
    assert recommend().items == whole.items
    nothing = recommend(*(source.name for source in SOURCES))
    assert nothing.failed == ("memory",), "Cypher answers in its place"
    assert [item.content_id for item in nothing.items] == [item.content_id for item in whole.items]


def test_a_feed_from_memory_is_the_feed_from_cypher(followed: Followed, database: Database, settings: Settings) -> None:
    database.ask(
        "UNWIND keys($names) AS id OPTIONAL MATCH (u:User {userId: split(id, '/')[1]}) WHERE id STARTS WITH 'users/' "
        "OPTIONAL MATCH (c:Content {contentId: id}) SET u.name = $names[id], c.title = $names[id]",
        names=NAMES,
    )
    followed.happens("like", "u004", content_id=KEAKS[3])
    followed = Followed(followed.graph, settings)
    slow = settings.model_copy(update={"service": Service(deadline_ms=60_000)})
    whole = snapshots.load(settings.snapshot_path)
    quick = FeedService(followed.graph, whole, None, slow, mirror=followed.mirror)
    plain = FeedService(followed.graph, None, None, slow)
    shown: set[str] = set()
    narrowed = {
        wanted: set(whole.contents.ids.filter(wanted.mask(whole)).to_list())
        for wanted in (Wanted.of(["even"]), Wanted.of(["odd"], makers=["u001"]))
    }
    for user in ("u001", "u002", "nobody"):
        for n, kind in ((5, None), (50, "keak"), (3, "beat")):
            followed.mirror.refresh(followed.graph)
            ours = quick.recommend(user, n, kind, request_id="same")
            again = quick.recommend(user, n, kind, request_id="same")
            theirs = plain.recommend(user, n, kind, deadline_ms=60_000, request_id="same")
            assert [(i.content_id, i.sources, i.made_by, i.link) for i in ours.items] == [
                (i.content_id, i.sources, i.made_by, i.link) for i in theirs.items
            ]
            shown |= check_names(ours) | check_names(theirs)
            assert [[r.text for r in i.reasons] for i in ours.items] == [
                [r.text for r in i.reasons] for i in theirs.items
            ]
            assert [i.display_names for i in ours.items] == [i.display_names for i in theirs.items]
            assert [i.score for i in ours.items] == pytest.approx([i.score for i in theirs.items], abs=1e-6)
            assert (ours.rung, ours.degraded) == (theirs.rung, False)
            assert ours.items == again.items
        for wanted in (Wanted.of(["even"]), Wanted.of(["odd"], makers=["u001"])):
            followed.mirror.refresh(followed.graph)
            ours, theirs = (one.recommend(user, 9, deadline_ms=60_000, wanted=wanted) for one in (quick, plain))
            assert [(i.content_id, i.sources) for i in ours.items] == [(i.content_id, i.sources) for i in theirs.items]
            assert {i.content_id for i in ours.items} <= narrowed[wanted]
            assert ours.items or user in wanted.makers, "of the others something is left that is not seen"
    for user, n in (("u001", 9), ("u001", 19), ("nobody", 9)):
        followed.mirror.refresh(followed.graph)
        ours, theirs = (one.recommend(user, n, "keak", deadline_ms=60_000, replays=True) for one in (quick, plain))
        told = [[(i.content_id, i.sources, [r.text for r in i.reasons]) for i in feed.items] for feed in (ours, theirs)]
        assert told[0] == told[1]
        replayed = [i for i in ours.items if "replays" in i.sources]
        assert len(replayed) == {"u001": 1 if n == 9 else 8, "nobody": 0}[user], (
            "more than the share for want of others"
        )
        assert all((i.content_id in KEAKS[1::2], i.reasons[0].kind) == (True, "replay") for i in replayed)
    how = Composition(most_of_beat=0.3, most_of_genre=0.4, mmr=0.6, new_makers=0.2, new_maker_watchers=10)
    spread = slow.model_copy(update={"feed": how})
    quick = FeedService(followed.graph, whole, None, spread, mirror=followed.mirror)
    plain = FeedService(followed.graph, None, None, spread)
    for user in ("u003", "nobody"):
        followed.mirror.refresh(followed.graph)
        ours, theirs = (one.recommend(user, 9, deadline_ms=60_000) for one in (quick, plain))
        assert [(i.content_id, i.sources) for i in ours.items] == [(i.content_id, i.sources) for i in theirs.items]
        assert ours.failed == theirs.failed == theirs.late == ()
        assert any(i.kind == "beat" for i in ours.items) or user == "nobody", "its maker has few watchers"
    forever = slow.model_copy(update={"feed": Composition(less=Less(half_life_days=1e9))})
    plain = FeedService(followed.graph, None, None, forever)
    odd: dict[str, list[int]] = {}
    for kind in ("watch", "less", "unless"):
        followed.happens(kind, "u001", content_id=KEAKS[3])
        followed.mirror.refresh(followed.graph)
        later = Mirror(settings)  # which opens when the event is in the graph already
        later.refresh(followed.graph)
        memory = [FeedService(None, whole, None, forever, mirror=mirror) for mirror in (followed.mirror, later)]
        found = [
            [item.content_id for item in feeds.recommend("u001", 19, "keak", deadline_ms=60_000).items]
            for feeds in (plain, *memory)
        ]
        assert found[0] == found[1] == found[2], kind
        odd[kind] = [place for place, name in enumerate(found[0]) if name in KEAKS[1::2]]
    assert sum(odd["less"]) > sum(odd["watch"]), "what has the beat and the hashtag in common goes down"
    assert odd["unless"] == odd["watch"]
