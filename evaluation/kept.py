"""Rankings kept on disk, so that a comparison of many hours can be broken off and go on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.splits import Split
from graph import aside
from recommenders.core.recommender import Ints

__all__ = ["Kept", "Ranking", "fingerprint"]


@dataclass(frozen=True)
class Ranking:
    """What one contender recommended on one split, and what that took."""

    ids: Ints
    """Shape (judged users, k), -1 for nothing."""
    fit_seconds: float
    rank_seconds: float
    peak_mib: float
    """While fitting, the whole process."""
    settings: dict[str, Any] | None
    """Of a baseline or a network."""


def fingerprint(split: Split) -> str:
    """SHA-256 over the graph, what models see of nodes and watches, and what is judged on whom."""
    train = split.train
    seen = [train.users.frame.null_count().row(0), train.contents.frame.null_count().row(0)]
    digest = hashlib.sha256(f"{split.name} {train.manifest.graph_id} {train.manifest.edges} {seen}".encode())
    watched, follows = train.watched, train.follows
    told = [watched.columns[name] for name in ("engagement", "lastAt") if name in watched.columns]
    pairs = (watched.indptr, watched.target, follows.indptr, follows.target)
    for array in (*pairs, *told, split.held_out.indices, split.users):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Kept:
    """A folder with one ranking a file, found again by what it was made with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, what: str, split: Split, k: int) -> Path:
        told = hashlib.sha256(f"{what} {fingerprint(split)} {split.seed} {k}".encode())
        return self.folder / f"{told.hexdigest()[:32]}.npz"

    def find(self, what: str, split: Split, k: int) -> Ranking | None:
        """The ranking of the contender described by ``what``, or None."""
        file = self._file(what, split, k)
        if not file.is_file():
            return None
        with np.load(file) as arrays:
            told = json.loads(str(arrays["told"]))
            return Ranking(ids=arrays["ids"], **told)

    def keep(self, what: str, split: Split, k: int, ranking: Ranking) -> None:
        """Write the ranking, aside first."""
        told = {name: value for name, value in vars(ranking).items() if name != "ids"}
        with aside.file(self._file(what, split, k)) as fresh:
            np.savez_compressed(fresh, ids=ranking.ids, told=json.dumps(told))
