"""The whole service on the checkerboard, in a real Neo4j: the withheld keak comes first, with true reasons."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.settings import Service, Settings
from recommend.service import FeedService
from recommenders.ease import Ease
from recommenders.knn import ItemKnn
from tests import checkerboard, checkerboard_graph
from tests.web.test_problems import problem
from web.app import create_app
from web.serving import Serving

USERS = checkerboard.users()
KEAKS = checkerboard.contents()


@pytest.fixture(scope="module")
def prepared(session_settings: Settings) -> Settings:
    return session_settings.model_copy(
        update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000, model="ease")}
    )


@pytest.fixture(scope="module")
def service(graph: Graph, prepared: Settings) -> FlaskClient:
    checkerboard_graph.load(graph)
    snapshot = checkerboard.snapshot()
    model = Ease().fit(snapshot)
    model.recommend(0, 5)  # compiles its loops, which no deadline is meant for
    return create_app(prepared, FeedService(graph, snapshot, model, prepared)).test_client()


def ask(client: FlaskClient, path: str, **query: Any) -> Any:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.parametrize("number", [0, 1, 7, 18])
def test_the_withheld_keak_comes_first_with_its_reasons(service: FlaskClient, number: int) -> None:
    feed = ask(service, f"/v1/users/{USERS[number]}/recommendations", kind="keak", n=3)
    first = feed["items"][0]
    assert first["content_id"] == KEAKS[number]
    assert {"model", "followed_activity"} <= set(first["sources"])
    friends = next(reason for reason in first["reasons"] if reason["kind"] == "friends")
    assert "people you follow" in friends["text"]
    assert friends["evidence"]
    assert all(int(user_id[1:]) % 2 == number % 2 for user_id in friends["evidence"])
    assert (feed["rung"], feed["degraded"], feed["late"]) == ("model", False, [])


def test_nothing_seen_is_shown_again_on_any_page(service: FlaskClient) -> None:
    page = ask(service, "/v1/users/u002/recommendations", n=5)
    shown = [item["content_id"] for item in page["items"]]
    while page["next_cursor"]:
        page = ask(service, "/v1/users/u002/recommendations", n=5, cursor=page["next_cursor"])
        shown += [item["content_id"] for item in page["items"]]
    assert len(shown) == len(set(shown))
    assert not {KEAKS[keak] for user, keak in checkerboard.watched_pairs() if user == 2} & set(shown)


def test_look_ups_fit_the_graph(service: FlaskClient) -> None:
    user = ask(service, "/v1/users/u002")
    assert (user["user_id"], user["follows"], user["watched"]) == ("u002", 9, 9)
    content = ask(service, f"/v1/contents/{KEAKS[2]}")
    assert (content["kind"], content["uses"], content["hashtags"]) == ("keak", ["beats/even"], ["even"])
    assert [found["id"] for found in ask(service, "/v1/search", q="u01", n=3)["results"]] == ["u010", "u011", "u012"]
    around = ask(service, "/v1/users/u002/neighbourhood")
    assert around["nodes"][0]["name"] == "u002"
    assert {node["label"] for node in around["nodes"]} >= {"User", "Keak"}


@pytest.mark.parametrize("path", ["", "/recommendations", "/people", "/neighbourhood"])
def test_a_user_nobody_knows_is_404(service: FlaskClient, path: str) -> None:
    problem(service.get(f"/v1/users/nobody{path}"), 404, "unknown-user")


def test_a_newcomer_gets_a_cold_start_when_asked_for(service: FlaskClient) -> None:
    feed = ask(service, "/v1/users/nobody/recommendations", allow_unknown="true")
    assert feed["rung"] in ("trending", "popular")
    assert feed["items"]


def test_what_one_just_did_shows_in_the_next_feed(service: FlaskClient) -> None:
    hide = {"event_id": "h1", "kind": "hide", "user_id": "u004", "content_id": KEAKS[4], "at": "2026-01-01T12:00:00Z"}
    assert ask(service, "/v1/users/u004/recommendations", kind="keak")["items"][0]["content_id"] == KEAKS[4]
    answers: list[Any] = [service.post("/v1/events", json={"events": [hide]}).json for _ in range(2)]
    assert [(answer["applied"], answer["repeated"]) for answer in answers] == [(1, 0), (0, 1)]
    feed = ask(service, "/v1/users/u004/recommendations", kind="keak")
    assert KEAKS[4] not in [item["content_id"] for item in feed["items"]]


def test_an_event_about_content_nobody_knows_is_named(service: FlaskClient) -> None:
    share = {
        "event_id": "x1",
        "kind": "share",
        "user_id": "u004",
        "content_id": "keaks/none",
        "at": "2026-01-01T12:00:00Z",
    }
    answer: Any = service.post("/v1/events", json={"events": [share]}).json
    assert answer["events"] == [{"event_id": "x1", "status": "waiting", "reason": "keaks/none is not in the graph yet"}]


def test_it_opens_what_the_settings_point_to(graph: Graph, prepared: Settings) -> None:
    snapshot = checkerboard.snapshot()
    snapshot.save(prepared.snapshot_path)
    Ease().fit(snapshot).save(prepared.model_path("ease"))
    held = Serving.open(prepared)
    try:
        assert held.graph_up
        assert held.feeds.recommend("u002", kind="keak").items[0].content_id == KEAKS[2]
    finally:
        held.stop()


def test_without_neo4j_it_degrades_and_says_so(prepared: Settings, tmp_path: Any) -> None:
    away = prepared.model_copy(update={"home": tmp_path, "neo4j_uri": "bolt://127.0.0.1:1"})
    snapshot = checkerboard.snapshot()
    snapshot.save(away.snapshot_path)
    Ease().fit(snapshot).save(away.model_path("ease"))
    app = create_app(away)
    try:
        client = app.test_client()
        feed = ask(client, "/v1/users/u002/recommendations")
        assert feed["items"][0]["content_id"] == KEAKS[2]
        assert (feed["rung"], feed["degraded"]) == ("model", True)
        assert ask(client, "/health/ready")["graph"] == "down"
        assert ask(client, "/v1/users/u002/people")["people"] == []  # one follows all of one's clique
        problem(client.get("/v1/users/u002/neighbourhood"), 503, "unavailable")
    finally:
        app.extensions["entourage.serving"].stop()


class Hanging:
    """A Neo4j that took the connection and says no more."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def read(self, *_: Any, **__: Any) -> list[Any]:
        self.over.wait()
        return []


