from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.settings import Service, Settings
from tests.web.fake import FakeFeeds, Ledger
from tests.web.test_problems import problem
from web.app import create_app

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


def test_an_event_counts_once(writing: FlaskClient) -> None:
    batch = {"events": [WATCH, WATCH | {"event_id": "e2"}]}
    answers: list[Any] = [writing.post("/v1/events", json=batch).json for _ in range(2)]
    assert [(answer["applied"], answer["repeated"]) for answer in answers] == [(2, 0), (0, 2)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "glance"}, "events.0.kind"),
        ({"progress": 1.5}, "events.0.progress"),
        ({"content_id": "123"}, "events.0"),
        ({"at": "2026-01-01T12:00:00"}, "events.0.at"),
        ({"userid": "u"}, "events.0.userid"),
        ({"kind": "follow"}, "events.0"),
    ],
)
def test_bad_event_is_422_with_its_place(writing: FlaskClient, change: dict[str, Any], field: str) -> None:
    document = problem(writing.post("/v1/events", json={"events": [WATCH | change]}), 422, "invalid-parameter")
    assert (document["errors"][0]["field"], document["errors"][0]["location"]) == (field, "body")
    assert "Value error" not in document["detail"]


@pytest.mark.parametrize("body", ["", "{", "[1]", '"text"', "null"])
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
