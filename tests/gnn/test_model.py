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

    def told(users, contents):
        network.zero_grad()
        (users.square() @ torch.arange(8.0)).sum().add((contents.square() @ torch.arange(8.0)).sum()).backward()
        return [users, contents, *(p.grad if p.grad is not None else torch.zeros(1) for p in network.parameters())]

    users, contents = network([relations] * layers)
    among_all = told(users[torch.from_numpy(SOME)], contents)
    alone = told(*network([relations] * (layers - 1) + [topology.into(SOME, relations)], SOME))
    for one, other in zip(alone, among_all, strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-5)
