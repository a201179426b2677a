"""Contents that came after the training: asked of Neo4j, placed by the network, proposed to whom they fit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnn.config import GnnConfig
from gnn.recommender import GraphNetwork
from graph.database.driver import Graph
from graph.errors import GraphTimeout
from graph.snapshot import Snapshot
from recommend import new_contents
from recommend.feed import Feed
from recommend.new_contents import NEW_CONTENTS, NewContents
from recommend.request import Deadline, Request
from recommend.service import FeedService
from recommenders.core.recommender import Placed
from tests import checkerboard, checkerboard_graph
from tests.networks import trained

USERS = checkerboard.users()
AT = checkerboard_graph.DAY + checkerboard_graph.DAY // 100


@pytest.fixture(scope="module")
def model() -> GraphNetwork:
    """On the checkerboard as `tests.checkerboard_graph` has it, and a length for every keak, so that contents have
    features."""
    board, size = checkerboard.snapshot(), checkerboard.SIZE
    contents = pl.DataFrame(
        {
            "contentId": [*checkerboard.contents(), "beats/even", "beats/odd"],
            "kind": ["keak"] * size + ["beat"] * 2,
            "duration": [10.0 + content for content in range(size)] + [99.0, 98.0],
        }
    )
    parities = pl.DataFrame({"name": ["even", "odd"]})
    tagged = {"source": range(size), "target": [content % 2 for content in range(size)]}
    watched = {"source": board.watched.source, "target": board.watched.target}
    snapshot = Snapshot.build(
        {
            "User": board.users.frame,
            "Content": contents,
            "Genre": pl.DataFrame({"genreId": ["even", "odd"]}),
            "Hashtag": parities,
        },
        {
            "WATCHED": pl.DataFrame(watched),
            "FOLLOWS": pl.DataFrame({"source": board.follows.source, "target": board.follows.target}),
            "TAGGED": pl.DataFrame(tagged),
            "USES": pl.DataFrame({"source": range(size), "target": [size + content % 2 for content in range(size)]}),
            "HAS_GENRE": pl.DataFrame({"source": [size, size + 1], "target": [0, 1]}),
        },
    )
    config = GnnConfig(dim=16, heads=2, layers=2, cold=0.3, temperature=0.14)
    return trained(config, snapshot, epochs=80)


@pytest.fixture(scope="module", autouse=True)
def board(graph: Graph) -> None:
    """The checkerboard, and since then some keaks that the model does not know."""
    checkerboard_graph.load(graph)
    publish(graph, "even", watchers=["u002", "u004"])
    publish(graph, "odd", watchers=["u003", "u005"])
    publish(graph, "unseen")


def publish(graph: Graph, name: str, watchers: list[str] | None = None, **properties: Any) -> str:
    keak = f"keaks/{name}"
    graph.write(
        "load/keaks",
        deadline_ms=0,
        rows=[{"id": keak, "properties": {"createdAt": AT, "duration": 15.0, **properties}}],
    )
    watch = [keak, 1.0, False, False, False, 1, AT, AT]
    graph.write("load/watched", deadline_ms=0, most=9, rows=[[user, [watch]] for user in watchers or []])
    return keak


def asked(source: NewContents, user: str, kind: str | None = None) -> list[str]:
    request = Request("r", user, 5, kind, frozenset(), False, Deadline(60_000))
    return [candidate.content_id for candidate in source.ask(NEW_CONTENTS, request)]


def stocked(graph: Graph, model: GraphNetwork) -> NewContents:
    source = NewContents(model, graph)
    source.restock()
    source._due = float("inf")
    return source


def test_what_fits_comes_first_and_what_nobody_knows_anything_of_is_not_placed(graph, model):
    source = stocked(graph, model)
    assert asked(source, USERS[6])[0].endswith("even")
    assert asked(source, USERS[7])[0].endswith("odd")
    assert "keaks/unseen" not in asked(source, USERS[6])
    assert asked(source, USERS[7], "beat") == []
    assert asked(source, "stranger") == []


@pytest.mark.parametrize("query", ["tagged", "uses"])
def test_hashtags_and_beats_tell_whom_a_content_fits(graph, model, query):
    for parity in checkerboard_graph.PARITIES:
        keak = publish(graph, f"{query}-{parity}")
        end = parity if query == "tagged" else f"beats/{parity}"
        graph.write(f"load/{query}", deadline_ms=0, rows=[[keak, [[end]]]])
    source = stocked(graph, model)
    for user, first, last in ((6, "even", "odd"), (7, "odd", "even")):
        found = asked(source, USERS[user])
        names = [name for name in found if name.startswith(f"keaks/{query}")]
        assert names[0] == f"keaks/{query}-{first}"
        assert names[-1] != f"keaks/{query}-{first}" or f"keaks/{query}-{last}" not in found


def test_strange_properties_cost_nothing(graph, model):
    publish(graph, "strange", ["u002"], duration="long", link="x" * 1000, contentType=7)
    assert "keaks/strange" in asked(stocked(graph, model), USERS[6])


def test_nobody_waits_for_the_graph_and_what_was_there_stays_while_it_does_not_answer(graph, model, monkeypatch):
    source = NewContents(model, graph)
    assert asked(source, USERS[6]) == []  # it is only being asked for
    until = time.monotonic() + 60
    while not (found := asked(source, USERS[6])) and time.monotonic() < until:
        time.sleep(0.05)
    assert found[0].endswith("even")

    def late(*_: Any, **__: Any) -> Any:
        raise GraphTimeout("Too late.", do="Wait.")

    monkeypatch.setattr(new_contents, "_FRESH_S", 0.0)
    monkeypatch.setattr(source._graph, "read", late)
    source._due = 0.0
    for _ in range(20):
        assert asked(source, USERS[6]) == found
        time.sleep(0.01)


def test_a_network_that_never_learned_to_place_contents_is_not_asked(graph):
    untaught = trained(GnnConfig(dim=16, heads=2, layers=1), checkerboard.snapshot(), epochs=1)  # they have no features
    assert asked(NewContents(untaught, graph), USERS[6]) == []


def test_ranks_are_those_among_all_that_was_not_seen():
    rng = np.random.default_rng(0)
    users, known, new = (rng.normal(size=(n, 4)).astype(np.float32) for n in (3, 50, 6))
    placed = Placed(users, known, rng.normal(size=50).astype(np.float32), new, 0.5)
    seen = np.array([3, 7])
    for user in range(3):
        scores = known @ users[user] + placed.known_bias
        scores[seen] = -np.inf
        naive = [int((scores > new[n] @ users[user] + 0.5).sum()) for n in range(6)]
        assert placed.above(user, seen, 50).tolist() == naive
        assert placed.above(user, seen, 10).tolist() == [min(rank, 10) for rank in naive]


def test_the_feed_has_it_where_the_model_would_rank_it(graph, model, settings):
    feeds = FeedService(graph, model.snapshot, model, settings)
    assert feeds.served
    source = feeds.served.new_contents
    assert source
    source.restock()
    source._due = float("inf")
    feed: Feed = feeds.recommend(USERS[6], n=3, deadline_ms=60_000)
    sources = {item.content_id: item.sources for item in feed.items}
    assert "new_contents" in sources["keaks/even"]
    assert "model" not in sources["keaks/even"]


def test_what_is_published_is_placed_without_waiting_for_the_next_stock(graph, model):
    source = stocked(graph, model)
    before = asked(source, USERS[6])
    keak = publish(graph, "at-once", watchers=["u002", "u004"])
    for _ in range(2):  # as when it is corrected
        source.add([keak, checkerboard.contents()[0]])
        source._thread.submit(lambda: None).result(60)  # it was its turn
        found = asked(source, USERS[6])
        assert found.count(keak) == 1
        assert {*found} == {*before, keak}
