"""Who is marked private after the snapshot was made, in answers that come from it; nothing here needs a database."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from flask.testing import FlaskClient

from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.service import FeedService
from recommenders.counting import CoOccurrence
from web.app import create_app

USERS = ["ann", "bob", "cid", "xena"]


def served(settings: Settings, *, private: bool) -> FlaskClient:
    """``xena`` made keaks/1. ``ann`` may want to follow her, whom ``bob`` follows; ``cid`` follows her too."""

    def pairs(*found: tuple[int, int]) -> pl.DataFrame:
        return pl.DataFrame(found, schema={"source": pl.Int32, "target": pl.Int32}, orient="row")

    names = {"name": ["Ann", "Bob", "Cid", "Xena Lo"], "isPrivate": [False, False, False, private]}
    snapshot = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": USERS} | names),
            "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(5)]}),
        },
        {
            "FOLLOWS": pairs((0, 1), (1, 3), (2, 3), (3, 0), (3, 1), (3, 2)),
            "WATCHED": pairs((0, 2), (1, 1), (1, 2), (3, 2), (3, 3), (3, 4), (2, 2)),
            "MADE": pairs((3, 1)),
        },
    )
    model = CoOccurrence().fit(snapshot)
    return create_app(settings, FeedService(None, snapshot, model, settings)).test_client()


def named(client: FlaskClient) -> dict[str, bool]:
    """Where xena is named, by what was asked."""
    asked: dict[str, Any] = {
        "her keak": client.get("/v1/users/ann/recommendations?n=5"),
        "a reason": client.get("/v1/users/cid/recommendations?n=5"),
        "to follow": client.get("/v1/users/ann/people"),
        "alike": client.get("/v1/users/bob/similar"),
        "found": client.get("/v1/search?q=lo"),
        "content": client.get("/v1/contents/keaks%2F1"),
        "nearest": client.get("/v1/contents/keaks%2F2/similar"),
        "examples": client.get("/v1/examples"),
    }
    assert all(answer.status_code == 200 for answer in asked.values()), asked
    told = {name: "xena" in json.dumps(answer.json).lower() for name, answer in asked.items()}
    narrowed: Any = client.get("/v1/users/ann/recommendations?maker=xena").json
    return told | {"by maker": bool(narrowed["items"])}


def publish(client: FlaskClient, **said: Any) -> None:
    answer: Any = client.put("/v1/users/xena", json=said)
    assert (answer.status_code, answer.json["status"]) == (200, "waiting"), "there is no Neo4j"


def test_who_is_marked_private_since_the_snapshot_is_named_nowhere(alone: Settings) -> None:
    client = served(alone, private=False)
    before = named(client)
    assert all(before.values()), before
    publish(client, is_private=True)
    assert not any(named(client).values()), named(client)
    publish(client, name="Xena Ray")
    assert not any(named(client).values()), "what was left out stays"
    assert not named(served(alone, private=False))["examples"], "nor after a start of the service"
    publish(client, is_private=False)
    assert named(client) == before


def test_who_is_private_no_more_is_named(alone: Settings) -> None:
    client = served(alone, private=True)
    assert not any(named(client).values()), named(client)
    publish(client, is_private=None)
    told = named(client)
    assert told.pop("examples") is False, "those of the next start"
    assert all(told.values()), told
