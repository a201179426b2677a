"""Every recommender by its name on the command line, in the leaderboard and in artifacts."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from graph.errors import ModelError, SettingsError
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommenders.core.recommender import Recommender

__all__ = ["DEFAULT", "NAMES", "check", "kind", "make", "open_trained", "trained"]

DEFAULT: Final = "pipeline"
"""The model that is trained, recommended from and served by default."""

#: Name → module and class. A module is imported when its model is first needed, so that popularity never loads torch.
_CLASSES: Final[dict[str, str]] = {
    "popularity": "recommenders.popularity:Popularity",
    "friends-items": "recommenders.friends:FriendsItems",
    "content-similarity": "recommenders.content_similarity:ContentSimilarity",
    "item-knn": "recommenders.knn:ItemKnn",
    "user-knn": "recommenders.knn:UserKnn",
    "ease": "recommenders.ease:Ease",
    "user-ease": "recommenders.ease:UserEase",
    "ease-blend": "recommenders.ease:EaseBlend",
    "als": "recommenders.factorisation:Als",
    "bpr": "recommenders.factorisation:Bpr",
    "gf-cf": "recommenders.gf_cf:GfCf",
    "co-occurrence": "recommenders.counting:CoOccurrence",
    "ppmi-svd": "recommenders.counting:PpmiSvd",
    "vsknn": "recommenders.counting:SessionKnn",
    "track2vec": "recommenders.track2vec:Track2Vec",
    "track2vec-network": "recommenders.track2vec:Track2VecNetwork",
    "lightgcn": "gnn.lightgcn:LightGcn",
    "play-cf": "recommenders.play_cf:PlayCf",
    "watch-ratio": "recommenders.watch_ratio:WatchRatio",
    "profile-network": "recommenders.profile_network:ProfileNetwork",
    "session": "ranking.player:PlayerModel",
    "gat": "gnn.recommender:GatNetwork",
    "gatv2": "gnn.recommender:GatV2Network",
    "gcn": "gnn.recommender:GcnNetwork",
    "graphconv": "gnn.recommender:GraphConvNetwork",
    "sage": "gnn.recommender:SageNetwork",
    "light-softmax": "gnn.recommender:LightSoftmax",
    "dense": "gnn.recommender:DenseNetwork",
    "pipeline": "ranking.pipeline:Pipeline",
}

NAMES: Final[tuple[str, ...]] = tuple(_CLASSES)
_FORMER: Final = {
    "gnn": "The graph networks alone are called gat, gatv2, gcn, graphconv, sage and dense; the whole is pipeline."
}
"""Names of earlier versions, with the names to use instead."""


def check(name: str) -> None:
    """Raise SettingsError, with the known names, for an unknown name; imports nothing."""
    if name not in _CLASSES:
        do = _FORMER.get(name, f"Known ones: {', '.join(NAMES)}.")
        raise SettingsError(f"No recommender is called {name!r}.", do=do)


def kind(name: str) -> type[Recommender]:
    """The class called ``name``. Raises SettingsError, with the known names, for an unknown name."""
    check(name)
    module, _, attribute = _CLASSES[name].partition(":")
    found: type[Recommender] = getattr(import_module(module), attribute)
    return found


def make(name: str, **settings: Any) -> Recommender:
    """A new recommender called ``name`` with these settings.

    Raises SettingsError for an unknown name or setting and for an invalid value.
    """
    return kind(name).make(**settings)


def trained(settings: Settings) -> list[str]:
    """Names of the models that the home holds."""
    return [name for name in NAMES if (settings.model_path(name) / "manifest.json").is_file()]


def open_trained(name: str, settings: Settings, snapshot: Snapshot) -> Recommender:
    """The home's model called ``name``. Raises ModelError where it is not trained, with the names that are."""
    class_ = kind(name)
    path = settings.model_path(name)
    if not path.is_dir():
        there = trained(settings)
        or_another = f", or name one that is trained: {', '.join(there)}" if there else ""
        raise ModelError(
            f"No model called {name} is trained in {settings.home}.",
            do=f"Run `entourage train --model {name}`{or_another}.",
        )
    return class_.load(path, snapshot)
