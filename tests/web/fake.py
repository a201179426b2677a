"""A feed service with known answers, at the seam between web and recommend: the checkerboard's clique of friends."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from graph.errors import UnknownContent, UnknownUser
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.feed import Feed, Link, Node, Person, Recommendation, Subgraph
from recommend.naming import named
from recommend.request import digest
from recommend.sentences import Reason
from recommend.served_model import ServedModel
from recommend.service import FeedService
from recommend.similar import Similar
from recommend.wanted import EVERYTHING, Wanted
from tests import checkerboard

SIZE = 60
NAMES = {"users/u006": "Ada Lo", "keaks/k008": "Blue Rain"}


class Ledger:
    """Stands where the graph stands for events: remembers the ids it has counted."""

    def __init__(self) -> None:
        self.counted: set[tuple[str, str]] = set()

    def write(self, name: str, /, *, rows: list[dict[str, Any]], **_: Any) -> list[dict[str, Any]]:
        if not name.startswith("events/"):
            return [{"told": [row["place"] for row in rows if "place" in row]}]
        told = []
        for row in rows:
            key = row["producer"], row["eventId"]
            if row.get("contentId") != "keaks/unknown":
                told.append((row["place"], key not in self.counted))
                self.counted.add(key)
        return [{"told": told}]

    def write_and_tell(self, name: str, /, **given: Any) -> tuple[list[dict[str, Any]], bool]:
        return self.write(name, **given), True

    def read(self, name: str, /, **asked: Any) -> list[dict[str, Any]]:
        known = name == "lookup/event" and (asked["producer"], asked["eventId"]) in self.counted
        changed = {"lookup/spelled": "found", "lookup/people_now": "people", "lookup/contents_now": "contents"}
        if name in changed:
            return [{changed[name]: []}]
        return [{"receivedAt": 0}] if known else [{"pairs": []}] if name.endswith("_now") else []

    def transaction(self) -> None:
        return None


def performed_by(snapshot: Snapshot, artist_id: str) -> Snapshot:
    """The same snapshot in which this artist performs the first content."""
    watched = snapshot.watched
    return Snapshot.build(
        {
            **{node.label: node.frame for node in (snapshot.users, snapshot.contents)},
            "Artist": pl.DataFrame({"artistId": [artist_id]}),
        },
        {
            "WATCHED": pl.DataFrame({"source": watched.source, "target": watched.target}),
            "PERFORMED_BY": pl.DataFrame({"source": [0], "target": [0]}),
        },
    )


class FakeFeeds(FeedService):
    """Even users like even contents; every third content is a beat. ``failing`` is raised by whatever is called.

    While ``hanging`` is clear, ``neighbourhood`` does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(None, checkerboard.snapshot(SIZE), None, settings, model_version="fake-1")
        self.failing: Exception | None = None
        self.hanging = threading.Event()
        self.hanging.set()
        self.deadlines: list[int | None] = []
        self.request_ids: list[str | None] = []
        self.contents = [f"{'beats' if n % 3 == 0 else 'keaks'}/k{n:03d}" for n in range(SIZE)]
        self.users = checkerboard.users(SIZE)

    def _number(self, user_id: str) -> int:
        if self.failing:
            raise self.failing
        if user_id not in self.users:
            raise UnknownUser(f"No user has the id {user_id!r}.")
        return self.users.index(user_id)

    def _friends(self, number: int) -> list[str]:
        return [u for n, u in enumerate(self.users) if n % 2 == number % 2 and n != number]

    def recommend(
        self,
        user_id: str,
        n: int = 20,
        kind: str | None = None,
        exclude: Collection[str] = (),
        explain: bool = True,
        deadline_ms: int | None = None,
        request_id: str | None = None,
        shown: Collection[bytes] = (),
        served: ServedModel | None = None,
        debug: bool = False,
        wanted: Wanted = EVERYTHING,
        session: Collection[str] = (),
        replays: bool = False,
        hurried: bool = False,
    ) -> Feed:
        if self.failing:
            raise self.failing
        self.deadlines.append(deadline_ms)
        self.request_ids.append(request_id)
        known = user_id in self.users
        number = self.users.index(user_id) if known else 0
        friends = self._friends(number)
        ranked = sorted(range(SIZE), key=lambda c: (c != number, (c - number) % 2, c))
        items = []
        for place, c in enumerate(ranked):
            content_id = self.contents[c]
            item_kind = "beat" if content_id.startswith("beats/") else "keak"
            if content_id in exclude or digest(content_id) in shown or (kind and kind != item_kind):
                continue
            who = friends[place % 7 : place % 7 + 3]
            reasons: tuple[Reason, ...] = (
                Reason("friends", "liked", len(who), people=tuple(who)),
                Reason("genre", "listens to", names=("afrobeat",)),
            )
            if place % 4 == 3:
                like = self.contents[(c + 2) % SIZE]
                reasons = (Reason("because", "watched", 3, contents=(like,)),)
            if place % 4 == 2:
                reasons = (Reason("trending", "watched", 48, days=7),)
            items.append(
                Recommendation(
                    content_id,
                    item_kind,
                    math.exp(-place / 25),
                    ("model", "followed_activity") if place % 3 else ("co_watch", "same_genre", "model"),
                    reasons if explain else (),
                    link="https://example.org/play" if place % 5 == 0 else None,
                    made_by=(friends[place % len(friends)],) if place % 2 else (),
                )
            )
        rung = "model" if known else "popular"
        told = named(items[:n], self.names)
        return Feed(request_id or "", user_id, told, "fake-1", rung, False, timings_ms={"sources": 1.5})  # type: ignore[arg-type]

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        friends = self._friends(self._number(user_id))
        found = [Person(u, 5 - i % 5, tuple(friends[:2]), 1.0 - i / 10) for i, u in enumerate(friends[:n])]
        return list(named(found, self.names))

    def similar_people(self, user_id: str, n: int = 10) -> list[Person]:
        return self.people(user_id, n)

    def names(self, user_ids: Sequence[str], content_ids: Sequence[str] = ()) -> dict[str, str]:
        ids = {f"users/{user}" for user in user_ids} | {*content_ids}
        return {id_: name for id_, name in NAMES.items() if id_ in ids}

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        self.hanging.wait()
        number = self._number(user_id)
        friends = self._friends(number)
        me = Node(f"users/{user_id}", "User", user_id, 0)
        near = [Node(f"users/{name}", "User", name, 1) for name in friends[:8]]
        links = [Link(me.id, n.id, "FOLLOWS") if i % 3 else Link(n.id, me.id, "FOLLOWS") for i, n in enumerate(near)]
        watched = []
        for place in range(6):
            content_id = self.contents[(number + 2 * place) % SIZE]
            watched.append(Node(content_id, "Beat" if content_id.startswith("beats") else "Keak", content_id, 1))
            properties = {"progress": 0.5, "lastAt": datetime(2026, 1, 2, tzinfo=UTC)}
            links.append(Link(me.id, content_id, "WATCHED", properties))
            links += [Link(n.id, content_id, "WATCHED") for n in near[place:7:3]]
        far = []
        if depth == 2:
            for i, neighbour in enumerate(near):
                beyond = [Node(f"users/{name}", "User", name, 2) for name in friends[10 + 2 * i : 12 + 2 * i]]
                links += [Link(neighbour.id, node.id, "FOLLOWS") for node in beyond]
                far += beyond
            far += [Node("genres/7", "Genre", "afrobeat", 2), Node("hashtags/summer", "Hashtag", "summer", 2)]
            links += [Link(watched[0].id, "genres/7", "HAS_GENRE"), Link(watched[2].id, "hashtags/summer", "TAGGED")]
        return Subgraph((me, *near, *watched, *far), tuple(links))

    def user(self, user_id: str) -> dict[str, Any]:
        number = self._number(user_id)
        known = {"follows": 29, "followers": 29, "watched": 29, "made": 0, "listensTo": ["afrobeat"], "createsIn": []}
        called = {"name": NAMES[f"users/{user_id}"]} if f"users/{user_id}" in NAMES else {}
        return {"userId": user_id, **known, "properties": {"PlaylistCount": number, **called}}

    def content(self, content_id: str) -> dict[str, Any]:
        if self.failing:
            raise self.failing
        if content_id not in self.contents:
            raise UnknownContent(f"No content has the id {content_id!r}.")
        known = {"watchers": 12, "madeBy": ["u003"], "uses": [], "usedBy": 2, "moods": [], "hashtags": ["summer"]}
        kind = "beat" if content_id.startswith("beats/") else "keak"
        return {"contentId": content_id, "kind": kind, **known, "genres": ["afrobeat"], "properties": {"duration": 31}}

    def search(
        self, text: str, n: int = 20, user_id: str | None = None, label: str | None = None
    ) -> list[dict[str, Any]]:
        if self.failing:
            raise self.failing
        found = [u for u in self.users if u.startswith(text)][:n]
        return [{"label": "User", "id": u, "name": NAMES.get(f"users/{u}", u), "audience": 29} for u in found]

    def similar(
        self,
        content_id: str,
        n: int = 10,
        kind: str | None = None,
        user_id: str | None = None,
        served: ServedModel | None = None,
    ) -> tuple[str, str, list[Similar]]:
        found = self.content(content_id)
        near = [Similar(one, "keak", 1.0 / place, ("u003",)) for place, one in enumerate(self.contents[:n], 1)]
        return "fake-1", found["contentId"], near
