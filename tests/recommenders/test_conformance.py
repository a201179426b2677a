from __future__ import annotations

from ranking.player import PlayerModel
from recommenders.counting import CoOccurrence, PpmiSvd, SessionKnn
from recommenders.ease import Ease, EaseBlend, UserEase
from recommenders.factorisation import Als, Bpr
from recommenders.friends import FriendsItems
from recommenders.gf_cf import GfCf
from recommenders.knn import ItemKnn, UserKnn
from recommenders.play_cf import PlayCf
from recommenders.popularity import Popularity
from recommenders.profile_network import ProfileNetwork
from recommenders.track2vec import Track2Vec, Track2VecNetwork
from recommenders.watch_ratio import WatchRatio
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
    places = frozenset({"watched"})


class TestUserEase(RecommenderConformance):
    make = UserEase
    places = frozenset({"watched"})


class TestEaseBlend(RecommenderConformance):
    make = EaseBlend
    places = frozenset({"watched"})


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


class TestCoOccurrence(RecommenderConformance):
    places = frozenset({"watched"})

    @staticmethod
    def make():
        return CoOccurrence(window=100)


class TestPpmiSvd(RecommenderConformance):
    places = frozenset({"watched"})

    @staticmethod
    def make():
        return PpmiSvd(window=100)


class TestSessionKnn(RecommenderConformance):
    make = SessionKnn
    places = frozenset({"watched"})


class TestTrack2Vec(RecommenderConformance):
    places = frozenset({"watched"})

    @staticmethod
    def make():
        return Track2Vec(window=100, epochs=150, subsample=0.0, context="all")


class TestTrack2VecNetwork(RecommenderConformance):
    places = frozenset({"watched"})

    @staticmethod
    def make():
        return Track2VecNetwork(window=5, epochs=100, subsample=0.0, context="all", rate=0.05)


class TestPlayCf(RecommenderConformance):
    make = PlayCf


class TestSession(RecommenderConformance):
    make = PlayerModel  # the registered one
    places = frozenset({"watched"})


class TestWatchRatio(RecommenderConformance):
    @staticmethod
    def make():
        return WatchRatio(factors=4, hidden=16, epochs=40, batch=32, rate=0.02)


class TestProfileNetwork(RecommenderConformance):
    places = frozenset({"watched"})

    @staticmethod
    def make():
        return ProfileNetwork(components=4, width=16, epochs=60, rate=0.02)
