from __future__ import annotations

import pytest

from gnn.recommender import (
    DenseNetwork,
    GatNetwork,
    GatV2Network,
    GcnNetwork,
    GraphConvNetwork,
    GraphNetwork,
    LightSoftmax,
    SageNetwork,
)
from graph.errors import SettingsError
from tests import checkerboard
from tests.conformance import RecommenderConformance


class TestGatNetwork(RecommenderConformance):
    make = GatNetwork
    places = frozenset({"watched", "follows"})


class TestGatV2Network(RecommenderConformance):
    make = GatV2Network


class TestGcnNetwork(RecommenderConformance):
    make = GcnNetwork


class TestGraphConvNetwork(RecommenderConformance):
    make = GraphConvNetwork


class TestSageNetwork(RecommenderConformance):
    make = SageNetwork


class TestLightSoftmax(RecommenderConformance):
    make = LightSoftmax


class TestDenseNetwork(RecommenderConformance):
    make = DenseNetwork


@pytest.mark.parametrize("kind", GraphNetwork.__subclasses__())
def test_every_network_is_its_convolution_and_is_saved_under_its_name(kind, tmp_path):
    name, snapshot = kind.name, checkerboard.snapshot()
    convolution = "light" if name == "light-softmax" else name
    model = kind(dim=16, heads=2, layers=2, epochs=1).fit(snapshot)
    model.save(tmp_path / name)
    again = kind.load(tmp_path / name, snapshot)
    assert (again.name, again.config.convolution) == (name, convolution)
    assert kind(dim=16).config.convolution == convolution


def test_a_network_cannot_have_another_convolution():
    with pytest.raises(SettingsError, match="sage cannot have convolution = 'gcn'"):
        SageNetwork(convolution="gcn")
