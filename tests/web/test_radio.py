from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from graph.settings import Service, Settings
from recommend.listening import Listening
from recommend.service import FeedService
from recommenders.counting import CoOccurrence
from recommenders.track2vec import Track2Vec
from tests.recommend.test_artists import performed
from tests.recommend.test_listening import SIZE, tracks, with_unheard
from web import radio
from web.app import create_app


@pytest.fixture
def client(alone: Settings) -> FlaskClient:
    snapshot = tracks()
    return create_app(alone, FeedService(None, snapshot, CoOccurrence(window=2).fit(snapshot), alone)).test_client()


def test_the_radio_goes_on_without_repeats(get: Any) -> None:
    first = get("/v1/radio", seed="halo", n=4)
    assert first["items"][0]["content_id"] == "tracks/2"
    walked = [item["content_id"] for item in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = get("/v1/radio", seed="halo", n=4, cursor=cursor)
        walked += [item["content_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(walked) == len(set(walked))
    assert len(walked) > SIZE // 2


def test_a_track_without_a_preview_is_told_skipped_and_not_counted(get: Any) -> None:
    items = get("/v1/radio", seed="deja vu", n=8)["items"]
    told = {"content_id": "tracks/0", "title": "Déjà Vu", "artist": None, "preview": None, "skipped": True}
    assert items[0] == told | {"why": "seed"}
    assert sum(not item["skipped"] for item in items) == 8
    assert all((item["preview"] is None) == item["skipped"] for item in items)


def test_an_unknown_seed_and_a_foreign_cursor_are_problems(client: FlaskClient) -> None:
    unknown: Any = client.get("/v1/radio", query_string={"seed": "nothing"})
    assert (unknown.status_code, unknown.json["type"]) == (404, "urn:entourage:problem:unknown-content")
    with client.application.test_request_context():
        forged = radio._encode([10**9], radio._listening())
    for cursor in ("abcd", forged):
        foreign: Any = client.get("/v1/radio", query_string={"seed": "halo", "cursor": cursor})
        assert (foreign.status_code, foreign.json["errors"][0]["field"]) == (422, "cursor")


def test_the_radio_goes_on_where_hardly_any_track_has_a_preview(client: FlaskClient, monkeypatch: Any) -> None:
    monkeypatch.setattr(radio, "_MOST_SKIPPED", 1)
    monkeypatch.setattr(Listening, "skips", lambda self, number: True)
    answer: Any = client.get("/v1/radio", query_string={"seed": "halo", "n": 2}).json
    assert len(answer["items"]) == 1 + 2 + 1, "the seed, and what a call looks at"
    assert answer["next_cursor"], "what is within reach is not at its end"


def test_lists_are_completed_one_and_many(client: FlaskClient) -> None:
    body = {"tracks": ["Song 7", "tracks/8", "who?"], "playlists": [["tracks/20"], ["who?"]], "n": 3}
    answer: Any = client.post("/v1/playlists/complete", json=body).json
    assert {item["content_id"] for item in answer["items"]} <= {f"tracks/{n}" for n in (5, 6, 9, 10)}
    assert answer["unknown"] == ["who?"]
    assert [len(one["items"]) for one in answer["playlists"]] == [3, 0]
    assert client.post("/v1/playlists/complete", json={"n": 3}).status_code == 422


def test_the_model_of_tracks_is_taken_once_it_is_trained(client: FlaskClient, alone: Settings, get: Any) -> None:
    assert get("/v1/radio", seed="halo")["model"] == "co-occurrence"
    Track2Vec(epochs=3, subsample=0.0).fit(tracks()).save(alone.model_path("track2vec"))
    assert get("/v1/radio", seed="halo")["model"] == "track2vec"


def test_from_a_track_that_was_not_learned_the_radio_goes_on_and_says_how(alone: Settings) -> None:
    snapshot = with_unheard()
    model = Track2Vec(epochs=3, subsample=0.0).fit(snapshot)
    client = create_app(alone, FeedService(None, snapshot, model, alone)).test_client()
    first: Any = client.get("/v1/radio", query_string={"seed": "Unheard", "n": 3}).json
    assert [item["why"] for item in first["items"]] == ["seed", "artist", "near"]  # nobody has a preview
    again: Any = client.get("/v1/radio", query_string={"seed": "Unheard", "n": 2, "cursor": first["next_cursor"]}).json
    assert {item["why"] for item in again["items"]} == {"near"}


def test_nothing_to_answer_from_is_told(alone: Settings) -> None:
    client = create_app(alone, FeedService(None, None, None, alone)).test_client()
    assert client.get("/v1/radio", query_string={"seed": "halo"}).status_code == 503


def test_audio_comes_only_from_hosts_that_the_configuration_names(client: FlaskClient, alone: Settings) -> None:
    assert "media-src" not in client.get("/radio").headers["Content-Security-Policy"]
    service = Service(rate_limit="", media_hosts=("https://media.example",))
    told = alone.model_copy(update={"service": service})
    other = create_app(told, FeedService(None, tracks(), None, told)).test_client()
    policy = other.get("/radio").headers["Content-Security-Policy"]
    assert policy.endswith("; media-src https://media.example")
    with pytest.raises(ValueError, match="media_hosts"):
        Service(media_hosts=("https://a.example; script-src *",))


def test_artists_who_resemble_one(alone: Settings) -> None:
    snapshot = performed()
    client = create_app(alone, FeedService(None, snapshot, CoOccurrence(window=2).fit(snapshot), alone)).test_client()
    answer: Any = client.get("/v1/artists/%C3%81dele/similar?n=2").json
    assert (answer["artist_id"], answer["name"], answer["model"]) == ("a0", "Ádele", "co-occurrence")
    assert {item["artist_id"] for item in answer["items"]} == {"a1", "a5"}
    unknown: Any = client.get("/v1/artists/a%2F77/similar")
    assert (unknown.status_code, unknown.json["type"]) == (404, "urn:entourage:problem:unknown-artist")
