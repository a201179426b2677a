from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from graph import shown
from graph.settings import Composition, Settings
from recommend.request import digest
from tests.web.fake import FakeFeeds
from tests.web.test_problems import problem
from web import cursor
from web.app import create_app
from web.feed_answer import content_ids
from web.jsonable import JSONProvider
from web.problems import Problem

FEED = "/v1/users/u002/recommendations"


def test_json_of_a_feed_is_what_the_json_module_makes_of_it(feeds: FakeFeeds, alone: Settings) -> None:
    feed = asdict(feeds.recommend("u002", 20)) | {"text": "é\u2028“<", "number": 0.1}
    app = create_app(alone, feeds)
    answer: Any = app.json.response
    usual = json.dumps(feed, default=JSONProvider.default)
    assert json.loads(answer(feed).data) == json.loads(usual)
    refused = {"large": 2**80, "half": "\ud800", 3: None}  # by orjson
    assert json.loads(answer(refused).data) == json.loads(json.dumps(refused))
    whole = feeds.recommend("u002", 20)
    same = json.dumps(asdict(whole), default=JSONProvider.default)
    assert json.loads(answer(whole).data) == json.loads(same)
    at = [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 600, UTC)]
    assert json.loads(answer(at).data) == ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000600Z"]


def test_feed_is_ranked_explained_and_says_where_it_came_from(get: Any) -> None:
    feed = get(FEED, n=5)
    assert feed["items"][0]["content_id"] == "keaks/k002"  # the withheld one
    scores = [item["score"] for item in feed["items"]]
    assert scores == sorted(scores, reverse=True)
    for item in feed["items"]:
        assert item["sources"]
        assert item["reasons"][0]["text"]
    assert feed["items"][0]["reasons"][0]["evidence"] == ["u000", "u004", "u006"]
    assert (feed["rung"], feed["degraded"], feed["model_version"]) == ("model", False, "fake-1")


def test_n_kind_exclude_and_explain_reach_the_feed_service(get: Any) -> None:
    assert len(get(FEED, n=7)["items"]) == 7
    assert {item["kind"] for item in get(FEED, kind="beat")["items"]} == {"beat"}
    assert all(not item["reasons"] for item in get(FEED, explain="false")["items"])
    without = get(FEED, exclude=["keaks/k002,beats/k000", "keaks/k004"])
    assert not {"keaks/k002", "beats/k000", "keaks/k004"} & {item["content_id"] for item in without["items"]}


def test_an_id_of_a_body_stands_for_itself(client: FlaskClient, get: Any) -> None:
    shown = {item["content_id"] for item in get(FEED, n=7)["items"]}
    answer = client.post(
        f"{FEED}?n=7", json={"exclude": ["keaks/k002, keaks/k004", *(f"{n},{n}" for n in range(1_999))]}
    )
    assert answer.status_code == 200, answer.text
    assert shown == {item["content_id"] for item in cast(Any, answer.json)["items"]}
    assert {"keaks/k002", "keaks/k004"} & shown
    assert client.post(f"{FEED}?n=7", json={"exclude": ["", " "]}).status_code == 200, "no id, as in an address"
    refused = client.post(f"{FEED}?n=0", json={"exclude": []})
    assert cast(Any, refused.json)["errors"][0]["location"] == "query"


