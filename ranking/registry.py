"""Every recommender by the name that the command line, the leaderboard and the artifacts spell it with."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, Final

from graph.errors import SettingsError
from recommenders.core.recommender import Recommender

__all__ = ["NAMES", "kind", "make", "options"]

#: Name → where its class is. Imported when first asked for, so that popularity never loads torch.
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
    "dense": "gnn.recommender:DenseNetwork",
    "lightgcn": "gnn.lightgcn:LightGcn",
    "light-softmax": "gnn.recommender:LightSoftmax",
    "gf-cf": "recommenders.gf_cf:GfCf",
    "gnn": "gnn.recommender:GraphNetwork",
    "gat": "ranking.hybrid:Hybrid",
}

NAMES: Final[tuple[str, ...]] = tuple(_CLASSES)


def kind(name: str) -> type[Recommender]:
    """The class called ``name``. Raises SettingsError listing the known names."""
    if name not in _CLASSES:
        raise SettingsError(f"No recommender is called {name!r}.", do=f"Known ones: {', '.join(NAMES)}.")
    module, _, attribute = _CLASSES[name].partition(":")
    found: type[Recommender] = getattr(import_module(module), attribute)
    return found


def options(name: str) -> frozenset[str]:
    """The keyword arguments that the class called ``name`` is made with."""
    found = kind(name)
    own: frozenset[str] | None = getattr(found, "options", None)
    return frozenset(inspect.signature(found).parameters) if own is None else own


def make(name: str, **chosen: Any) -> Recommender:
    """A fresh recommender called ``name``, with ``chosen`` keyword arguments.

    Raises SettingsError for a name or an argument that it does not know.
    """
    found = kind(name)
    unknown = sorted(set(chosen) - options(name))
    if unknown:
        raise SettingsError(
            f"{name} has no option {unknown[0]!r}.",
            do=f"It knows: {', '.join(sorted(options(name))) or 'none'}.",
        )
    return found(**chosen)
