"""Contents and people as they are published and taken down, on a real Neo4j: from memory, Cypher and the snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.home import begin
from graph.live import mirror as mirrors
from graph.settings import Service, Settings
from graph.snapshot.export import export
from recommend.batch import write_all
from recommend.service import FeedService
from recommenders.counting import CoOccurrence
from tests import checkerboard, checkerboard_graph
from tests.conftest import empty
from tests.web.test_outbox import Line
from web import serving
from web.app import create_app
from web.serving import Serving

USERS, KEAKS = checkerboard.users(), checkerboard.contents()


@pytest.fixture
def patient(graph: Graph, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The checkerboard in Neo4j and as a snapshot in the home; deadlines that any machine keeps."""
    monkeypatch.setattr(mirrors, "_STALE_S", 600.0)
    monkeypatch.setattr(serving, "_FIRST_S", 600.0)  # the first on a machine compiles
    empty(graph)
    checkerboard_graph.load(graph)
    begin(settings)
    export(graph, settings.snapshot_path, settings)
    return settings.model_copy(update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)})


@pytest.fixture
def line(settings: Settings) -> Iterator[Line]:
    opened = Line(str(settings.neo4j_uri))
    yield opened
    opened.close()


@pytest.fixture
def opened() -> Iterator[Callable[[Settings], Serving]]:
    """Opens workers with a model, whose watch is the test's, and stops them."""
    workers: list[Serving] = []

    def open_one(settings: Settings) -> Serving:
        held = Serving.open(settings)
        workers.append(held)
        before = held.feeds
        assert before.snapshot
        model = CoOccurrence().fit(before.snapshot)
        shared: Any = {"model_version": "m", "mirror": held.mirror, "outbox": held.outbox}
        held.feeds = FeedService(before.graph, before.snapshot, model, settings, **shared)
        held.offline = held.feeds.without_graph
        return held

    yield open_one
    for held in workers:
        held.stop()


def served_by(settings: Settings, held: Serving) -> FlaskClient:
    client = create_app(settings, held.feeds).test_client()
    client.application.extensions["entourage.serving"] = held
    return client


def address(content_id: str) -> str:
    return f"/v1/contents/{content_id.replace('/', '%2F')}"