def test_a_neo4j_that_hangs_costs_no_answer_that_the_snapshot_has(prepared: Settings) -> None:
    quick = prepared.model_copy(update={"service": Service(rate_limit="", deadline_ms=2_000)})  # 50 are enough
    snapshot, hanging = checkerboard.snapshot(), Hanging()
    feeds = FeedService(cast("Graph", hanging), snapshot, Ease().fit(snapshot), quick)
    client = create_app(quick, feeds).test_client()
    try:
        feed = ask(client, "/v1/users/u002/recommendations")
        assert feed["items"][0]["content_id"] == KEAKS[2]
        assert (feed["degraded"], feed["graph_down"]) == (True, False)  # it was late: nobody knows that it is down
        assert {"graph", "filters"} & set(feed["late"])
        assert ask(client, "/v1/users/u002")["follows"] == 9
        problem(client.get("/v1/users/u002/neighbourhood"), 504, "deadline")
        problem(client.get("/v1/users/newcomer"), 504, "deadline")  # not 404: the graph may know them
    finally:
        hanging.over.set()


def test_a_feed_is_narrowed_by_genre_and_maker(service: FlaskClient) -> None:
    feed = ask(service, f"/v1/users/{USERS[3]}/recommendations", n=5, genre="genres/EVEN", kind="keak")
    even = set(KEAKS[0::2])
    assert feed["items"], "though all that the model likes for u003 is odd"
    assert {item["content_id"] for item in feed["items"]} <= even
    pages = ask(service, f"/v1/users/{USERS[3]}/recommendations", n=5, genre="even", cursor=feed["next_cursor"])
    assert not {item["content_id"] for item in pages["items"]} & {item["content_id"] for item in feed["items"]}
    made = ask(service, f"/v1/users/{USERS[3]}/recommendations", maker=f"users/{USERS[0]}")
    assert [item["content_id"] for item in made["items"]] == ["beats/even"]
    told = ask(service, f"/v1/users/{USERS[3]}/recommendations", genre="even", max_age_days=1, debug="true")
    assert told["items"] == [], "the checkerboard is years old"
    assert told["debug"]["removed"]["wanted"]
    wrong = service.get(f"/v1/users/{USERS[3]}/recommendations", query_string={"genre": "evn"})
    assert "no genre is called 'evn';" in problem(wrong, 422, "invalid-parameter")["errors"][0]["message"]
    part = service.get(f"/v1/users/{USERS[3]}/recommendations", query_string={"genre": "eve"})
    assert "no genre is called 'eve', but 'even' is;" in problem(part, 422, "invalid-parameter")["errors"][0]["message"]


def test_a_session_without_an_id_is_placed_by_what_was_watched(
    service: FlaskClient, graph: Graph, prepared: Settings
) -> None:
    assert service.get("/health/live").status_code == 200, "the checkerboard is loaded"
    snapshot = checkerboard.snapshot()
    feeds = FeedService(graph, snapshot, ItemKnn().fit(snapshot), prepared)
    client = create_app(prepared, feeds).test_client()

    def asked(**body: Any) -> Any:
        return client.post("/v1/session/recommendations?n=4", json=body)

    watched = [KEAKS[1], KEAKS[3].removeprefix("keaks/"), "keaks/none"]
    feed = asked(contents=watched, exclude=[KEAKS[5]]).json
    shown = [item["content_id"] for item in feed["items"]]
    assert (feed["rung"], feed["unknown"], feed["degraded"]) == ("model", ["keaks/none"], False)
    assert set(shown) <= set(KEAKS[1::2]) - {KEAKS[1], KEAKS[3], KEAKS[5]}
    assert "user_id" not in feed
    newer = asked(contents=[KEAKS[1], "9"], exclude=[]).json
    assert newer["unknown"] == ["9"], "which may be the bare id of something that came since, and is left out then"
    nothing = asked(contents=["keaks/none"]).json
    assert nothing["items"], "what is popular"
    problem(asked(contents=[]), 422, "invalid-parameter")
