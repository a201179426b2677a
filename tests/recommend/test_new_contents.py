"""Contents that came after the training: asked of Neo4j, placed by the network, proposed to whom they fit."""

from __future__ import annotations

import pytest

from gnn.config import GnnConfig
from gnn.recommender import GraphNetwork, LightGcn
from graph.driver import Graph
from recommend import new_contents
from recommend.new_contents import NEW_CONTENTS, NewContents
from recommend.pipeline import Pipeline
from recommend.request import Deadline, Request
from tests import checkerboard, checkerboard_graph

USERS = checkerboard.users()
SMALL = GnnConfig(dim=16, heads=2, layers=2)


@pytest.fixture(scope="module")
def model() -> GraphNetwork:
    return GraphNetwork(SMALL).fit(checkerboard.snapshot(timed=True), epochs=40)


@pytest.fixture(scope="module", autouse=True)
def board(graph: Graph) -> None:
    """The checkerboard, and since then a keak that two even users watched, one of two odd ones, and one of nobody."""
    checkerboard_graph.load(graph)
    publish(graph, "even", ["u002", "u004"])
    publish(graph, "odd", ["u003", "u005"])
    publish(graph, "unseen", [])


def publish(graph: Graph, name: str, watchers: list[str]) -> None:
    at = checkerboard_graph.DAY + checkerboard_graph.DAY // 100
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": f"keaks/{name}", "properties": {"createdAt": at}}])
    watched = [f"keaks/{name}", 1.0, False, False, False, 1, at, at]
    graph.write("load/watched", deadline_ms=0, rows=[[user, [watched]] for user in watchers])


def asked(source: NewContents, user: str, kind: str | None = None) -> list[str]:
    request = Request("r", user, 5, kind, frozenset(), False, Deadline(60_000))
    return [candidate.content_id for candidate in source.ask(NEW_CONTENTS, request, 60_000)]


def test_what_fits_comes_first_and_what_nobody_knows_anything_of_is_not_placed(graph, model):
    source = NewContents(model, graph)
    assert asked(source, USERS[6]) == ["keaks/even", "keaks/odd"]
    assert asked(source, USERS[7]) == ["keaks/odd", "keaks/even"]
    assert asked(source, USERS[7], "beat") == []
    assert asked(source, "stranger") == []


def test_the_graph_is_asked_once_a_minute(graph, model, monkeypatch):
    source = NewContents(model, graph)
    asked(source, USERS[6])
    publish(graph, "later", ["u002"])
    assert "keaks/later" not in asked(source, USERS[6])
    monkeypatch.setattr(new_contents, "_FRESH_S", 0.0)
    assert "keaks/later" in asked(source, USERS[6])


def test_a_model_that_places_nothing_proposes_nothing(graph):
    model = LightGcn(dim=16).fit(checkerboard.snapshot(timed=True), epochs=1)
    assert asked(NewContents(model, graph), USERS[6]) == []


def test_the_feed_says_where_it_is_from(graph, model, settings):
    feed = Pipeline(graph, model.snapshot, model, settings).recommend(USERS[6], n=20, deadline_ms=60_000)
    sources = {item.content_id: item.sources for item in feed.items}
    assert "new_contents" in sources["keaks/even"]
    assert "model" not in sources["keaks/even"]
