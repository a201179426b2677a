"""What training leaves for serving: unit vectors as arrays, read by memory map, and scores and neighbours by them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from recommenders.core.nearest import nearest
from recommenders.core.top_k import Floats, Ints

__all__ = ["ARRAYS", "Embeddings"]

ARRAYS: Final = ("users", "contents", "bias", "popularity")
"""Fields of `Embeddings`, and names of their files."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors of length one; a user of whom nothing is known has a zero vector."""

    users: Floats
    """Shape (U, dim)."""
    contents: Floats
    """Shape (C, dim)."""
    bias: Floats
    """What is added to the cosines with each content, shape (C,), with those of `Encoder.embed` too: popular ones are
    likelier from the start."""
    popularity: Floats
    """Share of the watches that each content got, shape (C,): what users with a zero vector are told."""

    def scores(self, users: Ints) -> Floats:
        """Cosine of each user with every content plus its bias, shape (n, C)."""
        rows = np.asarray(self.users[users])
        scores = self.scores_of(rows)
        scores[~rows.any(axis=1)] = self.popularity
        return scores

    def scores_of(self, vectors: Floats) -> Floats:
        """`scores` (n, C) of users who have these unit vectors (n, dim), or (C,) of one who has (dim,)."""
        found: Floats = vectors @ np.asarray(self.contents).T
        found += self.bias
        return found

    def similar(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` contents of highest cosine to each item, itself left out; -1 where there are fewer."""
        return nearest(np.asarray(self.contents), items, k)

    def save(self, folder: Path) -> None:
        """Write one .npy file an array."""
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``save`` wrote. Raises OSError or ValueError where it is not whole."""
        arrays: dict[str, npt.NDArray[Any]] = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ARRAYS}
        return cls(**arrays)
