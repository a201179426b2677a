"""Matrix factorisation through the library `implicit`: ALS and BPR."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Count, KnowsFriends, Learned, Positive, Share
from recommenders.core.costs import COSTS
from recommenders.core.inner_products import InnerProducts
from recommenders.core.interactions import lately, with_friends
from recommenders.core.nearest import nearest
from recommenders.core.one_user import OneUser
from recommenders.core.options import FitOptions
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints

__all__ = ["Als", "Bpr"]


class _CapReached(Exception):
    """Ends a fit of the library between two iterations, in which it learns in place."""


@dataclass
class _Factorisation(Baseline):
    factors: Count = 64
    regularisation: Share = 0.1
    iterations: Count = 15

    has_one_user: ClassVar[bool] = True
    threads: ClassVar[int] = 1
    """Threads of the training."""

    @abstractmethod
    def _model(self, seed: int) -> Any:
        """A fresh model of the library."""

    def _weights(self) -> sp.csr_array:
        """Weights of users × contents, and of further columns such as friends."""
        return self.watched

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        import implicit.als  # noqa: F401 (before the limit, which applies to loaded libraries only)

        weights = self._weights()
        idle = np.diff(weights.indptr) == 0
        with threadpool_limits(1, "blas"):  # the library has threads of its own and warns otherwise
            model = self._model(options.seed)
            # A copy: the library needs writable arrays, and those of a snapshot are read only.
            given = sp.csr_matrix(weights, copy=True)
            del weights
            another = options.cap.another()

            def tell(iteration: int, *_: float) -> None:
                done = iteration + 1
                options.progress(done / self.iterations, f"iteration {done} of {self.iterations}")
                if done < self.iterations and not another():
                    raise _CapReached

            try:
                model.fit(given, show_progress=False, callback=tell)
            except _CapReached:
                model._check_fit_errors()  # the last thing that a whole fit does: factors must be numbers
        users = np.array(model.user_factors, dtype=np.float32)
        contents = np.array(model.item_factors[: self.watched.shape[1]], dtype=np.float32)
        users[idle] = users[~idle].mean(axis=0) if not idle.all() else 0.0  # without this their factors are random
        return {"users": users, "contents": contents}

    @property
    def _computed_with(self) -> dict[str, Any]:
        return {"threads": self.threads, "precision": "float32"}

    def scores(self, users: Ints) -> Floats:
        found: Floats = self._dense("users")[users] @ self._dense("contents").T
        return found

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        return self._table.scores_of(self._dense("users")[user])

    @cached_property
    def _table(self) -> InnerProducts:
        return InnerProducts(self._dense("contents"), users=self._dense("users"))

    @property
    def content_vectors(self) -> Floats | None:
        return self._dense("contents")

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """By the cosine between the contents' factors."""
        return nearest(self._dense("contents"), items, k)


