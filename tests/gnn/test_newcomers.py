"""People and contents that training never saw are placed by what is known of them and who is around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gnn.config import GnnConfig
from gnn.encoder import Encoder
from gnn.features import Column, features_of, node_features
from gnn.model import Network
from gnn.recommender import GraphNetwork
from gnn.topology import Topology
from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY, newest_watch
from graph.snapshot.profiles import profile
from recommenders.core.recommender import NewContent
from tests import checkerboard
from tests.conformance import odd
from tests.networks import trained

SMALL = GnnConfig(dim=16, heads=2, layers=2, temperature=0.14)
NOBODY = np.empty(0, dtype=np.int64)
EVEN = np.array([2, 4, 6])


def test_a_newcomer_gets_the_vector_that_training_would_give(tmp_path):
    topology = Topology(checkerboard.snapshot())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(SMALL, topology.counts, topology.links, {})
        for parameter in network.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    network.embeddings["User"].data[4] = 0.0
    with torch.no_grad():
        layers = network.propagate([topology.whole] * SMALL.layers)
        expected = network.mixed("User", [layer["User"] for layer in layers])[4].numpy()
    weights = {n: p.detach().numpy() for n, p in network.named_parameters() if not n.startswith("embeddings")}
    before = {label: [layer[label].detach().numpy() for layer in layers[:-1]] for label in topology.counts}
    degrees = {link.name: topology.whole[link.name].degrees for link in topology.links}
    encoder = Encoder("gat", topology.links, weights, before, degrees)
    neighbours = {
        "rev_WATCHED": np.array([k for u, k in checkerboard.watched_pairs() if u == 4]),
        "FOLLOWS": np.array([v for u, v in checkerboard.follow_pairs() if u == 4]),
    }
    np.testing.assert_allclose(encoder.embed("User", neighbours), expected, atol=1e-5)
    encoder.save(tmp_path)
    np.testing.assert_allclose(Encoder.load(tmp_path, "gat").embed("User", neighbours), expected, atol=2e-3)
    assert not encoder.embed("User", {}).any()


@pytest.fixture(scope="module")
def tagged() -> Snapshot:
    """The checkerboard with a hashtag for each parity, makers, and durations and ages that differ."""
    plain = checkerboard.snapshot(timed=True)
    size = checkerboard.SIZE
    contents = plain.contents.frame.with_columns(
        pl.Series("duration", [None if c % 5 == 0 else 10.0 + c for c in range(size)]),
        pl.Series("createdAt", [c * DAY for c in range(size)]),
        pl.Series("contentType", ["song" if c % 2 else "dance" for c in range(size)]),
    )
    watched, follows = plain.watched, plain.follows
    return Snapshot.build(
        {"User": plain.users.frame, "Content": contents, "Hashtag": pl.DataFrame({"name": ["even", "odd"]})},
        {
            "WATCHED": pl.DataFrame(
                {"source": watched.source, "target": watched.target, "lastAt": watched.columns["lastAt"]}
            ),
            "FOLLOWS": pl.DataFrame({"source": follows.source, "target": follows.target}),
            "TAGGED": pl.DataFrame({"source": range(size), "target": [c % 2 for c in range(size)]}),
            "MADE": pl.DataFrame({"source": [c // 2 for c in range(size)], "target": range(size)}),
        },
    )


def test_what_gets_no_messages_keeps_its_averaged_vectors_in_every_layer(tagged):
    """Without messages a hashtag's vectors are the parameters themselves in every layer."""
    layers = trained(SMALL.model_copy(update={"convolution": "dense"}), tagged, epochs=2).artifact.encoder.layers
    first, *later = layers["Hashtag"]
    assert later
    for vectors in later:
        np.testing.assert_array_equal(vectors, first)


def properties(snapshot: Snapshot, content: int) -> dict[str, Any]:
    """As the graph has them: without those that are unknown."""
    row = snapshot.contents.frame.row(content, named=True)
    return {name: value for name, value in row.items() if value is not None}


def test_features_of_one_content_are_those_of_all(tagged):
    found = node_features(tagged)
    now = newest_watch(tagged)
    for content in range(checkerboard.SIZE):
        told = features_of(found.columns["Content"], profile("Content", properties(tagged, content), now))
        np.testing.assert_allclose(told, found.values["Content"][content], atol=1e-5)


