from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.errors import GraphError
from graph.events import Entry, Outbox, feedback, milliseconds
from graph.settings import Service, Settings
from graph.shown import Shown
from tests.web.fake import FakeFeeds, Ledger
from tests.web.test_problems import problem
from web.app import create_app
from web.events import CLOCK, forget_old

WATCH = {
    "event_id": "e1",
    "kind": "watch",
    "user_id": "u002",
    "content_id": "keaks/k002",
    "progress": 0.8,
    "at": "2026-01-01T12:00:00Z",
}


@pytest.fixture
def writing(alone: Settings, feeds: FakeFeeds) -> FlaskClient:
    feeds.graph = cast("Graph", Ledger())
    return create_app(alone, feeds).test_client()


def test_each_event_of_a_batch_is_told_what_became_of_it(writing: FlaskClient) -> None:
    batch = [
        WATCH,
        WATCH,
        WATCH | {"event_id": "e3", "content_id": "keaks/unknown"},
        WATCH | {"event_id": "e4", "at": "9999-12-31T23:59:59Z"},
        WATCH | {"event_id": 5, "user_id": "users/u1"},
        "no event",
    ]
    answer = writing.post("/v1/events", json={"events": batch})
    assert answer.status_code == 200
    body: Any = answer.json
    assert [(one["event_id"], one["status"]) for one in body["events"]] == [
        ("e1", "applied"),
        ("e1", "repeated"),
        ("e3", "waiting"),
        ("e4", "refused"),
        (None, "refused"),
        (None, "refused"),
    ]
    assert [one["errors"][0]["field"] for one in body["events"][3:]] == ["events.3.at", "events.4.event_id", "events.5"]
    assert body["events"][2]["reason"] == "keaks/unknown is not in the graph yet"
    counts = [body[name] for name in ("accepted", "applied", "waiting", "repeated", "refused")]
    assert counts == [3, 1, 1, 1, 3]


def test_a_batch_of_which_every_event_is_refused_is_422(writing: FlaskClient) -> None:
    bad = [WATCH | {"at": "9999-12-31T23:59:59Z"}, WATCH | {"progress": 7}]
    document = problem(writing.post("/v1/events", json={"events": bad}), 422, "invalid-parameter")
    assert [error["field"] for error in document["errors"]] == ["events.0.at", "events.1.progress"]


def test_the_clock_can_be_set(writing: FlaskClient) -> None:
    writing.application.extensions[CLOCK] = lambda: datetime(2026, 1, 1, 11, 30, tzinfo=UTC)
    late = WATCH | {"event_id": "e2", "at": "2026-01-01T12:30:01Z"}
    body: Any = writing.post("/v1/events", json={"events": [WATCH, late]}).json
    assert [one["status"] for one in body["events"]] == ["applied", "refused"]


def test_an_id_is_of_its_producer_whom_a_header_or_the_event_names(writing: FlaskClient) -> None:
    def send(headers: dict[str, str], **about: str) -> Any:
        body: Any = writing.post("/v1/events", json={"events": [WATCH | about]}, headers=headers).json
        return body["events"][0]["status"]

    assert send({}) == "applied"
    assert send({"X-Producer": "phone"}) == "applied"
    assert send({}, producer="phone") == "repeated"
    assert send({"X-Producer": "phone"}, producer="web") == "applied"


def test_ids_that_were_received_long_ago_are_forgotten_by_the_service(alone: Settings, feeds: FakeFeeds) -> None:
    asked: list[int] = []

    class Forgetting(Ledger):
        def write(self, name: str, /, **given: Any) -> list[dict[str, Any]]:
            assert name == "events/forget"
            asked.append(given["before"])
            return [{"forgotten": 3}]

    feeds.graph = cast("Graph", Forgetting())
    held = create_app(alone, feeds).extensions["entourage.serving"]
    forget_old(held, datetime(2026, 1, 31, tzinfo=UTC))
    assert asked == [int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000)]


def test_an_event_counts_once(writing: FlaskClient) -> None:
    batch = {"events": [WATCH, WATCH | {"event_id": "e2"}]}
    answers: list[Any] = [writing.post("/v1/events", json=batch).json for _ in range(2)]
    assert [(answer["applied"], answer["repeated"]) for answer in answers] == [(2, 0), (0, 2)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "glance"}, "events.0.kind"),
        ({"progress": 1.5}, "events.0.progress"),
        ({"content_id": "123"}, "events.0.content_id"),
        ({"at": "2026-01-01T12:00:00"}, "events.0.at"),
        ({"userid": "u"}, "events.0.userid"),
        ({"kind": "follow"}, "events.0.target_id"),
        ({"kind": "hide", "content_id": None, "progress": None}, "events.0.content_id"),
        ({"at": 1_767_268_800}, "events.0.at"),
        ({"at": "1767268800"}, "events.0.at"),
        ({"progress": True}, "events.0.progress"),
        ({"progress": "0.5"}, "events.0.progress"),
        ({"user_id": "keaks/1"}, "events.0.user_id"),
        ({"user_id": "users/"}, "events.0.user_id"),
        ({"user_id": "2.5"}, "events.0.user_id"),
        ({"user_id": r"\N"}, "events.0.user_id"),
        ({"content_id": "keaks/1.23457E+12"}, "events.0.content_id"),
    ],
)
def test_bad_event_is_422_with_its_place(writing: FlaskClient, change: dict[str, Any], field: str) -> None:
    document = problem(writing.post("/v1/events", json={"events": [WATCH | change]}), 422, "invalid-parameter")
    assert (document["errors"][0]["field"], document["errors"][0]["location"]) == (field, "body")
    assert "Value error" not in document["detail"]


