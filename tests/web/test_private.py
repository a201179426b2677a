"""Who is marked private after the snapshot was made, in answers that come from it; nothing here needs a database."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from flask.testing import FlaskClient

from graph.catalogue.changes import Change, Changes, Status
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.service import FeedService
from recommenders.counting import CoOccurrence
from web.app import create_app

USERS = ["ann", "bob", "cid", "xena"]
BEFORE: Final = """
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL UNIQUE, body TEXT NOT NULL, whole TEXT NOT NULL,
    taken_down INTEGER, hides INTEGER, received INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting', due INTEGER NOT NULL, settled INTEGER, reason TEXT
);
CREATE INDEX change_due ON change (due) WHERE status = 'waiting';
CREATE INDEX change_settled ON change (settled);
"""
"""The tables of an outbox before it had a column for who is private."""


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


def say(changes: Changes, became: Status, said: dict[str, Any]) -> None:
    """A change of xena that is accepted, and settled if it does not wait."""
    seq = changes.accept(Change("users/xena", said), 1)
    if became != "waiting":
        changes.settle([(seq, became, None, 0)], 2)


@pytest.mark.parametrize(
    ("told", "private"),
    [
        ([("applied", {"is_private": True}), ("rejected", {"name": "y"})], {"xena": True}),
        ([("applied", {"is_private": True}), ("rejected", {"is_private": False})], {"xena": True}),
        ([("applied", {"is_private": True}), ("rejected", {"name": "y"}), ("applied", {})], {"xena": True}),
        ([("applied", {"is_private": True}), ("rejected", {"name": "y"}), ("waiting", {"name": "z"})], {"xena": True}),
        ([("applied", {"is_private": True}), ("waiting", {"is_private": None})], {"xena": False}),
        ([("applied", {"is_private": True}), ("applied", {"is_private": None})], {"xena": False}),
        ([("applied", {"is_private": False}), ("rejected", {"is_private": True})], {"xena": False}),
        ([("waiting", {"is_private": True}), ("rejected", {"name": "y"})], {}),
        ([("rejected", {"is_private": True}), ("applied", {"name": "y"})], {}),
        ([("applied", {"name": "is_private"})], {}),
    ],
)
def test_a_change_that_is_rejected_leaves_what_was_applied(
    tmp_path: Path, told: list[tuple[Status, dict[str, Any]]], private: dict[str, bool]
) -> None:
    changes = Changes(tmp_path / "outbox.sqlite3")
    for became, said in told:
        say(changes, became, said)
        changes.private()
    assert changes.private() == private
    assert Changes(changes.path).private() == private


def test_an_outbox_of_an_older_version_tells_the_same_of_who_is_private(tmp_path: Path) -> None:
    yes, no, name = {"is_private": True}, {"is_private": None}, {"name": "is_private"}
    rows: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "users/applied": ("applied", yes, yes),
        "users/no more": ("applied", no, yes | no),
        "users/waiting": ("waiting", yes, yes),
        "users/applied, then waiting": ("waiting", name, yes | name),
        "users/applied, then rejected": ("rejected", name, yes | name),
        "users/rejected": ("rejected", yes, yes),
        "users/named": ("applied", name, name),
        "keaks/1": ("applied", {"title": "is_private"}, {"title": "is_private"}),
    }
    path = tmp_path / "outbox.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(BEFORE)
        database.executemany(
            "INSERT INTO change (target, status, body, whole, received, due) VALUES (?, ?, ?, ?, 1, 1)",
            [(target, status, json.dumps(body), json.dumps(whole)) for target, (status, body, whole) in rows.items()],
        )
    workers, start, told = [Changes(path) for _ in range(4)], threading.Barrier(4), list[Any]()

    def ask(one: Changes) -> None:
        start.wait(60)
        told.append(one.private())

    threads = [threading.Thread(target=ask, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    private = {"applied": True, "no more": False, "waiting": True, "applied, then waiting": True}
    private |= {"applied, then rejected": True}
    assert told == [private] * 4
    now = workers[0]
    for target in ("users/waiting", "users/applied, then waiting"):
        now.settle([(now.accept(Change(target, {"name": "y"}), 3), "rejected", None, 0)], 4)
    del private["waiting"]
    assert now.private() == private, "what was applied stays, and what was not goes"
    now.accept(Change("users/named", yes), 5)
    assert now.private() == private | {"named": True}