@dataclass
class Als(_Factorisation, KnowsFriends):
    """Weighted matrix factorisation by alternating least squares (Hu, Koren and Volinsky, ICDM 2008).

    Friends are further columns, so that a user's factors predict their friends too.
    """

    regularisation: Share = 1.0
    confidence: Positive = 10.0
    """Weight of a watch; a pair without a watch has 1."""
    half_life: Share = 90.0
    """Days after which a watch counts half, if times are known; 0 for never. Generated networks of scale 0.01 and 0.1
    (experiments/fading-watches.md)."""

    name: ClassVar[str] = "als"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "factors": (32, 16, 64, 128),  # first, since few factors are quick and best with few watches
        "half_life": (90.0, 30.0, 365.0, 0.0),
        "regularisation": (0.01, 0.1, 1.0, 5.0, 20.0),
        "confidence": (1.0, 2.0, 5.0, 10.0, 30.0),
        "friends": (1.0, 0.0, 0.3, 3.0),
    }
    need_times: ClassVar[frozenset[str]] = frozenset({"half_life"})
    threads: ClassVar[int] = 2

    def _weights(self) -> sp.csr_array:
        return with_friends(self.snapshot, lately(self.snapshot, self.half_life), self._weight_of_friends)

    def moved_scores(self, today: Today) -> Floats | None:
        """With factors one Newton step from the learned ones, by the loss of what the user watches and does not watch.

        The loss is quadratic, so the step gives what a fit of the user alone would, less what friends add to it: their
        columns are not kept. What the learned factors miss of the best ones is missed afterwards too.
        """
        return np.asarray(self._moved(today) @ self._dense("contents").T, dtype=np.float32)

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        return super().one_user(user) if today is None else self._table.scores_of(self._moved(today).astype(np.float32))

    def _moved(self, today: Today) -> npt.NDArray[np.float64]:
        """The user's factors as of now."""
        contents, touched = self._dense("contents"), today.change.indices
        factors, vectors = self._dense("users")[today.user], contents[touched].astype(np.float64)
        before, now = self._confidences(Today.of(self.snapshot, today.user)), self._confidences(today)
        guesses = vectors @ factors
        slope = vectors.T @ (_pulls(now[touched], guesses) - _pulls(before[touched], guesses))
        seen = contents[today.watched].astype(np.float64)
        curvature = self._gram + (seen.T * (now[today.watched] - 1.0)) @ seen
        curvature[np.diag_indices_from(curvature)] += self.regularisation
        return np.asarray(factors + np.linalg.solve(curvature, slope), dtype=np.float64)

    def _confidences(self, today: Today) -> Floats:
        """The weight of each content in the loss, shape (contents,), nan for one that is not watched: it weighs 1."""
        found = np.full(self.snapshot.contents.count, np.nan, dtype=np.float32)
        found[today.watched] = self.confidence * today.engagement * today.fading(self.half_life)
        return found

    @cached_property
    def _gram(self) -> Floats:
        contents = self._dense("contents")
        return np.asarray(contents.T @ contents, dtype=np.float64)

    def _cost(self, snapshot: Snapshot) -> float:
        links = len(snapshot.watched) + (len(snapshot.follows) if self.resolved(snapshot)["friends"] else 0)
        rows = snapshot.users.count + snapshot.contents.count
        return self.iterations * self.factors * (COSTS.als_link * links + COSTS.als_row * rows * self.factors)

    def _model(self, seed: int) -> Any:
        from implicit.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularisation,
            alpha=self.confidence,
            iterations=self.iterations,
            num_threads=self.threads,
            use_gpu=False,  # its GPU code ignores alpha and draws other numbers
            random_state=seed,
        )


def _pulls(confidences: Floats, guesses: Floats) -> Floats:
    """How each content's loss pulls at its guess: towards 1 if it is watched, with weight 1 towards 0 if not."""
    return np.where(np.isnan(confidences), -guesses, confidences * (1.0 - guesses))


@dataclass
class Bpr(_Factorisation):
    """Matrix factorisation by pairwise ranking (Rendle et al., UAI 2009)."""

    regularisation: Share = 0.01
    rate: Positive = 0.05
    """Learning rate of the gradient descent."""
    iterations: Count = 150

    name: ClassVar[str] = "bpr"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "regularisation": (0.003, 0.01, 0.03, 0.1),
        "rate": (0.02, 0.05, 0.1),
        "iterations": (50, 150, 400),
        "factors": (32, 64, 128),
    }
    threads: ClassVar[int] = 1
    """With more, two runs differ."""

    def _cost(self, snapshot: Snapshot) -> float:
        width = COSTS.bpr_factors + self.factors
        return COSTS.bpr_watch * self.iterations * len(snapshot.watched) * width

    def _model(self, seed: int) -> Any:
        from implicit.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.factors - 1,  # the library adds a column for the content's bias
            learning_rate=self.rate,
            regularization=self.regularisation,
            iterations=self.iterations,
            num_threads=self.threads,
            use_gpu=False,  # its GPU code draws other numbers
            random_state=seed,
        )