@pytest.mark.parametrize(
    "body", ["", "{", "[1]", '"text"', "null", '{"events": ' + "[" * 100_000 + "]" * 100_000 + "}"]
)
def test_a_body_that_is_no_batch_is_422(writing: FlaskClient, body: str) -> None:
    problem(writing.post("/v1/events", data=body, content_type="application/json"), 422, "invalid-parameter")


def test_a_flood_is_413(writing: FlaskClient) -> None:
    problem(writing.post("/v1/events", data=b" " * 1_100_000, content_type="application/json"), 413, "too-large")


def became(client: FlaskClient, event_id: str, producer: str = "") -> Any:
    return client.get(f"/v1/events/{event_id}", headers={"X-Producer": producer})


def test_each_line_of_ndjson_is_judged_alone(writing: FlaskClient) -> None:
    lines = [json.dumps(WATCH), "", "{no json", json.dumps(WATCH | {"event_id": "l4", "progress": 7}), "[" * 100_000]
    lines += [json.dumps(WATCH | {"event_id": f"l{n}"}) for n in range(6, 1_206)]
    body = ("\r\n".join(lines) + "\n").encode() + b'{"event_id": "\xff"}'
    answer = writing.post("/v1/events", data=body, content_type="application/x-ndjson; charset=utf-8")
    told: Any = answer.json
    assert [told[name] for name in ("accepted", "applied", "waiting", "refused")] == [1_201, 1_201, 0, 4]
    assert [(one["line"], one["event_id"], one["status"]) for one in told["events"]] == [
        (3, None, "refused"),
        (4, "l4", "refused"),
        (5, None, "refused"),
        (1_206, None, "refused"),
    ]
    assert [one["errors"][0]["field"] for one in told["events"][:2]] == ["lines.3", "lines.4.progress"]
    for nothing, status, name in (
        (b" \n\n", 422, "invalid-parameter"),
        (b"{}\n" * 10_001, 413, "too-large"),
        (b" " * 10_000_001, 413, "too-large"),
    ):
        problem(writing.post("/v1/events", data=nothing, content_type="application/x-ndjson"), status, name)


def test_a_graph_that_hangs_leaves_the_event_waiting(alone: Settings, feeds: FakeFeeds) -> None:
    released = threading.Event()

    class Hanging(Ledger):
        def write(self, name: str, /, **given: Any) -> list[dict[str, Any]]:
            released.wait()
            return super().write(name, **given)

    feeds.graph = cast("Graph", Hanging())
    brief = alone.model_copy(update={"service": Service(rate_limit="", deadline_ms=50)})
    client = create_app(brief, feeds).test_client()
    answer: Any = client.post("/v1/events", json={"events": [WATCH]}).json
    assert answer["events"] == [{"event_id": "e1", "status": "waiting", "reason": None}]
    assert became(client, "e1").json["status"] == "waiting"
    released.set()
    later(client)
    assert became(client, "e1").json["status"] == "applied"


def later(client: FlaskClient, **passed: int) -> None:
    """The drainer comes round, by default a minute after now."""
    then = datetime.now(UTC) + timedelta(**(passed or {"minutes": 1}))
    client.application.extensions["entourage.serving"].drain(lambda: then)


def test_without_a_graph_events_are_kept_until_there_is_one(alone: Settings, feeds: FakeFeeds) -> None:
    client = create_app(alone, feeds).test_client()
    body: Any = client.post("/v1/events", json={"events": [WATCH]}).json
    assert (body["accepted"], body["waiting"]) == (1, 1)
    metrics = client.get("/metrics").text
    assert "entourage_outbox_events 1.0" in metrics
    fresh = FakeFeeds(alone)
    fresh.graph = cast("Graph", graph := Ledger())
    restarted = create_app(alone, fresh).test_client()
    later(restarted)
    assert graph.counted == {("", "e1")}
    assert restarted.post("/v1/events", json={"events": [WATCH]}).json["repeated"] == 1  # type: ignore[index]
    assert "entourage_outbox_events 0.0" in restarted.get("/metrics").text


def test_a_graph_that_is_an_older_backup_gets_what_the_outbox_still_holds(alone: Settings, feeds: FakeFeeds) -> None:
    feeds.graph = cast("Graph", graph := Ledger())
    client = create_app(alone, feeds).test_client()
    assert client.post("/v1/events", json={"events": [WATCH]}).json["applied"] == 1  # type: ignore[index]
    graph.counted.clear()
    assert Outbox.of(alone).apply_again() == 1  # as `entourage restore` does
    assert became(client, "e1").json["status"] == "waiting"
    later(client)
    assert graph.counted == {("", "e1")}


