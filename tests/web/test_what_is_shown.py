"""Who and what is shown to whom, over HTTP on a real Neo4j: blocked and private people, ids, search, failures."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import GraphError, GraphTimeout, GraphUnavailable
from graph.events import Entry, Outbox
from graph.settings import Service, Settings
from graph.snapshot.export import export
from recommend import restrictions
from recommend.restrictions import Blocks, Recent, Restrictions
from recommend.service import FeedService
from tests.recommend.drawn_graph import DAY, Database
from tests.web.test_problems import problem
from web.app import create_app

ODD_IDS = [
    "AC/DC",
    "https://example.org/a?b=1&c=%20d",
    "at://did:plc:abc/app.feed.post/3k",
    "Mötley, Crüe",
    "🎵",
    "ends in/recommendations",
    "ends in/",
    "100 %",
    "a@b#c;d+e",
    "two\nlines",
    "é" * 247,
]


def seed(database: Database) -> None:
    """``me`` follows a friend, a private one and two blocked ones, who all like the same keak."""
    database.ask(
        """
        UNWIND ['me', 'friend', 'secret', 'blocker', 'blocked', 'far', 'beatmaker'] AS id CREATE (:User {userId: id})
        WITH count(*) AS _
        MATCH (u:User {userId: 'secret'}) SET u.isPrivate = true
        """
    )
    database.ask(
        """
        UNWIND range(1, 30) AS n
        CREATE (:Content:Keak {contentId: 'keaks/k' + n, createdAt: $now - n * 1000, audience: 0})
        """,
        now=int(1000 * time.time()) - 400 * DAY,
    )
    database.ask("UNWIND range(1, 8) AS n CREATE (:Content:Beat {contentId: 'beats/b' + n})")
    database.ask(
        """
        MATCH (me:User {userId: 'me'})
        MATCH (other:User) WHERE other.userId IN ['friend', 'secret', 'blocker', 'blocked']
        CREATE (me)-[:FOLLOWS]->(other)
        WITH other MATCH (far:User {userId: 'far'}), (keak:Keak {contentId: 'keaks/k1'})
        CREATE (other)-[:FOLLOWS]->(far), (other)-[:WATCHED {liked: true}]->(keak)
        """
    )
    database.ask(
        """
        MATCH (me:User {userId: 'me'}), (a:User {userId: 'blocker'}), (b:User {userId: 'blocked'})
        MATCH (secret:User {userId: 'secret'}), (k2:Keak {contentId: 'keaks/k2'})
        MATCH (k3:Keak {contentId: 'keaks/k3'}), (k4:Keak {contentId: 'keaks/k4'})
        CREATE (a)-[:BLOCKED]->(me), (me)-[:BLOCKED]->(b), (a)-[:MADE]->(k2), (b)-[:MADE]->(k3), (secret)-[:MADE]->(k4)
        """
    )
    database.ask("MATCH (c:Content) SET c.audience = COUNT { (c)<-[:WATCHED]-() }")
    database.ask("UNWIND $ids AS id CREATE (:Content:Keak {contentId: 'keaks/' + id})", ids=ODD_IDS)
    database.ask("UNWIND $ids AS id CREATE (:User {userId: id})", ids=ODD_IDS)


@pytest.fixture(scope="module")
def database(graph: Graph) -> Iterator[Database]:
    opened = Database(graph)
    seed(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def patient(session_settings: Settings) -> Settings:
    return session_settings.model_copy(update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)})


@pytest.fixture(scope="module")
def client(graph: Graph, database: Database, patient: Settings) -> FlaskClient:
    return create_app(patient, FeedService(graph, None, None, patient)).test_client()


def ask(client: FlaskClient, path: str, **query: Any) -> Any:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_blocked_people_are_gone_from_every_answer(client: FlaskClient) -> None:
    feed = ask(client, "/v1/users/me/recommendations", n=50)
    shown = {item["content_id"] for item in feed["items"]}
    assert "keaks/k1" in shown
    assert not {"keaks/k2", "keaks/k3"} & shown
    people = ask(client, "/v1/users/me/people")
    around = ask(client, "/v1/users/me/neighbourhood", depth=2, limit=300)
    found = ask(client, "/v1/search", q="block", user_id="me")
    for answer in (feed, people, around, found):
        assert "blocke" not in json.dumps({key: value for key, value in answer.items() if key != "request_id"})
    assert [one["id"] for one in ask(client, "/v1/search", q="block")["results"]] == ["blocked", "blocker"]
    (first,) = [item for item in feed["items"] if item["content_id"] == "keaks/k1"]
    friends = next(reason for reason in first["reasons"] if reason["kind"] == "friends")
    assert friends["text"] == "2 people you follow liked it: friend and 1 more"
    assert ask(client, "/v1/users/me")["follows"] == 2


@pytest.fixture
def works(database: Database) -> Iterator[None]:
    """``fan`` and two others, of whom fan follows ``pal``, watched what ``gone``, whom fan blocks, made."""
    database.ask(
        """
        MATCH (maker:User {userId: 'beatmaker'})
        CREATE (fan:User {userId: 'fan'}), (pal:User {userId: 'pal'}), (gone:User {userId: 'gone'})
        CREATE (k:Content:Keak {contentId: 'keaks/w1', title: 'a work'})
        CREATE (b:Content:Beat {contentId: 'beats/w2', title: 'a work'})
        CREATE (over:Content:Keak {contentId: 'keaks/w3', title: 'a work', audience: 2})
        CREATE (open:Content:Keak {contentId: 'keaks/w4', title: 'a work', audience: 1})
        CREATE (fan)-[:BLOCKED]->(gone), (fan)-[:FOLLOWS]->(pal), (gone)-[:MADE]->(k), (gone)-[:MADE]->(b)
        CREATE (over)-[:USES]->(b), (open)-[:USES]->(b), (maker)-[:MADE]->(over)
        CREATE (fan)-[:WATCHED {lastAt: 2}]->(k), (fan)-[:WATCHED {lastAt: 1}]->(over)
        CREATE (pal)-[:WATCHED {lastAt: 3}]->(k), (:User {userId: 'mate'})-[:WATCHED {lastAt: 3}]->(k)
        CREATE (pal)-[:WATCHED {lastAt: 3}]->(over), (pal)-[:WATCHED {lastAt: 3}]->(open), (pal)-[:WATCHED]->(b)
        SET k.audience = 3, b.audience = 1
        """
    )
    yield
    database.ask("MATCH (n) WHERE n.userId IN ['fan', 'pal', 'mate', 'gone'] OR n.title = 'a work' DETACH DELETE n")


def test_what_blocked_people_made_is_gone_too(
    graph: Graph, client: FlaskClient, works: None, patient: Settings, tmp_path: Any
) -> None:
    export(graph, tmp_path / "snapshot", patient)
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    alone = FeedService(None, snapshots.load(tmp_path / "snapshot"), None, patient, outbox=outbox)
    for asked in (client, create_app(patient, alone).test_client()):
        found = ask(asked, "/v1/search", q="work", user_id="fan")
        assert [one["id"] for one in found["results"]] == ["keaks/w3", "keaks/w4"]
        assert "beats/w2" in {one["id"] for one in ask(asked, "/v1/search", q="work")["results"]}
        assert "beats/w2" not in {one["id"] for one in ask(asked, "/v1/search", q="beats/w2", user_id="fan")["results"]}
        feed = ask(asked, "/v1/users/fan/recommendations", n=5)
        (item,) = [item for item in feed["items"] if item["content_id"] == "keaks/w4"]
        told = {reason["kind"]: reason["contents"] for reason in item["reasons"]}
        assert told["because"] == ["keaks/w3"], "not the keak of somebody blocked, which was watched later"
        assert "beat" not in told
        if asked is client:
            found["around"] = ask(client, "/v1/users/fan/neighbourhood", depth=2, limit=300)
        alike, people = ask(asked, "/v1/users/fan/similar"), ask(asked, "/v1/users/fan/people")
        shared = {one["user_id"]: (one["shared_count"], one["shared"]) for one in alike["people"]}
        assert shared == {"pal": (2, ["keaks/w3"]), "mate": (1, [])}, "counted, and not named"
        assert [one["user_id"] for one in people["people"]] == ["mate"]
        for answer in (feed, found, alike, people):
            assert not {"keaks/w1", "beats/w2", "gone"} & set(json.dumps(answer).split('"'))
    outbox.accept([Entry("", "b1", "block", "fan", "beatmaker", at=1)], received=1)
    assert [one.shared for one in alone.similar_people("fan")] == [(), ()], "the maker of the other keak"


def test_a_private_person_is_counted_and_never_named(client: FlaskClient) -> None:
    feed = ask(client, "/v1/users/me/recommendations", n=50)
    people = ask(client, "/v1/users/me/people")
    answers = [
        feed,
        people,
        ask(client, "/v1/users/me/neighbourhood", depth=2, limit=300),
        ask(client, "/v1/search", q="secret"),
        ask(client, "/v1/contents/keaks%2Fk4"),
    ]
    for answer in answers:
        assert "secret" not in json.dumps(answer)
    (theirs,) = [item for item in feed["items"] if item["content_id"] == "keaks/k4"]
    assert theirs["made_by"] == []
    assert theirs["reasons"][0]["text"] == "Made by 1 person you follow"
    (far,) = people["people"]
    assert (far["user_id"], far["mutual_count"], far["mutual"]) == ("far", 2, ["friend"])
    assert far["reasons"][0]["text"] == "2 people you follow follow them: friend and 1 more"


@pytest.mark.parametrize("id_", ODD_IDS)
def test_any_id_is_found_under_its_address(client: FlaskClient, id_: str) -> None:
    encoded = quote(id_, safe="")
    for address in (encoded, quote(f"keaks/{id_}", safe=""), quote(f"keaks/{id_}", safe="/")):
        if address.endswith("/") or "//" in address:
            continue  # not the whole id is encoded: a browser may shorten it
        assert ask(client, f"/v1/contents/{address}")["content_id"] == f"keaks/{id_}"
    for spelled in (encoded, quote(f"users/{id_}", safe="")):
        assert ask(client, f"/v1/users/{spelled}")["user_id"] == id_.strip()
        assert ask(client, f"/v1/users/{spelled}/neighbourhood")["user_id"] == id_
        feed = ask(client, f"/v1/users/{spelled}/recommendations", n=3, allow_unknown="true")
        assert feed["user_id"] == id_
        assert len(feed["next_cursor"]) < 40
    assert id_ in [one["id"] for one in ask(client, "/v1/search", q=id_)["results"]]


def test_an_excluded_id_may_hold_a_comma(client: FlaskClient) -> None:
    everything = {"n": 100, "kind": "keak"}
    shown = [item["content_id"] for item in ask(client, "/v1/users/far/recommendations", **everything)["items"]]
    assert "keaks/Mötley, Crüe" in shown
    less = ask(client, "/v1/users/far/recommendations", exclude="keaks/Mötley, Crüe", **everything)["items"]
    # As a set: without it, what a source names after it moves up a place there, and with that the order may change.
    assert {item["content_id"] for item in less} == set(shown) - {"keaks/Mötley, Crüe"}


def test_both_spellings_of_an_accent_are_one_id(client: FlaskClient) -> None:
    assert ask(client, "/v1/users/" + quote("Mo\u0308tley, Cru\u0308e"))["user_id"] == "Mötley, Crüe"


@pytest.mark.parametrize("words", ["motley", "CRÜE", "crue", "Mot", "crue mötley", "tle"])
def test_search_finds_any_word_without_case_and_accents(client: FlaskClient, words: str) -> None:
    assert {one["id"] for one in ask(client, "/v1/search", q=words)["results"]} == {
        "Mötley, Crüe", "keaks/Mötley, Crüe"
    }  # fmt: skip


def test_a_hashtag_comes_first_in_whatever_case(client: FlaskClient, database: Database) -> None:
    database.ask(
        "MATCH (k:Keak) WITH k LIMIT 9 "
        "MERGE (much:Hashtag {name: 'nightfever'}) MERGE (:Hashtag {name: 'Night'}) MERGE (k)-[:TAGGED]->(much)"
    )
    for spelled in ("night", "#NIGHT", "Night"):
        found = ask(client, "/v1/search", q=spelled)["results"]
        assert [one["id"] for one in found[:2]] == ["Night", "nightfever"]


def test_search_begins_with_the_largest_audience(client: FlaskClient) -> None:
    found = ask(client, "/v1/search", q="keaks", n=50)["results"]
    assert (found[0]["id"], found[0]["audience"]) == ("keaks/k1", 4)
    assert {one["label"] for one in ask(client, "/v1/search", q="a", label="User", n=50)["results"]} == {"User"}
    assert [one["audience"] for one in found] == sorted((one["audience"] for one in found), reverse=True)


@pytest.mark.parametrize(("kind", "n"), [("beat", 8), ("keak", 39)])
def test_a_kind_is_found_wherever_there_is_some(client: FlaskClient, kind: str, n: int) -> None:
    page = ask(client, "/v1/users/me/recommendations", kind=kind, n=5)
    shown = [item["content_id"] for item in page["items"]]
    while page["next_cursor"]:
        page = ask(client, "/v1/users/me/recommendations", kind=kind, n=5, cursor=page["next_cursor"])
        shown += [item["content_id"] for item in page["items"]]
    assert len(shown) == len(set(shown)) == n


class Failing(Graph):
    """Neo4j, but for some questions."""

    def __init__(self, graph: Graph, errors: dict[str, Exception]) -> None:
        self._inner, self.errors = graph, errors

    def read(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        for part, error in self.errors.items():
            if part in name:
                raise error
        return self._inner.read(name, **params)

    def write(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        return self._inner.write(name, **params)

    def write_and_tell(self, name: str, /, **params: Any) -> tuple[list[dict[str, Any]], bool]:
        return self._inner.write_and_tell(name, **params)

    def transaction(self, *, deadline_ms: int | None = None) -> Any:
        return self._inner.transaction(deadline_ms=deadline_ms)


def test_a_source_that_fails_is_logged_counted_and_named(
    graph: Graph, database: Database, patient: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(graph, {"co_watch": RuntimeError("a bug"), "candidates/fresh": GraphTimeout("late")})
    client = create_app(patient, FeedService(failing, None, None, patient)).test_client()
    with caplog.at_level(logging.ERROR, "entourage"):
        feed = ask(client, "/v1/users/me/recommendations")
    assert feed["items"]
    assert (feed["degraded"], feed["failed"], feed["late"]) == (True, ["co_watch"], ["fresh"])
    assert not feed["graph_down"]
    assert any("co_watch" in record.getMessage() and record.exc_info for record in caplog.records)
    metrics = client.get("/metrics").text
    assert 'entourage_source_total{outcome="failed",source="co_watch"} 1.0' in metrics
    assert 'entourage_source_total{outcome="late",source="fresh"} 1.0' in metrics
    assert 'entourage_source_total{outcome="answered",source="trending"} 1.0' in metrics


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (RuntimeError("a bug"), 500, "internal"),
        (GraphError("refused"), 500, "internal"),
        (GraphUnavailable("gone"), 503, "unavailable"),
        (GraphTimeout("late"), 504, "deadline"),
    ],
)
def test_an_error_is_the_answer_only_when_nothing_else_is(
    graph: Graph, database: Database, patient: Settings, error: Exception, status: int, name: str
) -> None:
    client = create_app(patient, FeedService(Failing(graph, {"": error}), None, None, patient)).test_client()
    problem(client.get("/v1/users/me/recommendations"), status, name)


@pytest.mark.parametrize(
    ("missing", "by_hand"),
    [("facts", False), ("everything", False), ("everything", True)],
)
def test_a_block_holds_while_the_facts_come_from_an_older_snapshot(
    graph: Graph, database: Database, patient: Settings, tmp_path: Any, missing: str, by_hand: bool
) -> None:
    number, failing = time.time_ns(), Failing(graph, {})
    settings = patient.model_copy(update={"home": tmp_path})
    database.ask("MATCH (m:User {userId: 'beatmaker'}), (b:Beat {contentId: 'beats/b2'}) MERGE (m)-[:MADE]->(b)")
    database.ask("MATCH (:User {userId: 'far'})-[block:BLOCKED]-() DELETE block")
    export(graph, tmp_path / "snapshot", patient)
    feeds = FeedService(failing, snapshots.load(tmp_path / "snapshot"), None, settings)
    client = create_app(settings, feeds).test_client()
    database.ask("CREATE (:Content:Beat {contentId: $id, audience: 1000})", id=f"beats/younger{number}")

    def beats() -> list[str]:
        feed = ask(client, "/v1/users/far/recommendations", kind="beat", n=50)
        return [item["content_id"] for item in feed["items"]]

    assert "beats/b2" in beats()
    assert f"beats/younger{number}" in beats()
    block = {
        "event_id": f"block {number}",
        "kind": "block",
        "user_id": "beatmaker",
        "target_id": "far",
        "at": "2026-01-01T12:00:00Z",
    }
    if by_hand:
        database.ask("MATCH (m:User {userId: 'beatmaker'}), (far:User {userId: 'far'}) CREATE (m)-[:BLOCKED]->(far)")
        cast("Any", client.application).extensions["entourage.serving"].refresh()  # as every two seconds
    else:
        assert cast("Any", client.post("/v1/events", json={"events": [block]}).json)["applied"] == 1
    assert "beats/b2" not in beats()
    failing.errors = {"facts": GraphTimeout("late")} if missing == "facts" else {"": GraphUnavailable("gone")}
    left = beats()
    assert "beats/b3" in left
    assert "beats/b2" not in left
    assert f"beats/younger{number}" not in left  # nothing is known of it: it is not shown


def test_a_hanging_filter_costs_no_block(graph: Graph, database: Database, patient: Settings, tmp_path: Any) -> None:
    free = threading.Event()

    class Hanging(Failing):
        def read(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
            if name == "filters/facts":
                free.wait(60)
            return super().read(name, **params)

    database.ask("MATCH (m:User {userId: 'far'}), (b:Beat {contentId: 'beats/b5'}) MERGE (m)-[:MADE]->(b)")
    export(graph, tmp_path / "snapshot", patient)
    database.ask("MATCH (m:User {userId: 'far'}), (me:User {userId: 'friend'}) MERGE (m)-[:BLOCKED]->(me)")
    settings = patient.model_copy(update={"home": tmp_path, "service": Service(rate_limit="", deadline_ms=20_000)})
    feeds = FeedService(Hanging(graph, {}), snapshots.load(tmp_path / "snapshot"), None, settings)
    try:
        feed = feeds.recommend("friend", n=50, kind="beat", deadline_ms=5_000)
    finally:
        free.set()
    assert "filters" in feed.late
    assert feed.degraded
    assert "beats/b5" not in {item.content_id for item in feed.items}


def test_a_block_that_is_deleted_by_hand_is_forgotten(
    graph: Graph, database: Database, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restrictions, "_CALM_S", 0.0)
    outbox, mark = Outbox(tmp_path / "outbox.sqlite3"), "1"
    blocks = Blocks(outbox)
    blocks.refresh(graph, mark)
    before = outbox.blocks()
    database.ask("MATCH (a:User {userId: 'far'}), (b:User {userId: 'secret'}) CREATE (a)-[:BLOCKED]->(b)")
    blocks.refresh(graph, mark)
    assert outbox.blocks() == before | {("far", "secret")}
    assert "secret" in Recent(outbox).with_recent(Restrictions(), "far").blocked
    database.ask("MATCH (:User {userId: 'far'})-[block:BLOCKED]->(:User {userId: 'secret'}) DELETE block")
    blocks.refresh(graph, mark)
    assert outbox.blocks() == before
    both = "MATCH (a:User {userId: 'far'}), (b:User {userId: 'secret'}), (c:User {userId: 'friend'}) "
    database.ask(f"{both} CREATE (a)-[:BLOCKED]->(b)")
    blocks.refresh(graph, mark)
    database.ask(f"{both} MATCH (a)-[block:BLOCKED]->(b) DELETE block CREATE (b)-[:BLOCKED]->(c)")
    blocks.refresh(graph, "2")
    assert outbox.blocks() == before | {("secret", "friend")}, "as many as before, and others"
    database.ask("MATCH (:User {userId: 'secret'})-[block:BLOCKED]->(:User {userId: 'friend'}) DELETE block")
