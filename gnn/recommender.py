"""The graph networks as recommenders, one class for each convolution; only ``fit`` imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
from pydantic import ValidationError

from gnn.artifact import Artifact
from gnn.config import GnnConfig
from gnn.cost import cost
from gnn.moving import neighbourhood
from gnn.recipe import RECIPE
from graph import schema
from graph.errors import ModelError, SettingsError
from graph.snapshot import Snapshot
from recommenders.core.config import CORE
from recommenders.core.one_user import OneUser
from recommenders.core.options import FitOptions
from recommenders.core.recommender import NewContent, Placed, Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints

__all__ = [
    "DenseNetwork",
    "GatNetwork",
    "GatV2Network",
    "GcnNetwork",
    "GraphConvNetwork",
    "GraphNetwork",
    "LightSoftmax",
    "SageNetwork",
]

_OF_A_FIT: Final = frozenset({"seed", "device"})
"""Fields of `GnnConfig` that come from `FitOptions`; the manifest keeps them with the settings."""


class GraphNetwork(Recommender):
    """Scores a content for a user by the cosine of their vectors plus the content's popularity bias.

    A subclass fixes the convolution; in this class it is a setting.

    Examples
    --------
    >>> from gnn.recommender import GraphNetwork
    >>> from tests import checkerboard
    >>> model = GraphNetwork().fit(checkerboard.snapshot())
    >>> int(model.recommend(3, 1)[0][0])
    3
    """

    name: ClassVar[str] = "network"
    trains_together: ClassVar[bool] = True
    defaults: ClassVar[dict[str, Any]] = {}
    """Settings that a subclass fixes; they cannot be set."""
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "temperature": (0.2, 0.3, 0.5, 0.8, 1.2, 0.14, 0.1),
        "popularity": (0.25, 0.5, 1.0, 0.0),
        "layers": (3, 1, 2),
        "friends": (0.2, 0.5, 1.0, 0.0),
        "weight_decay": (1.0, 0.3, 0.1, 3.0),
    }
    need_follows: ClassVar[frozenset[str]] = frozenset({"friends"})
    has_one_user: ClassVar[bool] = True
    share_of_work: ClassVar[float] = CORE.single_network_share
    trial_settings: ClassVar[Mapping[str, Any]] = {
        "dim": RECIPE.trial_dim,
        "heads": RECIPE.trial_heads,
        "max_epochs": RECIPE.trial_epochs,
    }

    def __init__(self, **settings: Any) -> None:
        """``settings`` are fields of `GnnConfig`. Raises SettingsError that names the first invalid one."""
        if given := _OF_A_FIT & settings.keys():
            name = min(given)
            raise SettingsError(
                f"{name} is no setting of {self.name} but an option of training.", do=f"Use `entourage train --{name}`."
            )
        try:
            self.config = GnnConfig(**{**self.defaults, **settings})
        except ValidationError as error:
            wrong = error.errors()[0]
            setting = str(wrong["loc"][0]) if wrong["loc"] else "these settings"
            known = ", ".join(sorted(GnnConfig.model_fields.keys() - _OF_A_FIT))
            if setting in settings and setting not in GnnConfig.model_fields:
                raise SettingsError(f"{self.name} has no setting {setting!r}.", do=f"It knows: {known}.") from error
            what = f"{setting} = {wrong['input']!r}" if wrong["loc"] else setting
            raise SettingsError(
                f"{self.name} cannot have {what}: {wrong['msg']}.",
                do="gnn/config.py says what each setting may be.",
            ) from error
        for setting, fixed in self.defaults.items():
            if (chosen := getattr(self.config, setting)) != fixed:
                raise SettingsError(
                    f"{self.name} cannot have {setting} = {chosen!r}: it is the network with {fixed!r}.",
                    do="Train the model that is named after the other one.",
                )
        self._artifact: Artifact | None = None

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        """Train on the snapshot's edges.

        If ``options`` has a validation part (none of it in the snapshot), training stops when NDCG@10 on it no longer
        rises, and keeps the best epoch (``best_epochs``). With the setting ``epochs`` it trains for exactly that many.
        Otherwise it holds out a part of the watches to find the number of epochs, then trains on everything. The work
        of ``options`` limits the epochs. A cap is exceeded at most by the start of the ids, one epoch and the final
        embedding; if it was reached, the manifest says so (``capped``). Without a cap nothing depends on the
        clock, and the same seed gives the same bytes on the same machine (CPU).

        In a large graph (`recommenders.core.effort.is_large`), training with the setting ``epochs`` can continue from
        the ``start`` of ``options``, a network that this process trained on a part of the same graph; it then trains
        for `Recipe.going_on` · ``epochs``.
        """
        from gnn.fitting import fit

        options = options or FitOptions()
        start = options.start.artifact if isinstance(options.start, GraphNetwork) else None
        self._artifact = fit(self.name, self.config, snapshot, options, start)
        self._snapshot = snapshot
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that were given to the constructor."""
        return self.config.model_dump(exclude_unset=True, exclude={*_OF_A_FIT, *self.defaults})

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        return self.config.model_dump()

    @property
    def fitted_settings(self) -> dict[str, Any]:
        return {"epochs": self.best_epochs}

    def unsearched(self) -> frozenset[str]:
        """Also the number of layers, if the network can place new contents.

        With fewer layers new contents are ranked worse, but a validation part holds too few to show it (experiments/).
        """
        return super().unsearched() | ({"layers"} if self.places_contents else frozenset())

    def cost(self, snapshot: Snapshot, changed: frozenset[str] | None = None) -> float:
        return cost(self.config, snapshot)

    @property
    def artifact(self) -> Artifact:
        """The trained network. Raises ModelError before ``fit`` and ``load``."""
        if self._artifact is None:
            raise ModelError(f"{self.name} is not fitted yet.", do="Call fit or load first.")
        return self._artifact

    @property
    def best_epochs(self) -> int:
        """Epochs that the saved weights were trained for."""
        return self.artifact.manifest.epochs

    @property
    def places_newcomers(self) -> bool:
        return self._taught(schema.USER)

    @property
    def places_contents(self) -> bool:
        """Whether it was trained to place contents by their features and neighbours alone."""
        return self._taught(schema.CONTENT)

    def _taught(self, label: str) -> bool:
        """Whether training treated nodes of this label as new."""
        encoder, config = self.artifact.encoder, self.artifact.manifest.config
        return encoder.embeds and label in encoder.columns and config.cold > 0.0

    def scores(self, users: Ints) -> Floats:
        return self.artifact.embeddings.scores(users)

    def moved_scores(self, today: Today) -> Floats | None:
        """With a vector that the encoder makes of the user's id and of their neighbourhood as of now.

        Neighbours have the vectors that they had in the training. None for a convolution that cannot embed.
        """
        vector = self.moved_vector(today)
        return None if vector is None or not vector.any() else self.artifact.embeddings.scores_of(vector)

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        vector = self.moved_vector(today) if today else None
        if vector is None or not vector.any():
            vector = np.asarray(self.artifact.embeddings.users[user])
        return self.artifact.embeddings.one_user(vector)

    def moved_vector(self, today: Today) -> Floats | None:
        """The user's unit vector (dim,) as of now; without any change it is the trained one, up to half precision."""
        encoder = self.artifact.encoder
        if not encoder.embeds:
            return None
        near, edges = neighbourhood(encoder.links, today)
        return encoder.embed(schema.USER, near, known=today.user, edges=edges)

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """See `Recommender.newcomer_scores`.

        Without ``properties``, or unless `places_newcomers`, the profile is the average one. None if the newcomer has
        no neighbour that sends messages, or if the network cannot embed new nodes (`Encoder.embeds`).
        """
        encoder = self.artifact.encoder
        back, there = f"rev_{schema.FOLLOWS}", schema.FOLLOWS
        people = {back: follows, there: followers}
        if back not in encoder.degrees:  # all follows of this graph are mutual, so they are one relation
            people = {there: np.union1d(follows, followers)}
        near = {f"rev_{schema.WATCHED}": watched, **people}
        if not encoder.embeds or not any(len(nids) for link, nids in near.items() if link in encoder.degrees):
            return None
        profile = properties if self.places_newcomers else None
        vector = encoder.embed(schema.USER, near, encoder.features(schema.USER, profile))
        return self.artifact.embeddings.scores_of(vector) if vector.any() else None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """See `Recommender.place`. It uses the contents' properties, makers, genres, and users who watched them.

        None unless `places_contents`, which needs features of contents, `GnnConfig.cold` above 0 (it is 0 in large
        graphs) and graph attention.
        """
        encoder, embeddings = self.artifact.encoder, self.artifact.embeddings
        if not self.places_contents:
            return None
        vectors = np.zeros((len(contents), embeddings.contents.shape[1]), dtype=np.float32)
        for row, content in enumerate(contents):
            near = {_towards_content(type_): nids for type_, nids in content.near.items()}
            features = encoder.features(schema.CONTENT, content.properties)
            vectors[row] = encoder.embed(schema.CONTENT, near, features)
        watched = np.asarray(embeddings.popularity) > 0.0  # a new content has the mean bias of these
        bias = float(np.mean(np.asarray(embeddings.bias)[watched])) if watched.any() else 0.0
        return Placed(embeddings.users, embeddings.contents, embeddings.bias, vectors, bias)

    @property
    def content_vectors(self) -> Floats | None:
        return self.artifact.embeddings.contents

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return self.artifact.embeddings.similar(items, k)

    def save(self, path: Path) -> None:
        self.artifact.save(path)

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        artifact = Artifact.load(path, cls.name, snapshot.manifest.graph_id)
        fixed = {*_OF_A_FIT, *cls.defaults}
        model = cls(**artifact.manifest.config.model_dump(exclude_unset=True, exclude=fixed))
        model._artifact, model._snapshot = artifact, snapshot
        return model