def test_an_event_about_what_is_not_there_waits_for_a_day_and_is_rejected(writing: FlaskClient) -> None:
    unknown = WATCH | {"content_id": "keaks/unknown"}
    writing.post("/v1/events", json={"events": [unknown]})
    later(writing, hours=23)
    assert became(writing, "e1").json["status"] == "waiting"
    later(writing, hours=25)
    told = became(writing, "e1").json
    assert (told["status"], told["reason"]) == ("rejected", "keaks/unknown was not in the graph within 24 hours")
    again: Any = writing.post("/v1/events", json={"events": [WATCH]}).json
    assert again["applied"] == 1, "the id of a rejected event may be sent again"


def test_an_event_that_the_graph_refuses_does_not_hold_up_the_others(alone: Settings, feeds: FakeFeeds) -> None:
    class Refusing(Ledger):
        def write(self, name: str, /, *, rows: list[dict[str, Any]], **given: Any) -> list[dict[str, Any]]:
            if any(row["eventId"] == "bad" for row in rows):
                raise GraphError("cannot be written")
            return super().write(name, rows=rows, **given)

    feeds.graph = cast("Graph", Refusing())
    client = create_app(alone, feeds).test_client()
    batch = [WATCH | {"event_id": one} for one in ("a", "b", "bad", "c")]
    body: Any = client.post("/v1/events", json={"events": batch}).json
    assert [one["status"] for one in body["events"]] == ["applied", "applied", "rejected", "applied"]
    assert became(client, "bad").json["reason"] == "the graph refused it"


def test_what_became_of_an_event_can_be_asked(writing: FlaskClient) -> None:
    batch = {"events": [WATCH | {"event_id": "a/b"}]}
    writing.post("/v1/events", json=batch, headers={"X-Producer": "phone"})
    held = writing.application.extensions["entourage.serving"]
    for forgotten in (False, True):  # the graph knows what the outbox has forgotten
        told = became(writing, "a%2Fb", "phone").json
        assert (told["event_id"], told["producer"], told["status"]) == ("a/b", "phone", "applied")
        if not forgotten:
            assert held.outbox.forget(milliseconds(datetime.now(UTC)) + 1_000, 0) == 1
    problem(became(writing, "a%2Fb"), 404, "unknown-event")


def test_a_disk_that_cannot_be_written_is_503_and_nothing_is_promised(
    writing: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Outbox, "accept", full)
    problem(writing.post("/v1/events", json={"events": [WATCH]}), 503, "unavailable")


def test_what_led_to_an_event_is_kept_and_logged_once(writing: FlaskClient, alone: Settings) -> None:
    led = Shown("r1", 3, "ease@1", "model", 0.25, "home")
    batch = [
        WATCH | {"context": led.text},
        WATCH | {"event_id": "e2", "kind": "impression", "context": led.text},
        WATCH | {"event_id": "e3", "kind": "impression"},
        WATCH | {"event_id": "e4"},
        WATCH | {"event_id": "e5", "context": led.text[:-2]},
    ]
    for one in batch[1:3]:
        del one["progress"]
    first, again = (writing.post("/v1/events", json={"events": batch}).json for _ in range(2))
    assert [one["status"] for one in first["events"]] == ["applied"] * 4 + ["refused"]  # type: ignore[index]
    assert first["events"][4]["errors"][0]["field"] == "events.4.context"  # type: ignore[index]
    assert [one["status"] for one in again["events"]] == ["repeated"] * 4 + ["refused"]  # type: ignore[index]
    lines = [json.loads(line) for line in (alone.home / feedback.LOG).read_text().splitlines()]
    assert [(one["event_id"], one["kind"], one.get("request_id")) for one in lines] == [
        ("e1", "watch", "r1"),
        ("e2", "impression", "r1"),
        ("e3", "impression", None),
    ]
    told = {"user_id": "u002", "target": "keaks/k002", "progress": 0.8, "at": 1_767_268_800_000}
    assert lines[0].items() >= (told | led._asdict()).items()
    held = writing.application.extensions["entourage.serving"]
    assert held.outbox.find("", "e1").entry.context == led.text
    assert became(writing, "e2").json["status"] == "applied"
    assert held.feeds.graph.counted == {("", "e1"), ("", "e4")}, "an impression is nothing of the graph"
    assert Outbox.of(alone).apply_again() == 2


def test_an_outbox_of_an_older_version_gets_its_column(tmp_path: Path) -> None:
    old = Outbox(tmp_path / "outbox.sqlite3")
    old.accept([Entry("", "e1", "hide", "u1", "keaks/1", 1)], received=1)
    old.close()
    with closing(sqlite3.connect(old.path)) as database:
        database.execute("ALTER TABLE event DROP COLUMN context")
    now = Outbox(old.path)
    assert now.find("", "e1")
    now.accept([Entry("", "e2", "hide", "u1", "keaks/1", 1, context="c")], received=1)
    assert [kept.entry.context for kept in now.fresh(1, 9)] == [None, "c"]
