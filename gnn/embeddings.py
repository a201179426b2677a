"""What training leaves for serving: unit vectors as arrays, read by memory map, and scores and neighbours by them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from baselines.recommender import Floats, Ints, top_k

__all__ = ["Embeddings"]

_ARRAYS: Final = ("users", "contents", "popularity")


@dataclass(frozen=True)
class Embeddings:
    """Vectors of length one; a user of whom nothing is known has a zero vector."""

    users: Floats
    """Shape (U, dim)."""
    contents: Floats
    """Shape (C, dim)."""
    popularity: Floats
    """Share of the watches that each content got, shape (C,): what users with a zero vector are told."""

    def scores(self, users: Ints) -> Floats:
        """Cosine of each user with every content, shape (n, C)."""
        rows = np.asarray(self.users[users])
        scores = rows @ np.asarray(self.contents).T
        scores[~rows.any(axis=1)] = self.popularity
        return scores

    def similar(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` contents of highest cosine to each item, itself left out; -1 where there are fewer."""
        batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
        cosines = np.asarray(self.contents[batch]) @ np.asarray(self.contents).T
        cosines[np.arange(len(batch)), batch] = -np.inf
        ids = np.full((len(batch), k), -1, dtype=np.int64)
        best = np.full((len(batch), k), -np.inf, dtype=np.float32)
        found, values = top_k(cosines, k)
        ids[:, : found.shape[1]], best[:, : found.shape[1]] = found, values
        return (ids[0], best[0]) if np.ndim(items) == 0 else (ids, best)

    def save(self, folder: Path) -> None:
        """Write one .npy file an array."""
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``save`` wrote. Raises OSError or ValueError where it is not whole."""
        arrays: dict[str, npt.NDArray[Any]] = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in _ARRAYS}
        return cls(**arrays)
