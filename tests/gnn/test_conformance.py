from __future__ import annotations

from gnn.recommender import DenseNetwork, GraphNetwork, LightGcn
from tests.conformance import RecommenderConformance


class TestGraphNetwork(RecommenderConformance):
    make = GraphNetwork
    places = frozenset({"watched", "follows"})


class TestLightGcn(RecommenderConformance):
    make = LightGcn


class TestDenseNetwork(RecommenderConformance):
    make = DenseNetwork
