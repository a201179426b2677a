"""EASE, and the same regression over users, both from one inverse over users or contents, whichever are fewer.

EASE (Steck, WWW 2019) predicts X B with B = I - P·diag(1/P_jj) and P = (XᵀX + λI)⁻¹. With K = XXᵀ + λI the same
scores are X - K⁻¹X·diag(1/P_jj), where P_jj = (1 - x_jᵀK⁻¹x_j)/λ (Woodbury): with fewer users than contents no matrix
contents × contents is needed. Friends as pseudo-items Z = [X, √α·S] only add α·SSᵀ to K. The same model over users,
(I - K⁻¹·diag(1/K⁻¹_uu))ᵀX, is X - diag(1/K⁻¹_uu)·K⁻¹X: the same product with scaled rows, which does not change a
ranking. So an exponent on diag(1/P_jj) covers EASE (1), user-EASE (0) and everything in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg import lapack

from graph.errors import ModelError
from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Count, Learned, Positive, Share
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import counts, row_of, rows_of, symmetric_social
from recommenders.core.options import FitOptions, Progress
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["Ease", "EaseBlend", "UserEase", "invert"]

_BLOCK: Final = 512
_KEPT_VALUES: Final = 16_000_000
"""Values of rows of P·Λ that a served model remembers: 64 MB of float32."""


@dataclass
class Ease(Baseline):
    """Linear regression of every content on all others, with λ and friends; solved exactly, without iterations."""

    regularisation: Positive = 100.0
    """λ of a content of mean popularity."""
    friends: Share = 1.0
    """α: weight of a common friend, compared with a common content; 0 leaves follows out."""
    taper: Share = 0.0
    """λ grows with popularity to this power, so that popular contents explain less. 0 is the published model."""
    correction: Share = 1.0
    """Exponent on diag(1/P): 1 for EASE, 0 for user-EASE."""
    discount: Share = 0.0
    """Scores are divided by popularity to this power. 0 is the published model."""
    largest_side: Count = 24_000
    """Largest side of the inverse. With more users than this, only as many of the most watched contents are learned,
    without friends. By hand, for memory."""

    name: ClassVar[str] = "ease"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        # large ones first, since they are best where watches are few (experiments/large-lambda.md)
        "regularisation": (100_000.0, 30_000.0, 10_000.0, 3000.0, 1000.0, 300.0, 100.0, 30.0),
        "friends": (0.0, 0.3, 1.0, 3.0),
    }
    late: ClassVar[frozenset[str]] = frozenset({"correction", "discount"})
    need_follows: ClassVar[frozenset[str]] = frozenset({"friends"})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        popularity = np.maximum(np.asarray(self.watched.sum(axis=0), dtype=np.float64), 1e-3)
        mean = float(popularity[popularity > 1e-3].mean()) if self.watched.nnz else 1.0
        relative = np.maximum(popularity, 1.0) / max(mean, 1.0)
        penalty = (self.regularisation * relative**self.taper).astype(np.float32)
        learn = self._over_users if self._by_user(snapshot) else self._over_contents
        inverse, kept, explained = learn(snapshot, penalty, options.progress)
        free = 1.0 - np.clip(explained, 0.0, 1.0 - 1e-4)
        return {
            "inverse": inverse,
            "kept": kept,
            "penalty": penalty,
            "free": free.astype(np.float32),
            "popularity": relative.astype(np.float32),
        }

    def _by_user(self, snapshot: Snapshot) -> bool:
        """Whether the inverse is over users: few enough, and fewer than the contents where no friends are learned."""
        users = snapshot.users.count
        return users <= self.largest_side and (self._has_friends(snapshot) or users <= snapshot.contents.count)

    def _has_friends(self, snapshot: Snapshot) -> bool:
        return self.friends > 0 and len(snapshot.follows) > 0

    def unsearched(self) -> frozenset[str]:
        return super().unsearched() | ({"friends"} if self.snapshot.users.count > self.largest_side else frozenset())

    def _over_users(
        self, snapshot: Snapshot, penalty: Floats, progress: Progress
    ) -> tuple[npt.NDArray[Any], Ints, npt.NDArray[np.float64]]:
        """K⁻¹ with K = XΛ⁻¹Xᵀ + (α/λ)·SSᵀ + I, and xᵀK⁻¹x/Λ of every content."""
        watched = self.watched
        gram = _gram(sp.csr_array(watched / np.sqrt(penalty)))
        if self._has_friends(snapshot):
            # Every user is their own friend here, so that two friends have each other in common.
            social = sp.csr_array(symmetric_social(snapshot) + sp.eye_array(len(gram), dtype=np.float32))
            for start in range(0, len(gram), _BLOCK):
                together = (social[start : start + _BLOCK] @ social.T).toarray()
                gram[start : start + _BLOCK] += np.float32(self.friends / self.regularisation) * together
        gram[np.diag_indices_from(gram)] += 1.0
        progress(0.2, "inverting")
        inverse = invert(gram)
        progress(0.8, "inverting")
        explained = np.zeros(watched.shape[1])
        for start in range(0, len(inverse), _BLOCK):
            rows = sp.csr_array(watched[start : start + _BLOCK])
            product = inverse[start : start + _BLOCK] @ watched
            row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
            explained += np.bincount(
                rows.indices, weights=rows.data * product[row, rows.indices], minlength=watched.shape[1]
            )
        return inverse, np.empty(0, dtype=np.int64), explained / penalty

    def _over_contents(
        self, snapshot: Snapshot, penalty: Floats, progress: Progress
    ) -> tuple[npt.NDArray[Any], Ints, npt.NDArray[np.float64]]:
        """Λ^½·P·Λ^½ of the most watched contents, and 1 - P_jj·Λ_j."""
        contents = self.watched.shape[1]
        counts = np.bincount(self.watched.indices, minlength=contents)
        kept = np.sort(np.argsort(-counts, kind="stable")[: self.largest_side])
        half = sp.csr_array(self.watched[:, kept] / np.sqrt(penalty[kept]))
        gram = _gram(sp.csr_array(half.T))
        gram[np.diag_indices_from(gram)] += 1.0
        progress(0.2, "inverting")
        inverse = invert(gram)
        explained = np.zeros(contents)
        explained[kept] = 1.0 - np.diag(inverse)
        return inverse, kept, explained

    @property
    def _computed_with(self) -> dict[str, Any]:
        return {"precision": str(self._dense("inverse").dtype)}

    def _cost(self, snapshot: Snapshot) -> float:
        users, contents = snapshot.users.count, snapshot.contents.count
        side = users if (by_user := self._by_user(snapshot)) else min(contents, self.largest_side)
        judged = min(CORE.search_users, users)
        if by_user:
            products = COSTS.inverse_product * (side + judged) * len(snapshot.watched)
        else:
            products = COSTS.inverse_dense * judged * side**2
        return COSTS.inverse * side**3 + products

    @property
    def known_contents(self) -> Mask | None:
        """The contents that were learned; all if the inverse is over users."""
        kept = self._dense("kept")
        if not len(kept):
            return None
        known = np.zeros(self.watched.shape[1], dtype=bool)
        known[kept] = True
        return known

    def known_users(self, users: Ints) -> Mask:
        """Users who watched something; if friends are learned, also users with friends."""
        known = counts(self.watched, users) > 0
        if self.friends and not len(self._dense("kept")):
            known |= counts(symmetric_social(self.snapshot), users) > 0
        return np.asarray(known)

    def scores(self, users: Ints) -> Floats:
        return self._corrected(*self._explained(users))

    def moved_scores(self, today: Today) -> Floats | None:
        """What changed is explained by the same regression; the user's own weight on others stays as it was."""
        if not self.known_users(np.array([today.user]))[0]:
            return None
        rows, products = self._explained(np.array([today.user]))
        change = today.change
        for content, value in zip(change.indices.tolist(), change.data.tolist(), strict=True):
            rows[0, content] += value
            products[0] += np.float32(value) * self._rows_by_content(content)
        return np.asarray(self._corrected(rows, products)[0])

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The same regression on what the newcomer watched; every watch counts the same."""
        if not len(watched):
            return None
        rows = row_of(watched, self.watched.shape[1]).toarray()
        products = np.sum([self._rows_by_content(content) for content in watched.tolist()], axis=0)
        return np.asarray(self._corrected(rows, products[None, :])[0])

    def _corrected(self, rows: Floats, products: Floats) -> Floats:
        """The scores (n, contents) of users with these `_explained`."""
        return self._scaled(rows, products, self.correction)

    def _scaled(self, rows: Floats, products: Floats, correction: float) -> Floats:
        scale = self._dense("free") ** -correction * self._dense("popularity") ** -self.discount
        scores = np.asarray(rows - products * scale, dtype=np.float32)
        if (known := self.known_contents) is not None:
            scores[:, ~known] = 0.0
        return scores

    def _explained(self, users: Ints) -> tuple[Floats, Floats]:
        """The users' rows x, and x·P·Λ, both (n, contents); the latter is 0 for contents that were not learned."""
        inverse, kept = self._dense("inverse"), self._dense("kept")
        watched = self.watched
        rows: Floats = np.asarray(rows_of(watched, users).toarray(), dtype=np.float32)
        if not len(kept):
            products = np.empty(rows.shape, dtype=np.float32)
            for start in range(0, len(users), _BLOCK):  # a row of the inverse may be longer than one of scores
                some = np.asarray(inverse[users[start : start + _BLOCK]], dtype=np.float32)
                products[start : start + _BLOCK] = some @ watched
            return rows, products
        # XPΛ = K⁻¹X, with P held as Λ^½PΛ^½ so that its entries keep one scale
        root = np.sqrt(self._dense("penalty")[kept])
        products = np.zeros(rows.shape, dtype=np.float32)
        products[:, kept] = ((rows[:, kept] / root) @ inverse.astype(np.float32, copy=False)) * root
        return rows, products

    def _row(self, content: int) -> Floats:
        """The row of P·Λ of one content, shape (contents,): what one watch of it adds to x·P·Λ."""
        inverse, kept = self._dense("inverse"), self._dense("kept")
        penalty = self._dense("penalty")
        found = np.zeros(self.watched.shape[1], dtype=np.float32)
        if len(kept):
            place = int(np.searchsorted(kept, content))
            if place < len(kept) and kept[place] == content:
                root = np.sqrt(penalty[kept])
                found[kept] = np.asarray(inverse[place], dtype=np.float32) * root / root[place]
            return found
        # PΛ = I - Λ⁻¹XᵀK⁻¹X (Woodbury); friends are in K alone
        watchers = self._watchers[[content]]
        weights = watchers.data / penalty[content]
        found -= np.asarray(weights @ np.asarray(inverse[watchers.indices], dtype=np.float32)) @ self.watched
        found[content] += 1.0
        return found

    @cached_property
    def _rows_by_content(self) -> Callable[[int], Floats]:
        """`_row`, with as many of the last ones kept as fit into `_KEPT_VALUES`."""
        return lru_cache(max(1, _KEPT_VALUES // max(1, self.watched.shape[1])))(self._row)


@dataclass
class UserEase(Ease):
    """Linear regression of every user on all others."""

    regularisation: Positive = 300.0
    correction: Share = 0.0

    name: ClassVar[str] = "user-ease"


@dataclass
class EaseBlend(Ease):
    """Weighted sum of EASE and user-EASE from one inverse, both standardised over each user's contents."""

    share: Share = 0.5
    """Weight of user-EASE in the sum; EASE has the rest."""

    name: ClassVar[str] = "ease-blend"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {**Ease.space, "share": (0.25, 0.5, 0.75)}
    late: ClassVar[frozenset[str]] = Ease.late | {"share"}

    def _corrected(self, rows: Floats, products: Floats) -> Floats:
        kept = self._dense("kept")
        learned = kept if len(kept) else np.arange(self.watched.shape[1])
        blended = self._scaled(rows, products, self.correction)
        parts = [blended[:, learned], self._scaled(rows, products, 0.0)[:, learned]]
        for part in parts:
            part -= part.mean(axis=1, keepdims=True)
            part /= np.maximum(part.std(axis=1, keepdims=True), 1e-9)
        blended[:, learned] = np.float32(1.0 - self.share) * parts[0] + np.float32(self.share) * parts[1]
        return blended


def _gram(rows: sp.csr_array) -> npt.NDArray[Any]:
    """Rows · rowsᵀ as a dense array, made by blocks: float64 up to `CoreConfig.ease_exact_side`, else float32."""
    side = rows.shape[0]
    gram = np.empty((side, side), dtype=np.float64 if side <= CORE.ease_exact_side else np.float32)
    columns = sp.csr_array(rows.T)
    for start in range(0, side, _BLOCK):
        gram[start : start + _BLOCK] = (rows[start : start + _BLOCK] @ columns).toarray()
    return gram


def invert(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse of a symmetric positive definite matrix, computed in place (Cholesky).

    Raises ModelError when the matrix is not positive definite.
    """
    exact = matrix.dtype == np.float64
    factor, inverse = (lapack.dpotrf, lapack.dpotri) if exact else (lapack.spotrf, lapack.spotri)
    # A C-ordered array's transpose is Fortran-ordered, so LAPACK works in place; by symmetry it is the same matrix.
    triangle, failed = factor(matrix.T, lower=1, overwrite_a=1)
    if not failed:
        triangle, failed = inverse(triangle, lower=1, overwrite_c=1)
    if failed:
        raise ModelError("The EASE matrix cannot be inverted.", do="Give a larger regularisation.")
    result: npt.NDArray[Any] = triangle.T  # the upper triangle of a C-ordered array now
    for start in range(0, len(result), _BLOCK):
        stop = start + _BLOCK
        square = np.triu(result[start:stop, start:stop])
        result[start:stop, start:stop] = square + np.triu(square, 1).T
        result[stop:, start:stop] = result[start:stop, stop:].T
    return result
