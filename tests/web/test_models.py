"""``model=`` in the feed, over HTTP, on a real Neo4j: another trained model ranks in place of the default one."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.errors import ModelMismatch
from graph.live.mirror import Mirror
from graph.settings import Composition, Service, Settings
from graph.snapshot import Snapshot, load
from graph.snapshot.export import export
from ranking import registry
from recommend import exploration, live_feed
from recommend.service import FeedService
from tests import checkerboard, checkerboard_graph
from tests.web.test_problems import problem
from web import admission
from web import models as opened
from web.app import create_app

USER = "u004"
FEED = f"/v1/users/{USER}/recommendations"
LONG = "keaks/saga"
"""Two hours long, and watched by few: much watch time, and few watchers."""
TRAINED = ("popularity", "item-knn", "watch-ratio")


@pytest.fixture(scope="module")
def home(graph: Graph, session_settings: Settings) -> Settings:
    """The checkerboard, and somewhere on it a video of two hours; three models, of which popularity is the default."""
    checkerboard_graph.load(graph)
    at = checkerboard_graph.DAY
    lengths = [(keak, 10.0) for keak in checkerboard.contents()] + [(LONG, 7_200.0)]
    graph.write(
        "load/keaks", deadline_ms=0, rows=[{"id": keak, "properties": {"duration": long}} for keak, long in lengths]
    )
    rows = [[user, [[LONG, 0.9, False, False, False, 1, at, at]]] for user in checkerboard.users()[10:18:2]]
    graph.write("load/watched", deadline_ms=0, rows=rows, most=20)
    settings = session_settings.model_copy(
        update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000, model="popularity")}
    )
    export(graph, settings.snapshot_path, settings)
    snapshot = load(settings.snapshot_path)
    for name in TRAINED:
        more = {"epochs": 40, "batch": 32, "rate": 0.01} if name == "watch-ratio" else {}
        registry.make(name, **more).fit(snapshot).save(settings.model_path(name))
    return settings


def served(graph: Graph, home: Settings, mirror: Mirror | None) -> FlaskClient:
    snapshot = load(home.snapshot_path)
    default = registry.kind("popularity").load(home.model_path("popularity"), snapshot)
    app = create_app(home, FeedService(graph, snapshot, default, home, mirror=mirror))
    if mirror:
        mirror.refresh(graph)  # opened here, since a request has a deadline
        app.before_request(lambda: mirror.refresh(graph))
    return app.test_client()


@pytest.fixture(scope="module")
def live(graph: Graph, home: Settings) -> Iterator[FlaskClient]:
    """Feeds from the graph in memory."""
    mirror = Mirror(home, live_feed.rehearse)  # as the service has it: no request waits for the compiler
    yield served(graph, home, mirror)
    mirror.close()


@pytest.fixture(scope="module")
def plain(graph: Graph, home: Settings) -> FlaskClient:
    """Feeds by Cypher."""
    return served(graph, home, None)


@pytest.fixture(params=["live", "plain"])
def client(request: pytest.FixtureRequest) -> FlaskClient:
    found: FlaskClient = request.getfixturevalue(request.param)
    return found


def ask(client: FlaskClient, **query: Any) -> Any:
    answer = client.get(FEED, query_string={"kind": "keak", **query})
    assert answer.status_code == 200, answer.text
    return answer.json


def by_model(feed: Any) -> list[str]:
    return [item["content_id"] for item in feed["items"] if "model" in item["sources"]]


def test_each_model_ranks_the_feed_that_asks_for_it(client: FlaskClient, home: Settings) -> None:
    feeds = {name: ask(client, model=name, n=100) for name in TRAINED}
    snapshot = load(home.snapshot_path)
    number = int(snapshot.users.nids([USER])[0])
    for name, feed in feeds.items():
        assert feed["model_version"].startswith(name)
        assert (feed["rung"], feed["late"], feed["failed"]) == ("model", [], [])
        model = registry.kind(name).load(home.model_path(name), snapshot)
        best, _ = model.recommend(number, snapshot.contents.count, allowed=snapshot.kinds == "keak", guess=False)
        said = {snapshot.contents.ids[int(nid)] for nid in best if nid >= 0}
        assert set(by_model(feed)) == said
    score = {
        name: next(item["score"] for item in feed["items"] if item["content_id"] == LONG)
        for name, feed in feeds.items()
    }
    assert score["watch-ratio"] > max(score["item-knn"], score["popularity"]), "its length makes it the longest"
    assert by_model(feeds["popularity"]) != by_model(feeds["item-knn"])


def test_debug_tells_how_a_feed_came_about(live: FlaskClient, plain: FlaskClient) -> None:
    assert "debug" not in ask(live)
    feeds = [ask(client, model="item-knn", n=10, debug=True, exclude=LONG) for client in (live, plain)]
    for feed in feeds:
        told = feed["debug"]
        assert set(told["items"]) == {item["content_id"] for item in feed["items"]}
        for item in feed["items"]:
            parts = told["items"][item["content_id"]]
            assert [part["source"] for part in parts] == item["sources"]
            assert sum(part["part"] for part in parts) == pytest.approx(item["score"], abs=1e-5)
        kept = {name: counts["kept"] for name, counts in told["sources"].items()}
        proposed = sum(counts["proposed"] for counts in told["sources"].values())
        assert proposed == sum(kept.values()) + sum(told["removed"].values())
        assert told["removed"]["excluded"] >= 1
    assert feeds[0]["debug"]["items"] == feeds[1]["debug"]["items"]
    assert feeds[0]["debug"]["sources"]["model"] == feeds[1]["debug"]["sources"]["model"]


def test_without_a_name_the_default_model_answers(client: FlaskClient) -> None:
    assert ask(client)["model_version"].startswith("popularity")
    named, unnamed = ask(client, model="popularity"), ask(client)
    assert [item["content_id"] for item in named["items"]] == [item["content_id"] for item in unnamed["items"]]


def test_memory_and_cypher_give_the_same_feed(live: FlaskClient, plain: FlaskClient) -> None:
    for name in TRAINED[1:]:
        answers = [client.get(FEED, query_string={"model": name, "n": 30}) for client in (live, plain)]
        assert ["wait;" in answer.headers["Server-Timing"] for answer in answers] == [True, False], "by two ways"
        assert answers[0].json["items"] == answers[1].json["items"]  # type: ignore[index]


def test_pages_of_another_model_repeat_nothing(client: FlaskClient) -> None:
    first = ask(client, model="item-knn", n=5)
    second = ask(client, model="item-knn", n=5, cursor=first["next_cursor"])
    assert second["model_version"] == first["model_version"]
    assert not set(by_model(first)) & set(by_model(second))


def test_pages_repeat_nothing_when_something_happens_between_them(graph: Graph, home: Settings) -> None:
    mirror = Mirror(home)
    client = served(graph, home, mirror)
    shown: list[str] = []
    cursor, pages = None, 0
    while cursor or not pages:
        page = ask(client, model="item-knn", n=3, **({"cursor": cursor} if cursor else {}))
        assert not page["degraded"]
        shown += [item["content_id"] for item in page["items"]]
        unseen = next(keak for keak in reversed(checkerboard.contents()) if keak not in shown)
        events = [
            {"event_id": f"between-{pages}-{kind}", "kind": kind, "user_id": USER, "at": "2026-01-01T12:00:00Z",
             "content_id": content}
            for kind, content in (("hide", shown[-1]), ("watch", unseen))
        ]  # fmt: skip
        assert client.post("/v1/events", json={"events": events}).json["applied"] == 2  # type: ignore[index]
        shown.append(unseen)
        cursor, pages = page["next_cursor"], pages + 1
    mirror.close()
    assert len(shown) == len(set(shown)), shown
    assert pages > 2


@pytest.mark.parametrize("name", ["als", "gat", "Item-KNN", "../models/item-knn", "nobody's", "ünknown"])
def test_a_name_that_is_not_trained_is_refused_with_those_that_are(client: FlaskClient, name: str) -> None:
    told = problem(client.get(FEED, query_string={"model": name}), 422, "invalid-parameter")
    assert told["errors"][0]["field"] == "model"
    assert name in told["detail"]
    assert "popularity, item-knn, watch-ratio" in told["detail"]


def test_contents_that_resemble_one(client: FlaskClient, graph: Graph, home: Settings) -> None:
    keak = checkerboard.contents()[2]
    address = f"/v1/contents/{keak.replace('/', '%2F')}/similar"
    answer: Any = client.get(address, query_string={"model": "item-knn", "n": 5}).json
    snapshot = load(home.snapshot_path)
    model = registry.kind("item-knn").load(home.model_path("item-knn"), snapshot)
    nearest, _ = model.similar_items(int(snapshot.contents.nids([keak])[0]), 5)
    found = [item["content_id"] for item in answer["items"]]
    assert found == [snapshot.contents.ids[int(number)] for number in nearest]
    assert answer["model_version"].startswith("item-knn-")
    assert answer["content_id"] == keak
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    bare: Any = client.get(address.replace("keaks%2F", "")).json
    assert (bare["content_id"], bare["model_version"][:10]) == (keak, "popularity")
    now = time.time_ns() // 1_000_000
    row = {"place": 0, "producer": str(now), "userId": USER, "contentId": found[0]}
    graph.write("events/hide", rows=[row | {"eventId": "hide", "at": now}], receivedAt=now)
    try:
        hidden: Any = client.get(address, query_string={"model": "item-knn", "n": 5, "user_id": USER}).json
        assert found[0] not in [item["content_id"] for item in hidden["items"]]
        assert hidden["items"][0]["content_id"] == found[1]
    finally:
        graph.write("events/unhide", rows=[row | {"eventId": "unhide", "at": now}], receivedAt=now)
    assert client.get(address, query_string={"kind": "beat", "model": "item-knn"}).json["items"] == []  # type: ignore[index]
    few: Any = client.get(address, query_string={"kind": "keak", "model": "item-knn", "n": 3}).json
    assert [item["content_id"] for item in few["items"]] == found[:3]
    problem(client.get("/v1/contents/keaks%2Fnone/similar"), 404, "unknown-content")
    problem(client.get(address, query_string={"model": "nobody's"}), 422, "invalid-parameter")


def test_a_stranger_is_a_stranger_to_every_model(client: FlaskClient) -> None:
    problem(client.get("/v1/users/nobody/recommendations?model=item-knn"), 404, "unknown-user")


def test_a_long_list_to_leave_out_is_sent_in_the_body(client: FlaskClient) -> None:
    everything = [f"keaks/none{number}" for number in range(1_900)]
    best = by_model(ask(client, model="item-knn"))[0]
    answer = client.post(f"{FEED}?model=item-knn&n=3&kind=keak", json={"exclude": [best, *everything]})
    assert answer.status_code == 200, answer.text
    found: Any = answer.json
    assert found["model_version"].startswith("item-knn-")
    assert best not in by_model(found)
    problem(client.post(FEED, json={"exclude": ["keaks/x"] * 2_001}), 422, "invalid-parameter")
    problem(client.post(FEED, json={"without": []}), 422, "invalid-parameter")


def test_ids_with_commas_count_once_and_bare_ones_mean_every_kind(client: FlaskClient) -> None:
    best = by_model(ask(client, model="item-knn"))[0]
    exclude = [best.removeprefix("keaks/"), "keaks/a,b", *(f"keaks/none{number}" for number in range(1_997))]
    answer: Any = client.post(f"{FEED}?model=item-knn&n=3&kind=keak", json={"exclude": exclude})
    assert answer.status_code == 200, answer.text
    assert best not in by_model(answer.json)


def test_a_feed_of_tracks_is_answered_from_memory_as_by_cypher(live: FlaskClient, plain: FlaskClient) -> None:
    """There are none here: the answer is empty, and nothing failed."""
    for client in (live, plain):
        for query in ({"kind": "track"}, {"kind": "track", "replays": "true"}):
            feed = ask(client, **query)
            assert (feed["items"], feed["failed"], feed["degraded"]) == ([], [], False)


def test_who_waited_long_gets_a_cheaper_feed_that_says_so_and_who_waited_longer_none(live: FlaskClient) -> None:
    deadline_ms = 60_000
    admission._waited.ms = 0.3 * deadline_ms
    hurried = ask(live, model="item-knn", n=5)
    assert (hurried["degraded"], hurried["late"], hurried["failed"]) == (True, ["model", "reasons"], [])
    assert hurried["rung"] != "model"
    assert len(hurried["items"]) == 5
    assert not any(item["reasons"] for item in hurried["items"])
    admission._waited.ms = 0.6 * deadline_ms
    problem(live.get(FEED), 429, "overloaded")
    assert not ask(live, model="item-knn", n=5)["degraded"]


def test_what_is_drawn_at_random_is_logged_once_it_is_answered(home: Settings, tmp_path: Path) -> None:
    explores = home.model_copy(update={"home": tmp_path, "neo4j_uri": None, "feed": Composition(exploration=0.9)})
    snapshot = load(home.snapshot_path)
    model = registry.make("item-knn").fit(snapshot)
    client = create_app(explores, FeedService(None, snapshot, model, explores)).test_client()
    feed = ask(client, n=5)
    line = json.loads((tmp_path / exploration.LOG).read_text())
    assert (line["request_id"], line["user_id"], line["model_version"]) == (feed["request_id"], USER, "item-knn")
    assert line["items"] == [{key: item[key] for key in ("content_id", "propensity")} for item in feed["items"]]
    problem(client.get("/v1/users/nobody/recommendations"), 404, "unknown-user")
    assert len((tmp_path / exploration.LOG).read_text().splitlines()) == 1, "nobody saw that one"
    (tmp_path / exploration.LOG).unlink()
    (tmp_path / exploration.LOG).mkdir()
    assert ask(client, n=5)["items"], "a feed without a line is better than none"


def test_the_same_request_gives_the_same_bytes_whatever_the_load(live: FlaskClient, plain: FlaskClient) -> None:
    """Those by Cypher too: they have until a minute here."""
    for client in (live, plain):
        done = threading.Event()

        def load_it(client: FlaskClient = client, done: threading.Event = done) -> None:
            another = client.application.test_client()
            while not done.is_set():
                ask(another, model="item-knn", n=50)

        header = {"X-Request-Id": "the-same"}
        alone = client.get(FEED, query_string={"model": "item-knn"}, headers=header).data
        threads = [threading.Thread(target=load_it) for _ in range(3)]
        for thread in threads:
            thread.start()
        beside = [client.get(FEED, query_string={"model": "item-knn"}, headers=header).data for _ in range(5)]
        done.set()
        for thread in threads:
            thread.join()
        assert {*beside} == {alone}


def test_a_model_is_loaded_once_and_again_when_it_is_trained_anew(
    plain: FlaskClient, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load_model = opened.load_model

    def counted(name: str, *rest: Any) -> Any:
        loads.append(name)
        return load_model(name, *rest)

    monkeypatch.setattr(opened, "load_model", counted)
    path = home.model_path("item-knn")
    registry.make("item-knn", neighbours=5).fit(load(home.snapshot_path)).save(path)
    threads = [threading.Thread(target=ask, args=(plain,), kwargs={"model": "item-knn"}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(plain, model="item-knn")
    assert loads == ["item-knn"]
    os.utime(path, (1, 1))
    assert ask(plain, model="item-knn")["model_version"] == "item-knn-19700101T000001Z"


def test_a_model_of_another_graph_and_a_damaged_one_are_told(plain: FlaskClient, home: Settings) -> None:
    other: Snapshot = checkerboard.snapshot(30)
    path = home.model_path("ease")
    try:
        registry.make("ease").fit(other).save(path)
        with pytest.raises(ModelMismatch):
            registry.kind("ease").load(path, load(home.snapshot_path))
        told = problem(plain.get(FEED, query_string={"model": "ease"}), 422, "invalid-parameter")
        assert "another graph" in told["detail"]
        (path / "manifest.json").write_text("{")
        told = problem(plain.get(FEED, query_string={"model": "ease"}), 503, "unavailable")
        assert str(home.home) not in told["detail"]
        registry.make("ease").fit(load(home.snapshot_path)).save(path)
        assert ask(plain, model="ease")["model_version"].startswith("ease-")
    finally:
        shutil.rmtree(path, ignore_errors=True)


def test_several_models_feed_a_page_by_their_shares(graph: Graph, home: Settings) -> None:
    how = Composition(recommenders={"popularity": 3.0, "watch-ratio": 1.0, "ease": 4.0}, weights={"model": 8.0})
    together = home.model_copy(update={"feed": how})
    mirror = Mirror(together)
    feeds = [ask(served(graph, together, one), n=20, debug="true") for one in (mirror, None)]
    mirror.close()
    for feed in feeds:
        assert [item["content_id"] for item in feed["items"]] == [item["content_id"] for item in feeds[0]["items"]]
        assert (feed["rung"], feed["failed"]) == ("model", ["model/ease"]), "which is not trained"
        assert feed["model_version"].startswith("popularity + watch-ratio-")
        parts = {
            name: max(
                part["part"] for told in feed["debug"]["items"].values() for part in told if part["source"] == name
            )
            for name in ("model/popularity", "model/watch-ratio")
        }
        assert parts["model/popularity"] == pytest.approx(3.0 * parts["model/watch-ratio"], rel=0.01)
    alone = ask(served(graph, together, None), n=20, model="watch-ratio")
    assert {name for item in alone["items"] for name in item["sources"] if name.startswith("model")} == {"model"}