def test_pages_never_repeat_an_item_and_end(get: Any) -> None:
    seen: list[str] = []
    page = get(FEED, n=25)
    while True:
        seen += [item["content_id"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        page = get(FEED, n=25, cursor=page["next_cursor"])
    assert len(seen) == len(set(seen)) == 60


@given(st.lists(st.text(min_size=1, max_size=500), min_size=1, max_size=60))
def test_cursor_tells_what_was_shown_and_stays_short(shown: list[str]) -> None:
    text = cursor.encode(digest(content_id) for content_id in shown)
    assert text is not None
    assert re.fullmatch(cursor.PATTERN, text)
    assert len(text) <= 8 + 6 * len(shown)
    assert set(cursor.decode(text)) == {digest(content_id) for content_id in shown}


def test_cursor_too_long_to_send_ends_the_feed() -> None:
    assert cursor.encode(digest(f"keaks/{n}") for n in range(1_000)) is not None
    assert cursor.encode(digest(f"keaks/{n}") for n in range(2_000)) is None


WHOLE = cursor.encode([digest("keaks/1")]) or ""


@pytest.mark.parametrize(
    "text", ["zzz", "!", "é", "", "AAAA", WHOLE[:-4], WHOLE[:-1] + ("A" if WHOLE[-1] != "A" else "B")]
)
def test_foreign_or_damaged_cursor_is_named(text: str) -> None:
    with pytest.raises(Problem) as caught:
        cursor.decode(text)
    assert caught.value.errors[0].field == "cursor"


def test_unknown_user_is_404_unless_one_asks_for_a_cold_start(client: FlaskClient, get: Any) -> None:
    answer: Any = client.get("/v1/users/nobody/recommendations")
    assert answer.status_code == 404
    assert answer.json["type"] == "urn:entourage:problem:unknown-user"
    cold = get("/v1/users/nobody/recommendations", allow_unknown="true")
    assert cold["rung"] == "popular"
    assert cold["items"]


def test_deadline_and_request_id_reach_the_feed_service(client: FlaskClient, feeds: FakeFeeds) -> None:
    answer: Any = client.get(FEED, headers={"X-Request-Id": "mobile-7"})
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "mobile-7"
    assert feeds.request_ids == ["mobile-7"]
    (deadline_ms,) = feeds.deadlines
    assert deadline_ms
    assert 0 < deadline_ms < feeds.settings.service.deadline_ms
    assert answer.headers["Server-Timing"] == "sources;dur=1.5"


def test_people_come_with_those_in_between(get: Any) -> None:
    people = get("/v1/users/u002/people", n=3)["people"]
    assert [person["user_id"] for person in people] == ["u000", "u004", "u006"]
    assert people[0]["mutual"] == ["u000", "u004"]


def test_neighbourhood_is_a_graph_around_the_user(get: Any) -> None:
    answer = get("/v1/users/u002/neighbourhood", depth=2, limit=60)
    ids = {node["id"] for node in answer["nodes"]}
    assert answer["nodes"][0] == {"id": "users/u002", "label": "User", "name": "u002", "depth": 0}
    assert {"progress": 0.5, "last_at": "2026-01-02T00:00:00Z"} in [link["properties"] for link in answer["links"]]
    assert all(link["source"] in ids and link["target"] in ids for link in answer["links"])


def test_look_ups_search_and_examples(get: Any) -> None:
    user = get("/v1/users/u002")
    assert (user["user_id"], user["follows"], user["listens_to"]) == ("u002", 29, ["afrobeat"])
    assert user["properties"] == {"playlist_count": 2}
    assert get("/v1/contents/keaks/k002")["genres"] == ["afrobeat"]
    assert [found["id"] for found in get("/v1/search", q="u00", n=3)["results"]] == ["u000", "u001", "u002"]
    examples = get("/v1/examples")["user_ids"]
    assert len(examples) == 6
    for user_id in examples:
        assert get(f"/v1/users/{user_id}/recommendations")["items"]


def test_readiness_names_what_is_missing(get: Any) -> None:
    assert get("/health/live") == {"status": "live"}
    ready = get("/health/ready")
    assert (ready["status"], ready["graph"], ready["snapshot"], ready["model"]) == (
        "ready",
        "down",
        "loaded",
        "missing",
    )
    assert ready["degraded"]


def test_items_carry_where_they_stood_only_where_that_is_asked_for(get: Any, alone: Settings, feeds: FakeFeeds) -> None:
    plain_page = get(FEED, n=3)
    assert "context" not in plain_page
    assert not any("context" in item for item in plain_page["items"])
    page = get(FEED, n=3, context="home 🎵")
    assert page["context"] == "home 🎵"
    after = get(FEED, n=3, context="home 🎵", cursor=page["next_cursor"])
    for feed, first in ((page, 0), (after, 3)):
        for place, item in enumerate(feed["items"], start=first):
            text = item.pop("context")
            assert re.fullmatch(shown.PATTERN, text)
            assert shown.read(text) == (feed["request_id"], place, "fake-1", item["sources"][0], None, "home 🎵")
    assert page["items"] == plain_page["items"]
    always = alone.model_copy(update={"feed": Composition(context=True)})
    body: Any = create_app(always, feeds).test_client().get(FEED).json
    assert "context" not in body
    assert shown.read(body["items"][0]["context"]).words is None


def test_a_context_too_long_is_named(client: FlaskClient) -> None:
    document = problem(client.get(FEED, query_string={"context": "x" * 201}), 422, "invalid-parameter")
    assert document["errors"][0]["field"] == "context"


@given(
    st.builds(
        shown.Shown,
        st.text(max_size=64),
        st.integers(0, 10**6),
        st.none() | st.text(max_size=100),
        st.text(max_size=20),
        st.none() | st.floats(0, 1),
        st.none() | st.text(min_size=1, max_size=200),
    )
)
def test_a_context_says_what_it_was_made_of_and_fits_into_an_event(one: shown.Shown) -> None:
    assert shown.read(one.text) == one
    assert len(one.text) <= shown.MAX_CHARACTERS


@pytest.mark.parametrize(
    "body",
    [b"", b"\x02[]", b"\x01", b"\x01{", b'\x01["r",0,null,"s",NaN,null]', b'\x01["r","0",null,"s",1,null]', b"\x01[1]"],
)
def test_no_other_text_is_a_context(body: bytes) -> None:
    text = shown.packed(body)
    for damaged in (text, text[:-1], "é"):
        with pytest.raises(ValueError, match="is not one"):
            shown.read(damaged)


def test_ids_of_contents_are_whole_numbers_with_a_prefix_and_without() -> None:
    assert content_ids("exclude", ["keaks/1.0,tracks/2.5"]) >= {"keaks/1", "tracks/2.5"}
    assert content_ids("exclude", [], ["1.0"]) == {"1.0", "keaks/1", "beats/1", "tracks/1.0"}
    assert content_ids("exclude", [], ["2.5"]) == {"2.5", "tracks/2.5"}
    with pytest.raises(Problem, match="whole"):
        content_ids("exclude", [], ["keaks/2.5"])
