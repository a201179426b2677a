"""Faults as they really come: a process that is killed, a Neo4j that goes away and returns."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from graph.catalogue.changes import Change
from graph.database.driver import Graph
from graph.errors import GraphUnavailable
from graph.events import Entry, Outbox, milliseconds
from graph.home import begin
from graph.live.drain import drain_due, drain_own
from graph.live.ledger import Ledger
from graph.settings import Service, Settings
from graph.snapshot.export import export
from recommend.restrictions import Recent, Restrictions
from recommend.service import FeedService
from tests import checkerboard, checkerboard_graph
from tests.graph.conftest import wait_for
from tests.killed import killed_at
from tests.recommend.drawn_graph import Database
from web.app import create_app
from web.serving import Serving

USERS, KEAKS = checkerboard.users(), checkerboard.contents()
AT = "2026-01-01T12:00:00Z"


class Line:
    """A connection to Neo4j that can be cut and mended: a port of its own that passes on what comes."""

    def __init__(self, uri: str) -> None:
        where = urlsplit(uri)
        self._neo4j = (where.hostname, where.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.is_cut = False
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                if self.is_cut:
                    ours.close()
                    continue
                theirs = socket.create_connection(self._neo4j)
                self._open += [ours, theirs]
                for one, other in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), closing(other):
            while got := one.recv(65_536):
                other.sendall(got)


@pytest.fixture
def line(settings: Settings) -> Iterator[Line]:
    opened = Line(str(settings.neo4j_uri))
    yield opened
    opened.close()


@pytest.fixture
def loaded(graph: Graph, settings: Settings) -> Settings:
    """The checkerboard in Neo4j and as a snapshot in the home; no watch of deadlines."""
    checkerboard_graph.load(graph)
    begin(settings)
    export(graph, settings.snapshot_path, settings)
    return settings.model_copy(update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)})


def event(event_id: str, kind: str, user: str, **about: Any) -> dict[str, Any]:
    return {"event_id": event_id, "kind": kind, "user_id": user, "at": AT, **about}


def send(client: FlaskClient, *events: dict[str, Any]) -> Any:
    answer = client.post("/v1/events", json={"events": events})
    assert answer.status_code == 200, answer.text
    return answer.json


def feed(client: FlaskClient, user: str) -> Any:
    return client.get(f"/v1/users/{user}/recommendations?n=50").json


def shown(client: FlaskClient, user: str) -> set[str]:
    return {item["content_id"] for item in feed(client, user)["items"]}


def later(held: Serving) -> None:
    """The watch comes round, a minute after now."""
    held.refresh()
    held.follow()
    held.drain(lambda: datetime.now(UTC) + timedelta(minutes=1))


def test_while_neo4j_is_away_events_are_kept_and_feeds_respect_them_and_then_each_counts_once(
    graph: Graph, loaded: Settings, line: Line
) -> None:
    settings = loaded.model_copy(update={"neo4j_uri": line.uri})
    held, other = Serving.open(settings), Serving.open(settings)
    clients = [create_app(settings, one.feeds).test_client() for one in (held, other)]
    for client, one in zip(clients, (held, other), strict=True):
        client.application.extensions["entourage.serving"] = one
    me, friend, hidden, watched = USERS[2], USERS[4], KEAKS[2], KEAKS[4]
    assert hidden in shown(clients[0], me)
    line.cut()
    held.refresh()
    other.refresh()
    batch = [
        event("o1", "hide", me, content_id=hidden),
        event("o2", "block", friend, target_id=me),
        event("o3", "watch", friend, content_id=watched, progress=0.5),
        event("o4", "watch", "a newcomer", content_id=hidden, progress=1.0),
    ]
    told = send(clients[0], *batch)
    assert (told["accepted"], told["waiting"]) == (4, 4)
    assert send(clients[0], *batch)["repeated"] == 4
    for client in clients:
        assert feed(client, me)["degraded"]
        assert shown(client, me)
        assert hidden not in shown(client, me)
        assert watched not in shown(client, friend)
        assert friend not in str(feed(client, me))
        assert client.get("/v1/events/o1").json["status"] == "waiting"  # type: ignore[index]
    line.mend()
    before = watchers(graph, hidden)
    later(other)
    later(held)
    assert watchers(graph, hidden) == before + 1
    assert clients[1].get("/v1/events/o1").json["status"] == "applied"  # type: ignore[index]
    assert send(clients[0], *batch)["repeated"] == 4
    for client in clients:
        assert not feed(client, me)["graph_down"]
        assert hidden not in shown(client, me)
        assert friend not in str(feed(client, me))
    assert held.outbox.backlog() == (0, None)
    held.stop()
    other.stop()


def test_a_sender_waits_only_so_long_and_the_event_counts_all_the_same(loaded: Settings, graph: Graph):
    settings = loaded.model_copy(update={"service": loaded.service.model_copy(update={"events_ms": 100})})
    client = create_app(settings, FeedService(graph, None, None, settings)).test_client()
    me, keak = "a newcomer", KEAKS[0]
    before = watchers(graph, keak)
    with graph._session("WRITE") as session, session.begin_transaction() as other:
        other.run("MATCH (content:Content {contentId: $keak}) SET content.locked = true", keak=keak).consume()
        told = send(client, event("slow", "watch", me, content_id=keak))
        assert (told["accepted"], told["waiting"]) == (1, 1)
        other.rollback()
    wait_for(lambda: client.get("/v1/events/slow").json["status"] == "applied")  # type: ignore[index]
    assert watchers(graph, keak) == before + 1


def test_a_feed_does_not_wait_for_what_is_being_written(tmp_path: Path) -> None:
    outbox, found = Outbox(tmp_path / "outbox.sqlite3"), list[Any]()
    now = milliseconds(datetime.now(UTC))
    outbox.accept([Entry("", "e", "hide", "u1", "keaks/1", now)], now)
    outbox.changes.accept(Change("keaks/2", {}, taken_down=True), now)
    recent = Recent(outbox)
    reader = threading.Thread(target=lambda: found.append((recent.waiting("u1"), recent.taken_down())), daemon=True)
    with outbox._quick.writing(), outbox._durable._lock, outbox.changes._quick._lock, outbox.changes._durable._lock:
        reader.start()
        reader.join(60)
        going = Restrictions(hidden=frozenset({"keaks/1", "keaks/2"}), taken_down=frozenset({"keaks/2"}))
        assert found == [(going, {"keaks/2": True})]


def test_what_is_written_as_the_graph_is_closed_waits(loaded: Settings, graph: Graph):
    closed = Graph.connect(loaded)
    feeds = FeedService(closed, None, None, loaded)
    outbox, ledger = feeds.recent.outbox, Ledger.of(loaded)
    now = datetime.now(UTC)
    entries = [Entry("", f"closed-{kind}", kind, USERS[0], KEAKS[0], milliseconds(now)) for kind in ("watch", "hide")]
    seqs = [seq for seq in outbox.accept(entries, milliseconds(now)) if seq is not None]
    closed.close()
    with pytest.raises(GraphUnavailable):
        drain_own(closed, ledger, outbox, seqs, now=now, deadline_ms=60_000, waits=timedelta(hours=1))
    assert [outbox.those(seqs)[seq].status for seq in seqs] == ["waiting"] * 2
    drain_own(graph, ledger, outbox, seqs, now=now, deadline_ms=60_000, waits=timedelta(hours=1))
    assert [outbox.those(seqs)[seq].status for seq in seqs] == ["applied"] * 2


def test_what_waits_counts_in_feeds_of_a_graph_that_does_not_have_it_yet(graph: Graph, loaded: Settings) -> None:
    """As after an outage, while thousands of events are still on their way."""
    held = Serving.open(loaded)
    client = create_app(loaded, held.feeds).test_client()
    client.application.extensions["entourage.serving"] = held
    me, friend = USERS[3], USERS[5]
    assert friend in str(feed(client, me))
    first = feed(client, me)["items"][0]["content_id"]
    held.graph_up = False
    send(client, event("w1", "hide", me, content_id=first), event("w2", "block", friend, target_id=me))
    held.graph_up = True
    told = feed(client, me)
    assert told["items"]
    assert first not in shown(client, me)
    assert friend not in str(told)
    assert friend not in client.get("/v1/search", query_string={"q": friend, "user_id": me}).text.split('"results"')[1]
    later(held)
    assert not feed(client, me)["degraded"]
    assert friend not in str(feed(client, me))
    held.stop()


SCRIPT = """
import sys, time
from pathlib import Path
from graph.settings import Settings
from web.app import create_app
home, last = sys.argv[1:]
client = create_app(Settings(home=Path(home), neo4j_uri="bolt://127.0.0.1:1")).test_client()
event = {"event_id": "k1", "kind": "watch", "user_id": "u002", "content_id": "%s", "at": "2026-01-01T12:00:00Z"}
answer = client.post("/v1/events", json={"events": [event]})
print(last, answer.json["events"][0]["status"], flush=True)
time.sleep(600)
"""


def test_an_event_survives_a_kill_right_after_the_answer(graph: Graph, loaded: Settings) -> None:
    before = watchers(graph, KEAKS[1])
    assert killed_at("answered", SCRIPT % KEAKS[1], loaded.home)[-1] == "answered waiting"
    assert Outbox.of(loaded).backlog()[0] == 1
    held = Serving.open(loaded)
    later(held)
    later(held)
    held.stop()
    assert watchers(graph, KEAKS[1]) == before + 1


def watchers(graph: Graph, content: str) -> int:
    (row,) = graph.read("lookup/content", contentIds=[content])
    return int(row["watchers"])


def test_of_two_workers_that_drain_at_once_each_event_counts_once(loaded: Settings, graph: Graph) -> None:
    now = datetime.now(UTC)
    entries = [
        Entry("", f"both-{user}-{keak}", "watch", USERS[user], KEAKS[keak], milliseconds(now))
        for user in range(10)
        for keak in range(10)
    ]
    Outbox.of(loaded).accept(entries, milliseconds(now))
    database = Database(graph)
    before = counts(database)
    due, start = now + timedelta(minutes=1), threading.Barrier(2)
    failed: list[Exception] = []

    def drain() -> None:
        outbox, ledger = Outbox.of(loaded), Ledger.of(loaded)
        start.wait(60)
        try:
            while outbox.due(milliseconds(due), 1):
                drain_due(graph, ledger, outbox, now=due, deadline_ms=60_000, waits=timedelta(hours=24))
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=drain) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert not failed
    after = counts(database)
    database.close()
    assert {pair: after[pair] - before.get(pair, 0) for pair in {(one.user_id, one.target) for one in entries}} == {
        (one.user_id, one.target): 1 for one in entries
    }


def counts(database: Database) -> dict[tuple[str, str], int]:
    """How often everybody watched what, by the graph."""
    query = (
        "UNWIND $rows AS row MATCH (:User {userId: row[0]})-[w:WATCHED]->(:Content {contentId: row[1]}) "
        "RETURN row[0] AS user, row[1] AS content, coalesce(w.watchCount, 1) AS count"
    )
    told = database.ask(query, rows=[[user, keak] for user in USERS for keak in KEAKS])
    return {(row["user"], row["content"]): row["count"] for row in told}
