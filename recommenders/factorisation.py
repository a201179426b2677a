"""Matrix factorisation through the library `implicit`: ALS and BPR."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from graph.snapshot import Snapshot
from recommenders.baseline import Baseline, KnowsFriends, Learned, lately, nearest, with_friends
from recommenders.core.recommender import Floats, Ints, Progress

__all__ = ["Als", "Bpr"]


@dataclass
class _Factorisation(Baseline):
    factors: int = 64
    regularisation: float = 0.1
    iterations: int = 15
    seed: int = 0

    @abstractmethod
    def _model(self) -> Any:
        """A fresh model of the library."""

    def _weights(self) -> sp.csr_array:
        """Users × contents and maybe what else they have in common, each by what it counts."""
        return self.watched

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        def tell(iteration: int, *_: float) -> None:
            progress((iteration + 1) / self.iterations, f"iteration {iteration + 1} of {self.iterations}")

        import implicit.als  # noqa: F401 (before the limit, which reaches only what is loaded)

        weights = self._weights()
        idle = np.diff(weights.indptr) == 0
        with threadpool_limits(1, "blas"):  # the library has threads of its own and warns otherwise
            model = self._model()
            # A copy, as the library wants arrays that could be written to, and a snapshot's are not.
            given = sp.csr_matrix(weights, copy=True)
            del weights
            model.fit(given, show_progress=False, callback=tell)
        users = np.array(model.user_factors, dtype=np.float32)
        contents = np.array(model.item_factors[: self.watched.shape[1]], dtype=np.float32)
        users[idle] = users[~idle].mean(axis=0) if not idle.all() else 0.0  # their factors are random otherwise
        return {"users": users, "contents": contents}

    def scores(self, users: Ints) -> Floats:
        found: Floats = self._dense("users")[users] @ self._dense("contents").T
        return found

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """By the cosine between the contents' factors."""
        return nearest(self._dense("contents"), items, k)


@dataclass
class Als(_Factorisation, KnowsFriends):
    """Weighted matrix factorisation by alternating least squares (Hu, Koren and Volinsky, ICDM 2008).

    People get factors that tell their friends as well.
    """

    regularisation: float = 1.0
    confidence: float = 10.0
    """Weight of a watch beside 1 for everything else."""
    half_life: float = 90.0
    """Days after which a watch counts half, where times are known; 0 for never."""

    name: ClassVar[str] = "als"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "factors": (32, 16, 64, 128),  # first: few where watches are few, and quick to try
        "half_life": (90.0, 30.0, 365.0, 0.0),
        "regularisation": (0.01, 0.1, 1.0, 5.0, 20.0),
        "confidence": (1.0, 2.0, 5.0, 10.0, 30.0),
        "friends": (1.0, 0.0, 0.3, 3.0),
    }

    def _weights(self) -> sp.csr_array:
        return with_friends(self.snapshot, lately(self.snapshot, self.half_life), self._weight_of_friends)

    def _model(self) -> Any:
        from implicit.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularisation,
            alpha=self.confidence,
            iterations=self.iterations,
            num_threads=2,
            random_state=self.seed,
        )


@dataclass
class Bpr(_Factorisation):
    """Matrix factorisation by pairwise ranking (Rendle et al., UAI 2009)."""

    regularisation: float = 0.01
    rate: float = 0.05
    """Step of the gradient descent."""
    iterations: int = 150

    name: ClassVar[str] = "bpr"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "regularisation": (0.003, 0.01, 0.03, 0.1),
        "rate": (0.02, 0.05, 0.1),
        "iterations": (50, 150, 400),
        "factors": (32, 64, 128),
    }

    def _model(self) -> Any:
        from implicit.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.factors - 1,  # the library adds the content's bias as one more
            learning_rate=self.rate,
            regularization=self.regularisation,
            iterations=self.iterations,
            num_threads=1,  # with more, two runs differ
            random_state=self.seed,
        )
