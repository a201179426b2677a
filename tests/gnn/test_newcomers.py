"""People whom training never saw are placed by what they watched and who is around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gnn.config import GnnConfig
from gnn.encoder import Encoder
from gnn.model import Network
from gnn.recommender import GraphNetwork
from gnn.topology import Topology
from tests import checkerboard
from tests.conformance import odd

SMALL = GnnConfig(dim=16, heads=2, layers=2)
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
def mutual():
    """Everyone who follows is followed back: friendship is one relation."""
    return GraphNetwork(SMALL).fit(checkerboard.snapshot(), epochs=40)


@pytest.fixture(scope="module")
def followed():
    """Two tastes, and people who follow the next few of their own: nobody is followed back."""
    size = 40
    watched = [(u, c) for u in range(size) for c in range(size) if u % 2 == c % 2 and (u + c) % 3]
    follows = [(u, u + step) for u in range(size) for step in (2, 4, 6) if u + step < size]
    return GraphNetwork(SMALL).fit(odd(watched, follows, size), epochs=60)


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


@pytest.mark.parametrize("settings", [{"convolution": "lightgcn"}, {"convolution": "gat", "layers": 0}])
def test_a_network_that_cannot_embed_says_nothing(settings):
    model = GraphNetwork(SMALL.model_copy(update=settings)).fit(checkerboard.snapshot(), epochs=1)
    assert model.newcomer_scores(EVEN, EVEN, EVEN) is None
