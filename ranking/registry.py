"""Every recommender by the name that the command line, the leaderboard and the artifacts spell it with."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, Final

from baselines.recommender import Recommender
from graph.errors import SettingsError

__all__ = ["NAMES", "kind", "make", "options"]

#: Name → where its class is. Imported when first asked for, so that popularity never loads torch.
_CLASSES: Final[dict[str, str]] = {
    "popularity": "baselines.popularity:Popularity",
    "friends-items": "baselines.friends:FriendsItems",
    "content-similarity": "baselines.content_similarity:ContentSimilarity",
    "item-knn": "baselines.knn:ItemKnn",
    "user-knn": "baselines.knn:UserKnn",
    "ease": "baselines.ease:Ease",
    "user-ease": "baselines.ease:UserEase",
    "ease-blend": "baselines.ease:EaseBlend",
    "als": "baselines.factorisation:Als",
    "bpr": "baselines.factorisation:Bpr",
    "dense": "gnn.recommender:DenseNetwork",
    "lightgcn": "gnn.recommender:LightGcn",
    "gf-cf": "baselines.gf_cf:GfCf",
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
