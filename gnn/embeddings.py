"""The vectors that serving uses: arrays, read by memory map, with the scores and neighbours that they give."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from recommenders.core.inner_products import InnerProducts
from recommenders.core.nearest import nearest
from recommenders.core.one_user import FixedScores, OneUser
from recommenders.core.top_k import Floats, Ints

__all__ = ["ARRAYS", "Embeddings"]

ARRAYS: Final = ("users", "contents", "bias", "popularity")
"""Fields of `Embeddings`; their files have the same names."""


@dataclass(frozen=True)
class Embeddings:
    """Unit vectors. A user with no known neighbour and no features has a zero vector."""

    users: Floats
    """Shape (U, dim)."""
    contents: Floats
    """Shape (C, dim)."""
    bias: Floats
    """Per-content bias, shape (C,), added to the cosines, also for users embedded by `Encoder.embed`."""
    popularity: Floats
    """Each content's share of all watches, shape (C,): the scores of users with a zero vector."""

    def scores(self, users: Ints) -> Floats:
        """Cosine of each user with every content plus its bias, shape (n, C)."""
        rows = np.asarray(self.users[users])
        scores = self.scores_of(rows)
        scores[~rows.any(axis=1)] = self.popularity
        return scores

    def scores_of(self, vectors: Floats) -> Floats:
        """`scores` (n, C) for these unit vectors (n, dim) of users, or (C,) for one vector (dim,)."""
        found: Floats = vectors @ np.asarray(self.contents).T
        found += self.bias
        return found

    def one_user(self, vector: Floats) -> OneUser:
        """`scores` of one user with this vector (dim,), without writing one for every content."""
        return self._table.scores_of(vector) if vector.any() else self._for_all

    @cached_property
    def _table(self) -> InnerProducts:
        return InnerProducts(self.contents, self.bias, self.users)

    @cached_property
    def _for_all(self) -> FixedScores:
        return FixedScores(np.asarray(self.popularity, dtype=np.float32))

    def similar(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` contents of highest cosine to each item, without the item itself; -1 where there are fewer."""
        return nearest(np.asarray(self.contents), items, k)

    def save(self, folder: Path) -> None:
        """Write one .npy file for each array."""
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Memory-map what ``save`` wrote. Raises OSError or ValueError if a file is missing or damaged."""
        arrays: dict[str, npt.NDArray[Any]] = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ARRAYS}
        return cls(**arrays)