def send(client: FlaskClient, method: str, path: str, body: Any = None) -> Any:
    answer = client.open(path, method=method, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


def everything(client: FlaskClient, content: str, user: str) -> dict[str, bool]:
    """Where a content is named that ``user`` may be shown, by what was asked."""
    near = KEAKS[2] if content != KEAKS[2] else KEAKS[4]
    asked = {
        "feed": client.get(f"/v1/users/{user}/recommendations?n=50"),
        "session": client.post("/v1/session/recommendations?n=50", json={"contents": [near]}),
        "similar": client.get(f"{address(near)}/similar?n=50"),
        "search": client.get("/v1/search", query_string={"q": content, "n": 50}),
        "content": client.get(address(content)),
        "radio": client.get("/v1/radio", query_string={"seed": near, "n": 19}),
        "lists": client.post("/v1/playlists/complete", json={"tracks": [near], "n": 50}),
        "people": client.get(f"/v1/users/{user}/similar"),
        "to follow": client.get(f"/v1/users/{user}/people?n=50"),
        "around": client.get(f"/v1/users/{user}/neighbourhood?limit=1000"),
    }
    return {name: f'"{content}"' in json.dumps(answer.json).replace("detail", "") for name, answer in asked.items()
            if name != "content"} | {"content": asked["content"].status_code == 200}  # fmt: skip


def named_by_reasons(client: FlaskClient, user: str) -> set[str]:
    """The contents that a feed says it goes back to."""
    feed: Any = client.get(f"/v1/users/{user}/recommendations?n=50").json
    return {content for item in feed["items"] for reason in item["reasons"] for content in reason["contents"]}


def follow(held: Serving) -> None:
    held.refresh()
    held.follow()


def test_what_is_taken_down_is_shown_nowhere_and_a_put_brings_it_back(
    graph: Graph, patient: Settings, opened: Callable[[Settings], Serving]
) -> None:
    held = opened(patient)
    client = served_by(patient, held)
    snapshot, by_memory = held.feeds.snapshot, held.mirror
    assert snapshot
    assert held.feeds.model
    me, content = USERS[2], KEAKS[2]
    ways: dict[str, Any] = {"memory": by_memory, "cypher": None, "snapshot": None}
    offline, feeds = held.offline, held.feeds
    assert offline

    def shown() -> dict[str, dict[str, bool]]:
        told = {}
        for way, mirror in ways.items():
            follow(held)
            held.feeds = offline if way == "snapshot" else feeds
            feeds.mirror = mirror
            if way == "memory":
                assert by_memory
                assert by_memory.view(), "in step"
            told[way] = everything(client, content, me)
        held.feeds, feeds.mirror = feeds, by_memory
        return told

    before = shown()
    assert all(where["feed"] and where["search"] and where["content"] for where in before.values()), before
    assert before["memory"]["similar"]
    assert before["memory"]["session"]
    assert before["memory"]["radio"]
    view = by_memory.view() if by_memory else None
    assert send(client, "DELETE", address(content))["status"] == "applied"
    assert not any(any(where.values()) for where in shown().values())
    assert by_memory
    assert by_memory.view() is view, "nothing was read anew"
    for user in USERS[:6]:  # not as a reason either, nor drawn
        for path in ("recommendations?n=50", "neighbourhood?depth=2&limit=300", "people"):
            assert f'"{content}"' not in client.get(f"/v1/users/{user}/{path}").text
    out = patient.home / "all.jsonl"
    write_all(held.feeds.model, out, 20, recent=held.feeds.recent)
    assert content not in out.read_text()
    export(graph, patient.home / "later", patient)
    later = snapshots.load(patient.home / "later")
    assert len(later.watched) == len(snapshot.watched), "what people watched is there to learn from"
    write_all(CoOccurrence().fit(later), out, 20)
    assert content not in out.read_text()
    assert send(client, "PUT", address(content), {})["status"] == "applied"
    assert shown() == before
    assert by_memory.view() is view


def test_what_is_published_is_proposed_at_once_by_every_worker(
    graph: Graph, patient: Settings, opened: Callable[[Settings], Serving]
) -> None:
    held, other = opened(patient), opened(patient)
    client, another = served_by(patient, held), served_by(patient, other)
    follow(held)
    follow(other)
    assert held.mirror
    assert other.mirror
    views = [worker.mirror.view() for worker in (held, other) if worker.mirror]
    told = send(client, "PUT", "/v1/users/a%20maker", {"name": "Mo", "listens_to": ["even", "Jazz"]})
    assert (told["status"], told["user_id"]) == ("applied", "a maker")
    said = {
        "title": "Green Snow",
        "makers": ["users/a maker", USERS[1]],
        "beats": ["even"],
        "genres": [{"id": "g7", "name": "Jazz"}, "EVEN"],
        "moods": ["calm"],
        "hashtags": ["#Even", "snow"],
        "link": "https://green.snow/1",
    }
    told = send(client, "PUT", address("keaks/k0055"), said)
    assert (told["status"], told["content_id"], told["reason"]) == ("applied", "keaks/k0055", None)
    known = client.get(address("keaks/k0055")).json
    assert known is not None
    assert (sorted(known["made_by"]), known["uses"]) == (["a maker", USERS[1]], ["beats/even"])
    assert (known["genres"], known["moods"], known["hashtags"]) == (["Jazz", "even"], ["calm"], ["even", "snow"])
    assert known["display_names"] == {"users/a maker": "Mo", "keaks/k0055": "Green Snow"}
    age = datetime.now(UTC) - datetime.fromisoformat(known["properties"]["created_at"])
    assert timedelta(0) < age < timedelta(hours=1)
    for one in (client, another):
        feed = one.get(f"/v1/users/{USERS[3]}/recommendations?n=50").json
        assert feed is not None
        assert not feed["degraded"]
        (item,) = [item for item in feed["items"] if item["content_id"] == "keaks/k0055"]
        assert {"fresh", "followed_makers"} <= {*item["sources"]}
        assert item["display_names"]["users/a maker"] == "Mo"
        narrowed = one.get(f"/v1/users/{USERS[3]}/recommendations?n=50&genre=jazz&mood=calm&maker=u001").json
        assert narrowed is not None
        assert [item["content_id"] for item in narrowed["items"]] == ["keaks/k0055"]
    assert [worker.mirror.view() for worker in (held, other) if worker.mirror] == views, "nothing was read anew"
    send(client, "PUT", "/v1/users/a%20maker", {"is_private": True})
    send(client, "PUT", address("keaks/k0055"), {"title": None, "hashtags": [], "created_at": "2020-01-01T00:00:00Z"})
    (item,) = [
        item
        for item in another.get(f"/v1/users/{USERS[3]}/recommendations?n=50").json["items"]  # type: ignore[index]
        if item["content_id"] == "keaks/k0055"
    ]
    assert item["display_names"] == {}
    assert item["made_by"] == [USERS[1]]


def test_a_keak_waits_for_its_beat_and_what_comes_later_counts(
    graph: Graph, patient: Settings, opened: Callable[[Settings], Serving]
) -> None:
    held = opened(patient)
    client = served_by(patient, held)
    told = send(client, "PUT", address("keaks/n1"), {"title": "Old", "beats": ["beats/n2"], "link": "https://n.1"})
    assert (told["status"], told["reason"]) == ("waiting", "a beat that it uses is not in the graph yet")
    assert send(client, "PUT", address("keaks/n1"), {"title": "New"})["status"] == "waiting"
    change = address("keaks/n1") + "/change"
    waits = send(client, "GET", change)
    assert (waits["status"], waits["reason"]) == ("waiting", "a beat that it uses is not in the graph yet")
    assert datetime.fromisoformat(waits["received_at"]) <= datetime.now(UTC)
    assert client.get(f"{address(KEAKS[0])}/change").json["type"].endswith("unknown-change")  # type: ignore[index]
    assert send(client, "PUT", "/v1/contents/n2", {"kind": "beat", "bpm": 90})["content_id"] == "beats/n2"
    held.drain(lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert send(client, "GET", change)["status"] == "applied"
    send(client, "PUT", "/v1/users/newcomer", {"name": "New"})
    assert send(client, "GET", "/v1/users/newcomer/change")["status"] == "applied"
    known = client.get(address("keaks/n1")).json
    assert known is not None
    assert (known["uses"], known["properties"]["title"]) == (["beats/n2"], "New")
    assert known["properties"]["link"] == "https://n.1"
    assert send(client, "PUT", address("keaks/n1"), {"link": "https://n.2"})["status"] == "applied"
    held.outbox.apply_again()  # as for a graph from a backup
    empty(graph)
    for _ in range(2):
        held.drain(lambda: datetime.now(UTC) + timedelta(minutes=5))
    (again,) = graph.read("lookup/content", contentIds=["keaks/n1"])
    assert (again["uses"], again["properties"]["title"], again["properties"]["link"]) == (
        ["beats/n2"],
        "New",
        "https://n.2",
    )


@pytest.mark.parametrize(
    ("path", "body", "field", "says"),
    [
        (address("keaks/1"), {"titel": "a"}, "titel", "Extra inputs"),
        (address("keaks/1"), {"bpm": 90}, "bpm", "a keak has none; only a beat has"),
        (address("beats/1"), {"beats": ["2"]}, "beats", "only a keak has"),
        (address("keaks/1"), {"beats": ["keaks/2"]}, "beats.0", "is the id of a beat"),
        (address("keaks/1"), {"makers": ["keaks/2"]}, "makers.0", "does not begin with"),
        (address("keaks/1"), {"created_at": 1_700_000_000}, "created_at", "a text with a time zone"),
        (address("keaks/1"), {"created_at": "2199-01-01T00:00:00Z"}, "created_at", "ahead of the service's clock"),
        (address("keaks/1"), {"kind": "beat"}, "kind", "is a keak, not a beat"),
        ("/v1/contents/1", {}, "content_id", "has no kind"),
        ("/v1/users/1", {"username": "a"}, "username", "Extra inputs"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_reason(
    client: FlaskClient, path: str, body: Any, field: str, says: str
) -> None:
    answer = client.put(path, json=body)
    assert answer.status_code == 422
    problem: Any = answer.json
    assert problem["type"].endswith("invalid-parameter")
    assert problem["errors"][0]["field"] == field
    assert says in problem["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/v1/users/1/people", "/v1/contents/keaks%2F1/similar"])
def test_the_address_of_another_call_is_no_id(client: FlaskClient, path: str) -> None:
    answers = [client.put(path, json={}), client.delete(path)]
    assert [answer.status_code for answer in answers] == [405, 405]


def test_while_neo4j_is_away_a_take_down_is_kept_and_counts(
    graph: Graph, patient: Settings, line: Line, opened: Callable[[Settings], Serving]
) -> None:
    settings = patient.model_copy(update={"neo4j_uri": line.uri})
    held, other = opened(settings), opened(settings)
    clients = [served_by(settings, one) for one in (held, other)]
    me, content = USERS[2], KEAKS[2]
    assert everything(clients[1], content, me)["feed"]
    reason = min(named_by_reasons(clients[1], USERS[5]))
    line.cut()
    held.refresh()
    other.refresh()
    told = send(clients[0], "DELETE", address(content))
    assert (told["status"], told["content_id"]) == ("waiting", content)
    assert send(clients[0], "DELETE", address("keaks/nowhere"))["status"] == "waiting"
    send(clients[0], "PUT", address(KEAKS[8]), {"title": "Late"})
    send(clients[1], "DELETE", address(KEAKS[8]))
    for client in clients:
        assert not any(everything(client, content, me).values())
    assert held.outbox.backlog()[0] == 3
    send(clients[0], "DELETE", address(reason))
    for client in clients:
        assert reason not in named_by_reasons(client, USERS[5]) != set()
    line.mend()
    other.refresh()
    assert not any(everything(clients[1], content, me).values()), "it waits, and Neo4j answers"
    assert reason not in named_by_reasons(clients[1], USERS[5]) != set()
    for one in (other, held):
        one.refresh()
        one.drain(lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert not graph.read("lookup/content", contentIds=[content])
    send(clients[1], "PUT", address(KEAKS[8]), {})
    (back,) = graph.read("lookup/content", contentIds=[KEAKS[8]])
    assert back["properties"]["title"] == "Late"
    again = send(clients[1], "DELETE", address("keaks/nowhere"))
    assert again["reason"] == "keaks/nowhere is not in the graph yet"
    late = datetime.now(UTC) + timedelta(hours=25)
    held.drain(lambda: late)
    kept = held.outbox.changes.about("keaks/nowhere")
    assert kept
    assert (kept.status, kept.reason) == ("rejected", "keaks/nowhere was not in the graph within 24 hours")
