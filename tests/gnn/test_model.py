"""The network as a whole: what a step leaves out changes nothing."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from gnn.config import Convolution, GnnConfig
from gnn.model import Network
from gnn.topology import Topology
from tests import checkerboard

SOME = np.array([3, 4, 11])


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("convolution", get_args(Convolution))
@pytest.mark.parametrize("neighbours", [0, 4])
def test_some_users_get_the_vectors_and_gradients_that_they_get_among_all(convolution, layers, neighbours):
    topology = Topology(checkerboard.snapshot())
    config = GnnConfig(convolution=convolution, layers=layers, dim=8, heads=2)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = Network(config, topology.counts, topology.links, {})
    rng = np.random.default_rng(2)
    relations = topology.sampled(rng, neighbours, 0.2) if neighbours else topology.dropped(rng, 0.2)

    users, contents = network([relations] * layers)
    among_all = told(network, users[torch.from_numpy(SOME)], contents)
    alone = told(network, *network([relations] * (layers - 1) + [topology.into(SOME, relations)], SOME))
    for one, other in zip(alone, among_all, strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-5)


@pytest.mark.parametrize("convolution", get_args(Convolution))
def test_users_who_send_nothing_need_not_be_there(convolution):
    topology = Topology(checkerboard.snapshot())
    features = {label: torch.randn(20, 3) for label in ("User", "Content")}
    network = Network(
        GnnConfig(convolution=convolution, layers=1, dim=8, heads=2), topology.counts, topology.links, features
    )
    cold = {"User": np.arange(20) % 4 == 3, "Content": np.arange(20) % 5 == 2}
    relations = topology.sampled(np.random.default_rng(0), 1, 0.5, cold, SOME)
    senders, narrow = topology.between(SOME, relations)
    assert len(SOME) < len(senders) < 20
    among_all = told(network, *network([relations], SOME, cold))
    alone = told(network, *network([narrow], SOME, cold, senders))
    for one, other in zip(alone, among_all, strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-5)


def told(network: Network, users: torch.Tensor, contents: torch.Tensor) -> list[torch.Tensor]:
    """The vectors, and every parameter's gradient of a function of them."""
    network.zero_grad()
    (users.square() @ torch.arange(8.0)).sum().add((contents.square() @ torch.arange(8.0)).sum()).backward()  # type: ignore[no-untyped-call]
    return [users, contents, *(p.grad if p.grad is not None else torch.zeros(1) for p in network.parameters())]


@pytest.mark.parametrize("neighbours", [0, 3])
@pytest.mark.parametrize("users", [None, SOME])
def test_newcomers_watch_nothing_are_watched_by_nobody_and_have_no_id(neighbours, users):
    topology = Topology(checkerboard.snapshot())
    cold = {"User": np.arange(20) % 4 == 3, "Content": np.arange(20) % 5 == 2}
    rng = np.random.default_rng(0)
    if neighbours:
        relations = topology.sampled(rng, neighbours, 0.0, cold, users)
    else:
        relations = topology.dropped(rng, 0.0, cold)
        relations = relations if users is None else topology.into(users, relations)
    for link in topology.links:
        relation = relations[link.name]
        target = relation.target if users is None or link.target != "User" else users[relation.target]
        touched = cold[link.source][relation.source] | cold[link.target][target]
        assert relation.count
        assert touched.any() == (not link.main)
    features = {label: torch.ones(20, 3) for label in ("User", "Content")}
    network = Network(GnnConfig(dim=8, heads=2), topology.counts, topology.links, features)
    for label, vectors in network.start(cold).items():
        told = network.projections[label](features[label])
        ids = (vectors - told).detach().abs().amax(1).numpy() > 1e-6
        np.testing.assert_array_equal(ids, ~cold[label])