def _towards_content(type_: str) -> str:
    """Name of the link that carries messages to contents over relationships of this type."""
    return f"rev_{type_}" if schema.RELATIONSHIPS[type_].source == schema.CONTENT else type_


class GatNetwork(GraphNetwork):
    """Graph attention (arXiv:1710.10903)."""

    name: ClassVar[str] = "gat"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "gat"}


class GatV2Network(GraphNetwork):
    """GATv2 (arXiv:2105.14491)."""

    name: ClassVar[str] = "gatv2"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "gatv2"}


class GcnNetwork(GraphNetwork):
    """GCN (arXiv:1609.02907)."""

    name: ClassVar[str] = "gcn"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "gcn"}


class GraphConvNetwork(GraphNetwork):
    """GraphConv (arXiv:1810.02244)."""

    name: ClassVar[str] = "graphconv"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "graphconv"}


class SageNetwork(GraphNetwork):
    """GraphSAGE (arXiv:1706.02216)."""

    name: ClassVar[str] = "sage"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "sage"}


class LightSoftmax(GraphNetwork):
    """LightGCN's propagation (arXiv:2002.02126) with our loss, start and features; `gnn.lightgcn` is as published."""

    name: ClassVar[str] = "light-softmax"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "light"}


class DenseNetwork(GraphNetwork):
    """Ids and features through dense layers, without messages, to compare the other networks with."""

    name: ClassVar[str] = "dense"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "dense"}
