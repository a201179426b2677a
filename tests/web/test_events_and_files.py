"""Events over HTTP on an imported folder, and the folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Service, Settings
from recommend.service import FeedService
from tests.graph.keakr import only
from web.app import create_app

PEOPLE = ("u0", "u1", "u2", "blocker")
FILES = {
    "users": "".join(f'{{"userId": "{id_}"}}\n' for id_ in PEOPLE),
    "keaks": '{"keakId": "k1"}\n{"keakId": "k2"}\n',
    "followers": "".join(
        f"users/{one},users/{two},2020-01-01T00:00:00Z\n"
        for one, two in (("blocker", "u0"), ("blocker", "u2"), ("u1", "u2"))
    ),
    "audiences": "userId,contentId,timestamp,progress,liked,commented,shared\n"
    + "".join(f"users/{id_},keaks/k1,2020-01-02T00:00:00Z,1,true,false,false\n" for id_ in ("u0", "u2")),
}  # fmt: skip


@pytest.fixture
def client(graph: Graph, session_settings: Settings, tmp_path: Path) -> FlaskClient:
    import_folder(graph, only(tmp_path / "in", **FILES), session_settings)
    patient = session_settings.model_copy(
        update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)}
    )
    return create_app(patient, FeedService(graph, None, None, patient)).test_client()


def send(client: FlaskClient, *events: dict[str, Any]) -> Any:
    return client.post("/v1/events", json={"events": list(events)})


def at(clock: str, day: int = 1) -> str:
    return f"2026-01-{day:02}T{clock}:00Z"


def follows(client: FlaskClient, user: str) -> Any:
    body: Any = client.get(f"/v1/users/{user}").json
    return body["follows"]


def test_a_late_follow_does_not_undo_the_unfollow(client: FlaskClient) -> None:
    pair = {"user_id": "u1", "target_id": "u0"}
    kinds = [("follow", "10:00"), ("unfollow", "12:00"), ("follow", "11:00")]
    answer = send(client, *({"event_id": f"a{n}", "kind": k, "at": at(t), **pair} for n, (k, t) in enumerate(kinds)))
    assert [one["status"] for one in answer.json["events"]] == ["applied"] * 3
    assert follows(client, "u1") == 1


def test_importing_again_brings_back_nothing_that_was_blocked(
    client: FlaskClient, graph: Graph, session_settings: Settings, tmp_path: Path
) -> None:
    pair = {"user_id": "blocker", "target_id": "u0"}
    send(client, {"event_id": "b1", "kind": "block", "at": at("12:00"), **pair})
    assert follows(client, "blocker") == 1
    for round_ in range(2):
        import_folder(graph, tmp_path / "in", session_settings)
        assert follows(client, "blocker") == 1
        body: Any = client.get("/v1/users/blocker/neighbourhood").json
        assert "users/u0" not in {node["id"] for node in body["nodes"]}
        send(client, {"event_id": f"b2{round_}", "kind": "unblock", "at": at("13:00"), **pair})
    later = FILES["followers"].replace("2020-01-01", "2026-02-01")
    import_folder(graph, only(tmp_path / "later", followers=later), session_settings)
    assert follows(client, "blocker") == 2, "a row that is later than the unblock counts"


def test_a_watch_of_the_far_future_is_refused(client: FlaskClient) -> None:
    before = client.get("/v1/contents/keaks/k2").json
    watch = {"event_id": "c1", "kind": "watch", "user_id": "u1", "content_id": "keaks/k2", "progress": 0.1}
    answer = send(client, watch | {"at": "9999-12-31T23:59:59Z"})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "events.0.at"
    assert client.get("/v1/contents/keaks/k2").json == before


def test_both_spellings_are_one_person(client: FlaskClient) -> None:
    watch = {"event_id": "d1", "kind": "watch", "content_id": "keaks/k2", "progress": 0.9, "at": at("12:00")}
    assert send(client, watch | {"user_id": "users/u1"}).json["applied"] == 1
    body: Any = client.get("/v1/users/u1").json
    assert body["watched"] == 1
    assert client.get("/v1/search?q=users/u1").status_code == 200


def test_a_float_is_the_whole_number_in_events_addresses_and_files(
    client: FlaskClient, graph: Graph, session_settings: Settings, tmp_path: Path
) -> None:
    watch = {"event_id": "1.0", "kind": "watch", "content_id": "keaks/k2", "at": at("12:00")}
    assert send(client, watch | {"user_id": "1.0"}, watch | {"event_id": "1", "user_id": "1"}).json["applied"] == 2
    assert client.get("/v1/users/1.0").json == client.get("/v1/users/1").json
    graph.write("load/users", deadline_ms=0, rows=[{"id": "1.0", "properties": {}}])  # as events once made people
    import_folder(graph, only(tmp_path / "floats", audiences="1.0,k1,2026-01-02T00:00:00Z\n"), session_settings)
    body: Any = client.get("/v1/users/1.0").json
    assert (body["user_id"], body["watched"]) == ("1", 2)


def test_importing_again_leaves_private_as_the_api_said_it(
    client: FlaskClient, graph: Graph, session_settings: Settings, tmp_path: Path
) -> None:
    users = ('{"userId": "u1", "isPrivate": false}\n', '{"userId": "u2", "isPrivate": true}\n')
    files = only(tmp_path / "public", users="".join(users))

    def private_after(said: dict[str, Any] | None, user: str) -> Any:
        if said is not None:
            assert client.put(f"/v1/users/{user}", json=said).json["status"] == "applied"  # type: ignore[index]
        import_folder(graph, files, session_settings)
        properties = client.get(f"/v1/users/{user}").json["properties"]  # type: ignore[index]
        assert properties.keys() <= {"user_id", "is_private", "name"}
        return properties.get("is_private")

    assert private_after(None, "u1") is False
    assert private_after({"is_private": True}, "u1") is True
    assert private_after({"name": "Una"}, "u1") is True
    assert private_after({"is_private": False}, "u2") is False
    assert private_after({"is_private": None}, "u1") is False, "null leaves it to files again"
