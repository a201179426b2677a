from __future__ import annotations

from recommenders.ease import Ease, EaseBlend, UserEase
from recommenders.factorisation import Als, Bpr
from recommenders.friends import FriendsItems
from recommenders.gf_cf import GfCf
from recommenders.knn import ItemKnn, UserKnn
from recommenders.popularity import Popularity
from tests.conformance import RecommenderConformance


class TestPopularity(RecommenderConformance):
    make = Popularity
    personal = False
    places = frozenset({"watched", "follows"})


class TestFriendsItems(RecommenderConformance):
    make = FriendsItems
    places = frozenset({"follows"})


class TestItemKnn(RecommenderConformance):
    make = ItemKnn
    places = frozenset({"watched"})


class TestUserKnn(RecommenderConformance):
    make = UserKnn


class TestEase(RecommenderConformance):
    make = Ease


class TestUserEase(RecommenderConformance):
    make = UserEase


class TestEaseBlend(RecommenderConformance):
    make = EaseBlend


class TestAls(RecommenderConformance):
    @staticmethod
    def make():
        return Als(factors=8)


class TestBpr(RecommenderConformance):
    @staticmethod
    def make():
        return Bpr(factors=8, iterations=300)


class TestGfCf(RecommenderConformance):
    make = GfCf
