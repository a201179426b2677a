from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from evaluation import play_data
from graph.database.driver import Graph
from graph.errors import GraphTimeout
from graph.settings import Service, Settings
from graph.snapshot import Snapshot
from ranking import registry
from recommend.feed import Feed
from recommend.request import Deadline
from recommend.served_model import ServedModel
from recommend.service import FeedService
from recommenders.popularity import Popularity
from recommenders.session import SessionModel
from tests import checkerboard
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder
from tests.web.fake import FakeFeeds, Ledger
from web import models as opened
from web.app import create_app
from web.problems import Problem
from web.serving import Serving


@pytest.fixture
def stored(alone: Settings) -> Settings:
    """A home with a snapshot and no model yet."""
    checkerboard.snapshot().save(alone.snapshot_path)
    return alone.model_copy(update={"service": Service(model="popularity")})


def train(settings: Settings, size: int = checkerboard.SIZE) -> None:
    Popularity().fit(checkerboard.snapshot(size)).save(settings.model_path("popularity"))


def test_nothing_at_all_is_no_reason_to_fall(alone: Settings) -> None:
    held = Serving.open(alone)
    assert (held.feeds.graph, held.feeds.snapshot, held.feeds.model) == (None, None, None)


def test_a_model_that_comes_later_is_taken_up(stored: Settings) -> None:
    held = Serving.open(stored)
    before = held.feeds
    assert before.snapshot
    assert before.model is None
    train(stored)
    held.refresh()
    assert held.feeds is not before
    assert held.feeds.model
    assert (held.feeds.model_version or "").startswith("popularity-")


def test_nothing_new_changes_nothing(stored: Settings) -> None:
    train(stored)
    held = Serving.open(stored)
    before = held.feeds
    held.refresh()
    assert held.feeds is before


def test_a_newer_model_replaces_the_older(stored: Settings) -> None:
    train(stored)
    held = Serving.open(stored)
    before = held.feeds
    train(stored)
    held.refresh()
    assert held.feeds is not before
    assert held.feeds.model is not before.model


def test_old_pair_stays_until_a_model_fits_the_new_snapshot(stored: Settings) -> None:
    train(stored)
    held = Serving.open(stored)
    before = held.feeds
    checkerboard.snapshot(30).save(stored.snapshot_path)
    held.refresh()
    assert held.feeds is before  # its model fits its snapshot; the new snapshot has none yet
    train(stored, 30)
    held.refresh()
    assert held.feeds.snapshot
    assert held.feeds.snapshot.users.count == 30
    assert held.feeds.model


def test_a_player_is_taken_up_with_the_newer_snapshot_while_the_feeds_wait_for_their_model(
    stored: Settings, tmp_path: Path
) -> None:
    train(stored)
    held = Serving.open(stored)
    newer = play_data.read(folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO))
    newer.save(stored.snapshot_path)
    held.refresh()
    SessionModel().fit(newer).save(stored.model_path("session"))
    held.refresh()
    assert held.player
    assert held.player.track(1).title == "Two"
    assert held.feeds.snapshot
    assert held.feeds.snapshot.users.count == checkerboard.SIZE  # whose model fits it
    before = held.player
    held.refresh()
    assert held.player is before


