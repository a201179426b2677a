"""LightGCN as published, behind the interface of every recommender; only ``fit`` imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from gnn.recipe import RECIPE
from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Count, Learned, Positive, Share
from recommenders.core.config import CORE
from recommenders.core.holdout import Holdout, validation
from recommenders.core.nearest import nearest
from recommenders.core.options import FitOptions, part_of
from recommenders.core.top_k import Floats, Ints

if TYPE_CHECKING:
    from gnn.lightgcn_training import Trained

__all__ = ["LightGcn"]


@dataclass
class LightGcn(Baseline):
    """LightGCN (He et al., SIGIR 2020, arXiv:2002.02126) as published, by `torch_geometric.nn.LightGCN`.

    It has its own loss (BPR with L2 on the initial vectors), start (Xavier) and propagation, and learns from watches
    only: no features, no follows, no times. `gnn.recommender.LightSoftmax` has the same propagation with our loss,
    start and features.
    """

    dim: Count = 64
    """Width of every vector, as published."""
    layers: Count = 3
    """Layers of propagation, as published."""
    rate: Positive = 0.01
    """Learning rate of Adam. Published: 0.001, with up to a thousand epochs. Searched; the default was not measured."""
    regularisation: Share = 1e-4
    """Weight of the L2 term, as published."""
    batch: Count = 2_048
    """Watches in a step, as published; more if a pass would otherwise take over ``most_steps`` steps."""
    most_steps: Count = 10
    """Most steps of a pass over the watches: each step propagates over the whole graph. Chosen by time."""
    epochs: Count | None = None
    """Passes over the watches; None finds the number on a validation part."""
    most_epochs: Count = 200
    """Most epochs, if validation does not stop training before. Not measured."""
    patience: Count = 5
    """Validations without a better NDCG@10 before training stops. Not measured."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of the training; 0 takes OMP_NUM_THREADS, or one for each core that this process may use."""

    name: ClassVar[str] = "lightgcn"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "rate": (0.01, 0.03, 0.003),
        "regularisation": (1e-4, 1e-3, 1e-2, 1e-5),
        "layers": (3, 2, 4, 1),
        "dim": (64, 128),
    }
    share_of_work: ClassVar[float] = CORE.single_network_share
    trial_settings: ClassVar[Mapping[str, Any]] = {"most_epochs": RECIPE.lightgcn_trial_epochs}

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        epochs, begun = self.epochs, 0.0
        # A part that judges nobody says nothing of when to stop.
        if options.validation is not None and len(options.validation.users) and epochs is None:
            return self._vectors(
                self._train(snapshot, options, options.validation, self._affordable(snapshot, options))
            )
        if epochs is None:
            begun, part = RECIPE.search_share, validation(snapshot, seed=options.seed)
            half = options.but(share=begun * options.share, progress=part_of(options.progress, 0.0, begun))
            epochs = RECIPE.lightgcn_blind_epochs
            if part.held_out.nnz:
                epochs = self._train(part.train, half, part, self._affordable(part.train, half)).epochs
        rest = options.but(progress=part_of(options.progress, begun, 1.0))
        trained = self._train(snapshot, rest, None, epochs)
        return self._vectors(trained)

    @property
    def fitted_settings(self) -> dict[str, Any]:
        return {"epochs": int(self._dense("epochs"))}

    @property
    def _computed_with(self) -> dict[str, Any]:
        used = {"threads": int(self._dense("threads")), "precision": "float32"}
        return {**used, "recipe": RECIPE.model_dump(mode="json")}

    def _cost(self, snapshot: Snapshot) -> float:
        return (self.epochs or min(self.most_epochs, RECIPE.lightgcn_usual_epochs)) * self._epoch_cost(snapshot)

    def _epoch_cost(self, snapshot: Snapshot) -> float:
        """Seconds of the reference machine for a pass over the watches."""
        steps = min(self.most_steps, max(1.0, len(snapshot.watched) / self.batch))
        return steps * 2.0 * len(snapshot.watched) * self.layers * self.dim * RECIPE.message_s

    def _affordable(self, snapshot: Snapshot, options: FitOptions) -> int:
        """Epochs that fit into the work of the options."""
        return min(self.most_epochs, max(1, int(options.work(snapshot) / max(self._epoch_cost(snapshot), 1e-9))))

    def _vectors(self, trained: Trained) -> dict[str, Learned]:
        users, idle = trained.users, np.diff(self.snapshot.watched.indptr) == 0
        users[idle] = users[~idle].mean(axis=0) if not idle.all() else 0.0  # without watches a vector is random
        numbers = {"epochs": np.array(trained.epochs), "threads": np.array(trained.threads)}
        return {"users": users, "contents": trained.contents, **numbers}

    def _train(self, snapshot: Snapshot, options: FitOptions, part: Holdout | None, epochs: int) -> Trained:
        """Train for at most ``epochs``; gives the best epoch with a validation part, the last one without."""
        from gnn.lightgcn_training import Schedule, ndcg_on, train

        watched, another = snapshot.interactions(), options.cap.another(RECIPE.cap_share)

        def heard(epoch: int, loss: float, over: bool) -> bool:
            options.progress(epoch / epochs, f"epoch {epoch} of at most {epochs}, loss {loss:.3f}")
            return over or another()

        return train(
            watched,
            dim=self.dim,
            layers=self.layers,
            rate=self.rate,
            regularisation=self.regularisation,
            batch=max(self.batch, -(-watched.nnz // self.most_steps)),
            seed=options.seed,
            threads=self.threads,
            schedule=Schedule(epochs, self.patience if part is not None else 0, RECIPE.lightgcn_validate_every),
            validate=None if part is None else ndcg_on(part, watched),
            heard=heard,
        )

    def scores(self, users: Ints) -> Floats:
        """Inner products of the vectors, shape (n, contents)."""
        products: Floats = self._dense("users")[users] @ self._dense("contents").T
        return products

    @property
    def content_vectors(self) -> Floats | None:
        return self._dense("contents")

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` contents with the highest cosine between their vectors and the item's."""
        return nearest(self._dense("contents"), items, k)
