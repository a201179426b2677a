"""Finished rankings on disk, so that a comparison that takes hours can be stopped and resumed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph import aside
from recommenders.core.holdout import Holdout
from recommenders.core.top_k import Ints

__all__ = ["Ranking", "SavedRankings", "fingerprint"]

_FORMAT: Final = 2
"""Format of saved rankings; it is raised when a field of `Ranking` changes, and older ones are computed again."""


@dataclass(frozen=True)
class Ranking:
    """The recommendations of one contender on one split, with their cost."""

    ids: Ints
    """Content nids, shape (judged users, k); -1 where there are fewer than k."""
    fit_seconds: float
    fit_processor_seconds: float
    rank_seconds: float
    peak_mib: float
    """Peak memory of the whole process while it fitted, MiB."""
    settings: dict[str, Any]
    """Settings that the model was fitted with."""
    capped: bool = False
    """Whether the fit reached its budget in minutes."""


def fingerprint(split: Holdout) -> str:
    """SHA-256 over everything that a ranking and its metrics depend on: `Snapshot.digest` and the `Holdout`'s arrays.

    So the hash covers the graph with its properties and edges, the held-out pairs with their values, the judged users,
    and the contents that may be recommended.
    """
    digest = hashlib.sha256(f"{split.name} {split.cutoff} {split.train.digest}".encode())
    for name, matrix in (("held out", split.held_out), ("masked", split.masked)):
        if matrix is not None:
            digest.update(f"{name} {matrix.shape}".encode())
            for values in (matrix.indptr, matrix.indices, matrix.data):
                _add(digest, values)
    for array in (split.users, split.allowed):
        if array is not None:
            _add(digest, array)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, array: npt.NDArray[Any]) -> None:
    """Hash the array's type and shape too: the same bytes can be two different arrays."""
    digest.update(f"{array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)


class SavedRankings:
    """A folder with one file per ranking; the file name is a hash of everything that the ranking depends on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, what: str, split: Holdout, k: int) -> Path:
        key = hashlib.sha256(f"{_FORMAT} {what} {fingerprint(split)} {split.seed} {k}".encode())
        return self.folder / f"{key.hexdigest()[:32]}.npz"

    def find(self, what: str, split: Holdout, k: int) -> Ranking | None:
        """The saved ranking of the contender that ``what`` describes, or None."""
        file = self._file(what, split, k)
        if not file.is_file():
            return None
        with np.load(file) as arrays:
            return Ranking(ids=arrays["ids"], **json.loads(str(arrays["cost"])))

    def save(self, what: str, split: Holdout, k: int, ranking: Ranking) -> None:
        """Write the ranking to a temporary file and rename it into place."""
        cost = {name: value for name, value in vars(ranking).items() if name != "ids"}
        with aside.file(self._file(what, split, k)) as fresh:
            np.savez_compressed(fresh, ids=ranking.ids, cost=json.dumps(cost))
