"""A pipeline with known answers, at the seam between web and recommend: the checkerboard's clique of friends."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from graph.errors import UnknownContent, UnknownUser
from graph.settings import Settings
from recommend.feed import Feed, Link, Node, Person, Reason, Recommendation, Subgraph
from recommend.pipeline import Pipeline
from tests import checkerboard

SIZE = 60


class FakePipeline(Pipeline):
    """Even users like even contents; every third content is a beat. ``failing`` is raised by whatever is called."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(None, checkerboard.snapshot(SIZE), None, settings, model_version="fake-1")
        self.failing: Exception | None = None
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
            if content_id in exclude or (kind and kind != item_kind):
                continue
            who = friends[place % 7 : place % 7 + 3]
            reasons: tuple[Reason, ...] = (
                Reason("friends", f"{len(who)} people you follow liked it: {', '.join(who)}.", tuple(who)),
                Reason("genre", "You listen to afrobeat.", ("afrobeat",)),
            )
            if place % 4 == 2:
                reasons = (Reason("trending", "Trending: 48 people watched it this week.", ()),)
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
        return Feed(request_id or "", user_id, tuple(items[:n]), "fake-1", rung, False, (), {"sources": 1.5})  # type: ignore[arg-type]

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        friends = self._friends(self._number(user_id))
        return [Person(u, 5 - i % 5, tuple(friends[:2]), 1.0 - i / 10) for i, u in enumerate(friends[:n])]

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        number = self._number(user_id)
        nodes = [Node(user_id, "User", 0)]
        links = []
        for n, friend in enumerate(self._friends(number)[:8]):
            nodes.append(Node(friend, "User", 1))
            links.append(Link(user_id, friend, "FOLLOWS") if n % 3 else Link(friend, user_id, "FOLLOWS"))
        for n in range(6):
            content = self.contents[(number + 2 * n) % SIZE]
            nodes.append(Node(content, "Beat" if content.startswith("beats") else "Keak", 1))
            links.append(Link(user_id, content, "WATCHED"))
            links += [Link(self._friends(number)[m], content, "WATCHED") for m in range(n, 7, 3)]
        if depth == 2:
            for n, near in enumerate(self._friends(number)[:8]):
                for far in self._friends(number)[10 + 3 * n : 13 + 3 * n]:
                    nodes.append(Node(far, "User", 2))
                    links.append(Link(near, far, "FOLLOWS"))
            nodes += [Node("afrobeat", "Genre", 2), Node("#summer", "Hashtag", 2)]
            links += [Link(nodes[9].id, "afrobeat", "HAS_GENRE"), Link(nodes[11].id, "#summer", "TAGGED")]
        return Subgraph(tuple(nodes[:limit]), tuple(links))

    def user(self, user_id: str) -> dict[str, Any]:
        self._number(user_id)
        return {"user_id": user_id, "follows": 29, "followers": 29, "watched": 29, "made": 0}

    def content(self, content_id: str) -> dict[str, Any]:
        if self.failing:
            raise self.failing
        if content_id not in self.contents:
            raise UnknownContent(f"No content has the id {content_id!r}.")
        return {"content_id": content_id, "kind": "keak", "watchers": 12, "genres": ["afrobeat"], "made_by": ["u003"]}

    def search(self, text: str, n: int = 20) -> list[dict[str, Any]]:
        if self.failing:
            raise self.failing
        return [{"label": "User", "id": u, "name": u} for u in self.users if u.startswith(text)][:n]
