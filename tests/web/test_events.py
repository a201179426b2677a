from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.settings import Service, Settings
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
        ("e3", "unknown"),
        ("e4", "refused"),
        (None, "refused"),
        (None, "refused"),
    ]
    assert [one["errors"][0]["field"] for one in body["events"][3:]] == ["events.3.at", "events.4.event_id", "events.5"]
    assert (body["applied"], body["repeated"], body["unknown"], body["refused"]) == (1, 1, ["e3"], 3)


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


def test_a_graph_that_hangs_is_504(alone: Settings, feeds: FakeFeeds) -> None:
    released = threading.Event()

    class Hanging(Ledger):
        def write(self, name: str, /, **_: Any) -> list[dict[str, Any]]:
            released.wait()
            return []

    feeds.graph = cast("Graph", Hanging())
    brief = alone.model_copy(update={"service": Service(rate_limit="", deadline_ms=50)})
    answer = create_app(brief, feeds).test_client().post("/v1/events", json={"events": [WATCH]})
    released.set()
    problem(answer, 504, "deadline")


def test_without_a_graph_nothing_is_promised(client: FlaskClient) -> None:
    answer = client.post("/v1/events", json={"events": [WATCH]})
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]
