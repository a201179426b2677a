from __future__ import annotations

import json
import logging
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.errors import GraphTimeout, GraphUnavailable, UnknownUser
from graph.settings import Service, Settings
from tests.web.fake import FakeFeeds, Ledger
from web.app import create_app

FEED = "/v1/users/u002/recommendations"


def problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = answer.json
    assert document["type"] == f"urn:entourage:problem:{name}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


@pytest.mark.parametrize(
    ("path", "field", "location"),
    [
        (f"{FEED}?n=0", "n", "query"),
        (f"{FEED}?n=many", "n", "query"),
        (f"{FEED}?kind=song", "kind", "query"),
        (f"{FEED}?exclude=users/3", "exclude", "query"),
        (f"{FEED}?cursor=zzz", "cursor", "query"),
        (f"{FEED}?exlude=keaks/3", "exlude", "query"),
        ("/v1/users/u002/neighbourhood?depth=3", "depth", "query"),
        ("/v1/search", "q", "query"),
        ("/v1/contents/a%09b", "content_id", "path"),
        (f"/v1/users/{'9' * 501}", "user_id", "path"),
        (f"/v1/users/{'%C3%A9' * 251}", "user_id", "path"),  # 502 bytes
    ],
)
def test_bad_parameter_is_422_with_its_name(client: FlaskClient, path: str, field: str, location: str) -> None:
    document = problem(client.get(path), 422, "invalid-parameter")
    assert document["detail"].startswith(field)
    assert (document["errors"][0]["field"], document["errors"][0]["location"]) == (field, location)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/users/nobody", "unknown-user"),
        ("/v1/users/nobody/people", "unknown-user"),
        ("/v1/users/a%2Fb/people", "unknown-user"),
        ("/v1/users/u002%2Fpeople", "unknown-user"),
        ("/v1/users/https%3A%2F%2Fexample.org%2F", "unknown-user"),
        ("/v1/users/nobody/neighbourhood", "unknown-user"),
        ("/v1/contents/keaks/none", "unknown-content"),
        ("/v1/nothing", "not-found"),
    ],
)
def test_unknown_things_are_404(client: FlaskClient, path: str, name: str) -> None:
    problem(client.get(path), 404, name)


def test_wrong_method_says_which_are_allowed(client: FlaskClient) -> None:
    answer = client.delete("/v1/users/u002")
    assert "It takes " in problem(answer, 405, "method-not-allowed")["detail"]
    assert "GET" in answer.headers["Allow"]


def test_graph_that_is_down_is_503_without_its_address(client: FlaskClient, feeds: FakeFeeds) -> None:
    feeds.failing = GraphUnavailable("Nothing answers at bolt://10.1.2.3:7687.", do="Start it.")
    answer = client.get("/v1/users/u002/people")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.1.2.3" not in answer.text


def test_who_is_unknown_gets_no_advice_for_a_command_line(client: FlaskClient, feeds: FakeFeeds) -> None:
    feeds.failing = UnknownUser("No user has the id 'x'.", do="Run `entourage export`.")
    assert problem(client.get("/v1/users/x"), 404, "unknown-user")["detail"] == "No user has the id 'x'."


def test_deadline_that_passed_is_504(client: FlaskClient, feeds: FakeFeeds) -> None:
    feeds.failing = GraphTimeout("too slow")
    problem(client.get("/v1/users/u002/neighbourhood"), 504, "deadline")


def test_no_request_outlasts_its_deadline_whatever_hangs(alone: Settings, feeds: FakeFeeds) -> None:
    feeds.graph = cast("Graph", Ledger())
    client = create_app(alone.model_copy(update={"service": Service(deadline_ms=50)}), feeds).test_client()
    feeds.hanging.clear()
    try:
        answer = client.get("/v1/users/u002/neighbourhood")  # answered while the feed service still hangs
    finally:
        feeds.hanging.set()
    problem(answer, 504, "deadline")
    assert answer.headers["Retry-After"]


def test_a_bug_is_500_in_the_answer_and_a_trace_in_the_log(
    client: FlaskClient, feeds: FakeFeeds, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.failing = RuntimeError("secret detail")
    with caplog.at_level(logging.INFO, "entourage.web"):
        answer = client.get(FEED, headers={"X-Request-Id": "r-1"})
    problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    logged = [record.msg for record in caplog.records]
    assert any(
        "secret detail" in str(line) and line["request_id"] == "r-1" for line in logged if isinstance(line, dict)
    )


def test_every_request_is_one_log_line_with_its_id(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "entourage.web"):
        answer = client.get("/v1/users/u002")
    (line,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/users/<id:user_id>", 200)
    assert line["ms"] >= 0
    json.dumps({key: value for key, value in line.items() if not key.startswith("_")})


@pytest.mark.parametrize("sent", ["x" * 65, "a b", "a\tb", '{"a":1}'])
def test_request_id_that_is_no_plain_word_is_replaced(client: FlaskClient, sent: str) -> None:
    answer = client.get("/v1/users/u002", headers={"X-Request-Id": sent})
    assert len(answer.headers["X-Request-Id"]) == 32


def test_too_many_requests_are_429_with_retry_after(alone: Settings, feeds: FakeFeeds) -> None:
    service = Service(rate_limit="2 per minute", deadline_ms=60_000)
    client = create_app(alone.model_copy(update={"service": service}), feeds).test_client()
    answers = [client.get("/v1/users/u002") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Retry-After" not in answers[0].headers
    problem(answers[2], 429, "too-many-requests")
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert client.get("/health/live").status_code == 200  # a probe is never turned away


def test_security_headers_fit_what_is_sent(client: FlaskClient) -> None:
    data = client.get("/v1/users/u002")
    assert data.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert data.headers["X-Content-Type-Options"] == "nosniff"
    assert data.headers["Cache-Control"] == "no-store"
    assert not [name for name in data.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Strict-Transport-Security" not in page.headers
    assert "Strict-Transport-Security" in client.get("/", base_url="https://localhost").headers


def test_metrics_count_by_route_and_rung(client: FlaskClient) -> None:
    client.get(FEED)
    client.get("/v1/users/u003/recommendations")
    text = client.get("/metrics").text
    assert 'entourage_feeds_total{degraded="false",rung="model"} 2.0' in text
    assert 'route="/v1/users/<id:user_id>/recommendations"' in text
    assert "u003" not in text
