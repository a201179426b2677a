"""The graph network behind the interface of every recommender; torch is imported only to train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import ValidationError

from gnn.artifact import Artifact
from gnn.config import GnnConfig
from graph import schema
from graph.errors import ModelError, SettingsError
from graph.snapshot import Snapshot
from recommenders.core.recommender import Floats, Ints, NewContent, Placed, Progress, Recommender

__all__ = ["DenseNetwork", "GraphNetwork", "LightGcn"]


class GraphNetwork(Recommender):
    """A user's score of a content is the cosine of their vectors, plus what popular contents have from the start.

    Examples
    --------
    >>> from gnn.recommender import GraphNetwork
    >>> from tests import checkerboard
    >>> model = GraphNetwork().fit(checkerboard.snapshot())
    >>> int(model.recommend(3, 1)[0][0])
    3
    """

    name: ClassVar[str] = "gnn"
    trains_together: ClassVar[bool] = True
    defaults: ClassVar[dict[str, Any]] = {}
    """Settings in which a subclass differs from `GnnConfig`."""
    options: ClassVar[frozenset[str]] = frozenset(GnnConfig.model_fields)
    """Keyword arguments that it can be made with."""
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "temperature": (0.1, 0.14, 0.2, 0.3, 0.5, 0.8, 1.2),
        "popularity": (0.0, 0.25, 0.5, 1.0),
        "friends": (0.0, 0.2, 0.5, 1.0),
        "layers": (1, 2, 3, 4),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "edge_dropout": (0.0, 0.3, 0.6),
        "lr": (0.005, 0.01, 0.02),
    }
    """What `entourage tune` tries."""

    def __init__(self, config: GnnConfig | None = None, **settings: Any) -> None:
        """Made with ``settings`` that differ from those of ``config``, or of this kind. SettingsError tells which of
        them cannot be."""
        given = self.defaults if config is None else config.model_dump(exclude_unset=True)
        try:
            self.config = GnnConfig(**{**given, **settings})
        except ValidationError as error:
            wrong = error.errors()[0]
            what = f"{wrong['loc'][0]} = {wrong['input']!r}" if wrong["loc"] else "these settings"
            raise SettingsError(
                f"{self.name} cannot have {what}: {wrong['msg']}.",
                do="gnn/config.py says what each setting may be.",
            ) from error
        self._artifact: Artifact | None = None

    def fit(
        self,
        snapshot: Snapshot,
        progress: Progress | None = None,
        *,
        validation: sp.csr_array | None = None,
        epochs: int | None = None,
        budget_s: float | None = None,
        checkpoint: Path | None = None,
        start: GraphNetwork | None = None,
    ) -> Self:
        """Train on the snapshot's edges.

        With ``validation`` (users × contents, none of it in the snapshot) training stops when NDCG@10 on it no longer
        rises and keeps the best epoch, which ``best_epochs`` then tells. With ``epochs`` it trains for just so many.
        With neither it holds a slice of the watches out to find the number of epochs, then trains on everything.
        ``budget_s`` seconds are never exceeded by more than placing the ids, an epoch and the final embedding. A run
        that was killed goes on from what it left in the folder ``checkpoint`` when started again with the same settings
        on the same graph; the folder is whoever's who gave it, to delete once the model is saved. A large graph (more
        than `gnn.config.LARGE` links) is learned from for half of the ``epochs`` where there is a ``start``: a
        network that this process trained on a part of the same graph, to go on from.
        """
        from gnn.fitting import fit

        before = None if start is None else start.artifact
        self._artifact = fit(
            self.name, self.config, snapshot, progress, validation, epochs, budget_s, checkpoint, before
        )
        self._snapshot = snapshot
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """All of its settings."""
        return self.config.model_dump()

    @property
    def artifact(self) -> Artifact:
        """What was learned. Raises ModelError before ``fit`` and ``load``."""
        if self._artifact is None:
            raise ModelError(f"{self.name} is not fitted yet.", do="Call fit or load first.")
        return self._artifact

    @property
    def best_epochs(self) -> int:
        """Epochs that the kept weights were trained for."""
        return self.artifact.manifest.epochs

    @property
    def places_newcomers(self) -> bool:
        """Whether training taught it where people belong of whom only features and follows are known."""
        return self._taught(schema.USER)

    @property
    def places_contents(self) -> bool:
        """Whether training taught it where contents belong of which only features and surroundings are known."""
        return self._taught(schema.CONTENT)

    def _taught(self, label: str) -> bool:
        """Whether training took nodes of this label for new ones."""
        encoder, config = self.artifact.encoder, self.artifact.manifest.config
        return encoder.embeds and label in encoder.columns and config.cold > 0.0

    def scores(self, users: Ints) -> Floats:
        return self.artifact.embeddings.scores(users)

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """See `Recommender.newcomer_scores`; without ``properties``, or where it never learned (`places_newcomers`) to
        place people by them, their profile counts as the average one.

        None where nothing is around them that carries messages, and from a network that cannot embed
        (`Encoder.embeds`).
        """
        encoder = self.artifact.encoder
        back, there = f"rev_{schema.FOLLOWS}", schema.FOLLOWS
        people = {back: follows, there: followers}
        if back not in encoder.degrees:  # all friendships of this graph are mutual, and one relation
            people = {there: np.union1d(follows, followers)}
        near = {f"rev_{schema.WATCHED}": watched, **people}
        if not encoder.embeds or not any(len(nids) for link, nids in near.items() if link in encoder.degrees):
            return None
        told = properties if self.places_newcomers else None
        vector = encoder.embed(schema.USER, near, encoder.features(schema.USER, told))
        return self.artifact.embeddings.scores_of(vector) if vector.any() else None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """See `Recommender.place`: by properties, makers, genres and whoever watched them already.

        None from a network that never learned to: without features of contents, without `GnnConfig.cold`, as in large
        graphs, or of another convolution than graph attention.
        """
        encoder, embeddings = self.artifact.encoder, self.artifact.embeddings
        if not self.places_contents:
            return None
        vectors = np.zeros((len(contents), embeddings.contents.shape[1]), dtype=np.float32)
        for row, content in enumerate(contents):
            near = {_towards_content(type_): nids for type_, nids in content.near.items()}
            features = encoder.features(schema.CONTENT, content.properties)
            vectors[row] = encoder.embed(schema.CONTENT, near, features)
        watched = np.asarray(embeddings.popularity) > 0.0  # the others have the mean of these
        bias = float(np.mean(np.asarray(embeddings.bias)[watched])) if watched.any() else 0.0
        return Placed(embeddings.users, embeddings.contents, embeddings.bias, vectors, bias)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return self.artifact.embeddings.similar(items, k)

    def save(self, path: Path) -> None:
        self.artifact.save(path)

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        artifact = Artifact.load(path, cls.name, snapshot.manifest.graph_id)
        model = cls(artifact.manifest.config)
        model._artifact, model._snapshot = artifact, snapshot
        return model


def _towards_content(type_: str) -> str:
    """The link whose messages reach a content from the other ends of its relationships of one type."""
    return f"rev_{type_}" if schema.RELATIONSHIPS[type_].source == schema.CONTENT else type_


class LightGcn(GraphNetwork):
    """LightGCN (arXiv:2002.02126) through the same loop, loss and start."""

    name: ClassVar[str] = "lightgcn"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "lightgcn"}


class DenseNetwork(GraphNetwork):
    """Ids and features through dense layers, no messages, through the same loop, loss and start."""

    name: ClassVar[str] = "dense"
    defaults: ClassVar[dict[str, Any]] = {"convolution": "dense"}
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        name: values for name, values in GraphNetwork.space.items() if name != "edge_dropout"
    }
