"""LightGCN as published, behind the interface of every recommender; only ``fit`` imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from graph.snapshot import Snapshot
from recommenders.baseline import Baseline, Learned, nearest
from recommenders.core.recommender import Floats, Ints, Progress

__all__ = ["LightGcn"]

_BLIND_EPOCHS: Final = 100
"""Epochs where there is too little to hold anything out. Not measured."""


@dataclass
class LightGcn(Baseline):
    """LightGCN (He et al., SIGIR 2020, arXiv:2002.02126) as published, by `torch_geometric.nn.LightGCN`.

    Its own loss (BPR with L2 on the initial vectors), start (Xavier) and propagation; watches only: no features, no
    follows, no times. `gnn.recommender.LightSoftmax` has the same propagation with our loss, start and features.
    """

    dim: int = 64
    """As published."""
    layers: int = 3
    """As published."""
    rate: float = 0.01
    """Of Adam. Published: 0.001, with up to a thousand epochs."""
    regularisation: float = 1e-4
    """Weight of the L2 term; as published."""
    batch: int = 2_048
    """Watches a step, as published; more where a pass would take over `most_steps` steps."""
    most_steps: int = 40
    """Steps of a pass over the watches, at most: each propagates over the whole graph."""
    epochs: int | None = None
    """Passes over the watches; None finds the number on a held-out tenth, then trains on everything."""
    most_epochs: int = 200
    """Epochs of that search, at most."""
    patience: int = 5
    """Validations without a better NDCG@10 before the search stops; there is one every five epochs."""
    seed: int = 0

    name: ClassVar[str] = "lightgcn"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "regularisation": (1e-4, 1e-3, 1e-2, 1e-5),
        "layers": (3, 2, 4, 1),
        "rate": (0.01, 0.03, 0.003),
        "dim": (64, 128),
    }

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        from gnn import lightgcn_training as training
        from gnn.validation import hold_out

        def heard(start: float, stop: float, epochs: int) -> Any:
            def tell(epoch: int, loss: float) -> bool:
                progress(start + (stop - start) * epoch / epochs, f"epoch {epoch} of {epochs}, loss {loss:.3f}")
                return True

            return tell

        epochs, searched = self.epochs, 0.0
        if epochs is None:
            rest, validation = hold_out(snapshot, np.random.default_rng(self.seed))
            epochs = _BLIND_EPOCHS
            if validation.nnz:
                searched = 0.5
                schedule = training.Schedule(self.most_epochs, self.patience, every=5)
                judge = training.ndcg_on(validation, rest.interactions())
                epochs = self._train(rest, schedule, judge, heard(0.0, searched, self.most_epochs)).epochs
        trained = self._train(snapshot, training.Schedule(epochs), None, heard(searched, 1.0, epochs))
        users, idle = trained.users, np.diff(snapshot.watched.indptr) == 0
        users[idle] = users[~idle].mean(axis=0) if not idle.all() else 0.0  # without watches a vector is random
        return {"users": users, "contents": trained.contents}

    def _train(self, snapshot: Snapshot, schedule: Any, validate: Any, heard: Any) -> Any:
        from gnn.lightgcn_training import train

        watched = snapshot.interactions()
        return train(
            watched,
            dim=self.dim,
            layers=self.layers,
            rate=self.rate,
            regularisation=self.regularisation,
            batch=max(self.batch, -(-watched.nnz // self.most_steps)),
            seed=self.seed,
            schedule=schedule,
            validate=validate,
            heard=heard,
        )

    def scores(self, users: Ints) -> Floats:
        """Inner products of the vectors, shape (n, contents)."""
        products: Floats = self._dense("users")[users] @ self._dense("contents").T
        return products

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """By the cosine between the contents' vectors."""
        return nearest(self._dense("contents"), items, k)