def test_whoever_asks_for_a_model_during_a_swap_is_answered(stored: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four requests that began before the swap two are loading, one waits for its turn, one has not asked yet."""
    settings = stored.model_copy(update={"service": Service(model="popularity", deadline_ms=60_000)})
    names = ["item-knn", "ease", "als", "user-knn"]
    for name in ("popularity", *names):
        registry.make(name).fit(checkerboard.snapshot()).save(settings.model_path(name))
    held = Serving.open(settings)
    swapped, begun = threading.Event(), threading.Semaphore(0)
    load_model, stamp = opened.load_model, opened.stamp

    def slow_load(*asked: Any) -> Any:
        begun.release()
        assert swapped.wait(60)
        return load_model(*asked)

    def slow_stamp(path: Path) -> opened.Stamp:
        if path.name == names[-1]:
            begun.release()
            assert swapped.wait(60)
        return stamp(path)

    monkeypatch.setattr(opened, "load_model", slow_load)
    monkeypatch.setattr(opened, "stamp", slow_stamp)
    with ThreadPoolExecutor(len(names)) as pool:
        asked = [pool.submit(held.model, name, Deadline(60_000)) for name in names]
        for _ in range(3):  # two loads on two threads, and the one that looks at its folder
            assert begun.acquire(timeout=60)
        while len(held._models._asked) < 3:  # the third load is in the queue
            time.sleep(0.001)
        before = held.feeds
        train(settings)
        monkeypatch.setattr("web.serving.load_model", load_model)
        held.refresh()
        assert held.feeds is not before
        swapped.set()
        found: list[ServedModel] = [one.result(60) for one in asked]
    assert [served.model.name for served in found] == names


def test_models_that_are_closed_say_that_one_is_being_loaded(stored: Settings) -> None:
    train(stored)
    registry.make("ease").fit(checkerboard.snapshot()).save(stored.model_path("ease"))
    held = Serving.open(stored)
    held._models.close()
    with pytest.raises(Problem, match="being loaded"):
        held.model("ease", Deadline(1_000))


def test_damaged_or_vanished_snapshot_leaves_the_old_one_in_service(stored: Settings) -> None:
    train(stored)
    held = Serving.open(stored)
    before = held.feeds
    (stored.snapshot_path / "manifest.json").write_text("{")
    stored.snapshot_path.rename(stored.home / "elsewhere")
    held.refresh()
    assert held.feeds is before
    (stored.home / "elsewhere").rename(stored.snapshot_path)
    held.refresh()
    assert held.feeds is before


def test_the_second_try_has_only_the_time_that_the_first_left(alone: Settings) -> None:
    class Slow(FakeFeeds):
        def recommend(self, *args: Any, **kwargs: Any) -> Feed:
            super().recommend(*args, **kwargs)
            time.sleep(2.5)
            raise GraphTimeout("too slow")

    settings = alone.model_copy(update={"service": Service(rate_limit="", deadline_ms=8_000)})
    first, second = Slow(settings), FakeFeeds(settings)
    first.graph = cast("Graph", Ledger())
    app = create_app(settings, first)
    app.extensions["entourage.serving"].offline = second
    assert app.test_client().get("/v1/users/u001/recommendations").status_code == 200
    assert first.deadlines == [6_000]
    assert 0 < (second.deadlines[0] or 0) <= 5_500


def test_search_without_a_graph_finds_the_users_of_the_snapshot(stored: Settings) -> None:
    found = Serving.open(stored).feeds.search("u01", 3)
    assert [one["id"] for one in found] == ["u010", "u011", "u012"]


def test_genres_and_hashtags_of_the_snapshot_are_found_and_wanted_without_a_graph(alone: Settings) -> None:
    pair = pl.DataFrame({"source": [0], "target": [0]}, schema={"source": pl.Int32, "target": pl.Int32})
    nodes = {
        "User": pl.DataFrame({"userId": ["u1"]}),
        "Content": pl.DataFrame({"contentId": ["keaks/1"], "kind": ["keak"], "createdAt": [1_600_000_000_000]}),
        "Genre": pl.DataFrame({"genreId": ["3"], "name": ["Hip Hop"]}),
        "Hashtag": pl.DataFrame({"name": ["Fun"]}),
    }
    Snapshot.build(nodes, {"WATCHED": pair, "HAS_GENRE": pair, "TAGGED": pair}).save(alone.snapshot_path)
    app = create_app(alone)
    client, feeds = app.test_client(), app.extensions["entourage.serving"].feeds
    assert feeds.search("hop", 3, label="Genre") == [{"label": "Genre", "id": "3", "name": "Hip Hop", "audience": 1}]
    assert [one["id"] for one in feeds.search("#fun")] == ["Fun"]
    assert feeds.search("hop", 3, label="Mood") == []
    narrowed = client.get("/v1/users/u1/recommendations?genre=hip%20hop")
    body = cast(Any, narrowed.json)
    assert (narrowed.status_code, body["items"], body["degraded"]) == (200, [], True)


def test_while_a_few_feeds_wait_for_the_graph_others_are_answered_from_the_snapshot(stored: Settings) -> None:
    settings = stored.model_copy(update={"service": Service(deadline_ms=1_000)})
    graph = cast(Graph, Ledger())
    app = create_app(settings, FeedService(graph, checkerboard.snapshot(), None, settings))
    held: Serving = app.extensions["entourage.serving"]
    held.graph_up = True
    begun, answer = threading.Semaphore(0), threading.Event()

    def question(feeds: FeedService) -> str:
        if feeds.graph is None:
            return "snapshot"
        begun.release()
        assert answer.wait(60)
        return "graph"

    def ask() -> str:
        with app.test_request_context("/"):
            app.preprocess_request()
            return held.ask(question, in_memory=True)

    with ThreadPoolExecutor(5) as pool:
        hanging = [pool.submit(ask) for _ in range(4)]
        for _ in hanging:
            assert begun.acquire(timeout=60)
        assert pool.submit(ask).result(60) == "snapshot"
        assert not begun.acquire(blocking=False)  # the fifth did not reach the graph
        answer.set()
        assert {one.result(60) for one in hanging} <= {"graph", "snapshot"}
    assert ask() == "graph"  # turns that ended are free again