def test_of_what_has_no_gap_in_training_a_gap_is_the_mean():
    columns = Column("age", "number", 2.0, 0.5), Column("length", "number", 3.0, 2.0), Column("length", "gap", 0.2, 0.4)
    np.testing.assert_allclose(features_of(columns, {}), [0.0, -1.5, 2.0])
    np.testing.assert_allclose(features_of(columns, {"age": np.e**3 - 1, "length": 0.0}), [2.0, -1.5, -0.5], atol=1e-6)


def test_a_new_content_gets_the_vector_that_training_would_give(tagged):
    """By its features, maker, hashtag and watchers; of a network without features of edges, as these are unknown."""
    features = node_features(tagged)
    topology = Topology(tagged)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = {label: torch.from_numpy(values) for label, values in features.values.items()}
        network = Network(SMALL, topology.counts, topology.links, tensors)
        for parameter in network.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    network.embeddings["Content"].data[4] = 0.0
    with torch.no_grad():
        layers = network.propagate([topology.whole] * SMALL.layers)
        expected = network.mixed("Content", [layer["Content"] for layer in layers])[4].numpy()
    weights = {n: p.detach().numpy() for n, p in network.named_parameters() if not n.startswith("embeddings")}
    before = {label: [layer[label].detach().numpy() for layer in layers[:-1]] for label in topology.counts}
    degrees = {link.name: topology.whole[link.name].degrees for link in topology.links}
    encoder = Encoder("gat", topology.links, weights, before, degrees, features.columns, newest_watch(tagged))
    near = {
        "WATCHED": np.array([u for u, k in checkerboard.watched_pairs() if k == 4]),
        "MADE": np.array([2]),
        "rev_TAGGED": np.array([0]),
    }
    described = encoder.features("Content", properties(tagged, 4))
    np.testing.assert_allclose(encoder.embed("Content", near, described), expected, atol=1e-5)


def test_new_contents_are_placed_with_their_kind_and_the_same_after_saving(tagged, tmp_path):
    model = trained(SMALL.model_copy(update={"cold": 0.3}), tagged, epochs=60)
    new = [
        NewContent({"contentType": "dance"}, {"TAGGED": np.array([0])}),
        NewContent({"contentType": "song"}, {"TAGGED": np.array([1])}),
        NewContent({}, {"WATCHED": np.array([2, 4, 6])}),
    ]
    placed = model.place(new)
    assert placed is not None
    for user in range(checkerboard.SIZE):
        dance, song, watched = placed.scores(user)
        assert (dance > song, watched > song) == ((True, True) if user % 2 == 0 else (False, False))
    model.save(tmp_path / "model")
    again = GraphNetwork.load(tmp_path / "model", tagged).place(new)
    assert again is not None
    np.testing.assert_allclose(again.scores(3), placed.scores(3), atol=5e-3)


@pytest.fixture(scope="module")
def mutual():
    """Everyone who follows is followed back: friendship is one relation."""
    return trained(SMALL, checkerboard.snapshot(), epochs=40)


@pytest.fixture(scope="module")
def followed():
    """Two tastes, and people who follow the next few of their own: nobody is followed back."""
    size = 40
    watched = [(u, c) for u in range(size) for c in range(size) if u % 2 == c % 2 and (u + c) % 3]
    follows = [(u, u + step) for u in range(size) for step in (2, 4, 6) if u + step < size]
    return trained(SMALL, odd(watched, follows, size), epochs=60)


@pytest.mark.parametrize(
    ("watched", "follows", "followers"),
    [(EVEN, NOBODY, NOBODY), (NOBODY, EVEN, NOBODY), (NOBODY, NOBODY, EVEN), (EVEN, EVEN, EVEN)],
    ids=["by what they watched", "by whom they follow", "by who follows them", "by all of it"],
)
@pytest.mark.parametrize("kind", ["mutual", "followed"])
def test_a_newcomer_is_told_the_contents_of_their_kind(kind, watched, follows, followers, request):
    scores = request.getfixturevalue(kind).newcomer_scores(watched, follows, followers)
    assert (np.argsort(-scores)[:10] % 2 == 0).all()


def test_of_whom_nothing_is_known_nothing_is_said(mutual):
    assert mutual.newcomer_scores(NOBODY, NOBODY, NOBODY) is None


@pytest.mark.parametrize("settings", [{"convolution": "light"}, {"convolution": "gat", "layers": 0}])
def test_a_network_that_cannot_embed_says_nothing(settings):
    model = trained(SMALL.model_copy(update=settings), checkerboard.snapshot(), epochs=1)
    assert model.newcomer_scores(EVEN, EVEN, EVEN) is None
    assert model.place([]) is None
