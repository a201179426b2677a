"""What all baselines share: settings as fields, learned arrays in one place, and one way of saving both."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Self
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph import aside
from graph.snapshot import Snapshot
from graph.snapshot.ages import fading, timed
from recommenders.core.artifact import FORMAT, reading
from recommenders.core.recommender import Floats, Ints, Progress, Recommender, top_k

__all__ = [
    "Baseline",
    "KnowsFriends",
    "Learned",
    "directed_social",
    "interactions",
    "lately",
    "nearest",
    "row_of",
    "silent",
    "symmetric_social",
    "with_friends",
]

Learned = npt.NDArray[Any] | sp.csr_array

_MAPPED_VALUES: Final = 4_000_000
"""Arrays with more values are read by memory map when a model is loaded."""


def silent(share: float, what: str) -> None:
    """A `Progress` that says nothing."""


_MANY_FOLLOWS: Final = 5_000_000
"""With more of them friends are left out unless asked for: they would stand beside the watches in memory."""

_INTERACTIONS: Final[WeakKeyDictionary[Snapshot, sp.csr_array]] = WeakKeyDictionary()
"""One for all models of a snapshot: with 29 million watches, each holds 270 MB."""


def interactions(snapshot: Snapshot) -> sp.csr_array:
    """Users × contents, one entry a pair: its engagement where that varies, else 1. float32, not to be written to.

    A pair that stands twice counts once, with its highest engagement.
    """
    if snapshot in _INTERACTIONS:
        return _INTERACTIONS[snapshot]
    matrix = snapshot.interactions(weighted=snapshot.mode == "engagement")
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, matrix.indices, rows))
    rows, columns, values = rows[order], matrix.indices[order], matrix.data[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    indptr = np.searchsorted(rows[first], np.arange(matrix.shape[0] + 1)).astype(matrix.indptr.dtype)
    found = sp.csr_array((values[first].astype(np.float32), columns[first], indptr), shape=matrix.shape)
    found.data.flags.writeable = False
    return _INTERACTIONS.setdefault(snapshot, found)


def lately(snapshot: Snapshot, half_life: float, least: float = 0.0) -> sp.csr_array:
    """`interactions` where each watch counts half after ``half_life`` days; just these for 0, or without times.

    Watches that have faded below ``least`` are left out. A pair that stands twice adds up.
    """
    if not half_life or not timed(snapshot):
        return interactions(snapshot)
    faded, matrix = fading(snapshot, half_life), snapshot.interactions(weighted=snapshot.mode == "engagement")
    matrix.data = matrix.data * faded  # not in place: the numbers are the snapshot's own
    if not least:
        return matrix
    kept = faded >= least
    pairs = snapshot.watched.source[kept], matrix.indices[kept]
    return sp.csr_array((matrix.data[kept], pairs), shape=matrix.shape)


def row_of(nids: Ints, width: int) -> sp.csr_array:
    """1 × ``width``: 1 at each of ``nids``. float32."""
    pairs = np.zeros(len(nids), dtype=np.int64), nids
    return sp.csr_array((np.ones(len(nids), dtype=np.float32), pairs), shape=(1, width))


def directed_social(snapshot: Snapshot) -> sp.csr_array:
    """Users × users: 1 where the row follows the column, nobody themselves. float32."""
    return _without_weights(snapshot.social())


def symmetric_social(snapshot: Snapshot) -> sp.csr_array:
    """Users × users: 1 where either follows the other, nobody themselves. float32."""
    social = snapshot.social()
    return _without_weights(social + social.T)


def with_friends(snapshot: Snapshot, watched: sp.csr_array, weight: float) -> sp.csr_array:
    """Users × (contents + users): friends, either way, as contents that count ``weight`` each; for 0 just ``watched``.

    Who has friends counts among their own, so that two who are friends have each other in common. What is learned from
    both has people near whom their friends are near (Ma et al., SoRec, CIKM 2008).
    """
    if not weight:
        return watched
    social = symmetric_social(snapshot)
    themselves = sp.diags_array((np.diff(social.indptr) > 0).astype(np.float32))
    return sp.csr_array(sp.hstack([watched, np.float32(weight) * (social + themselves)], format="csr"))


def _without_weights(social: sp.csr_array) -> sp.csr_array:
    source, target = sp.csr_array(social).nonzero()
    other = source != target
    pairs = source[other], target[other]
    found = sp.csr_array((np.ones(len(pairs[0]), dtype=np.float32), pairs), shape=social.shape)
    found.data[:] = 1.0  # pairs that stand twice were added up
    return found


def nearest(vectors: sp.csr_array | Floats, items: Ints | int, k: int) -> tuple[Ints, Floats]:
    """The ``k`` rows with the highest cosine to each row in ``items``, itself left out; shapes as `top_k`."""
    batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
    if isinstance(vectors, np.ndarray):
        norms = np.linalg.norm(vectors, axis=1)
        products = vectors[batch] @ vectors.T
    else:
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float32))
        products = np.asarray((vectors[batch] @ vectors.T).toarray())
    norms = np.maximum(norms, 1e-12)
    cosines = (products / norms[batch, None] / norms).astype(np.float32)
    cosines[np.arange(len(batch)), batch] = -np.inf
    ids = np.full((len(batch), k), -1, dtype=np.int64)
    best = np.full((len(batch), k), -np.inf, dtype=np.float32)
    found, values = top_k(cosines, k)
    ids[:, : found.shape[1]], best[:, : found.shape[1]] = found, values
    return (ids[0], best[0]) if np.ndim(items) == 0 else (ids, best)


@dataclass
class Baseline(Recommender):
    """Base of the baselines: a dataclass whose fields are the settings; a subclass writes ``_learn`` and ``scores``."""

    space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """Setting → the values that `recommenders.core.search.tune` tries, most important setting first."""
    late: ClassVar[frozenset[str]] = frozenset()
    """Settings that only ``scores`` reads: another value needs no other fit."""

    @abstractmethod
    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        """The arrays that ``scores`` needs beside the snapshot's own."""

    def fit(self, snapshot: Snapshot, progress: Progress | None = None) -> Self:
        self._attach(snapshot)
        self.learned = self._learn(snapshot, progress or silent)
        return self

    def with_settings(self, **changes: Any) -> Self:
        """A model with some settings changed, fitted on the same snapshot.

        It shares what was learned when all changed settings are `late`, and is fitted anew otherwise.
        """
        changed = type(self)(**{**self.settings, **changes})
        if not set(changes) <= self.late:
            return changed.fit(self.snapshot)
        changed._attach(self.snapshot)
        changed.learned = self.learned
        return changed

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as keyword arguments that make the same model again."""
        return asdict(self)

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        """`settings`, with the value for this snapshot where None leaves it to the data."""
        return self.settings

    @cached_property
    def watched(self) -> sp.csr_array:
        """`interactions` of the snapshot, shape (users, contents)."""
        return interactions(self.snapshot)

    @cached_property
    def _watchers(self) -> sp.csr_array:
        return sp.csr_array(self.watched.T)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """By the cosine between the contents' watchers, unless a model knows better."""
        return nearest(self._watchers, items, k)

    def save(self, path: Path) -> None:
        with aside.folder(path) as folder:
            sparse = sorted(name for name, array in self.learned.items() if not isinstance(array, np.ndarray))
            for name, array in self.learned.items():
                if isinstance(array, np.ndarray):
                    np.save(folder / f"{name}.npy", array)
                else:
                    sp.save_npz(folder / f"{name}.npz", array, compressed=False)
            manifest = {
                "model": self.name,
                "format": FORMAT,
                "graph_id": self.snapshot.manifest.graph_id,
                "settings": self.settings,
                "dense": sorted(set(self.learned) - set(sparse)),
                "sparse": sparse,
            }
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        with reading(path, cls.name, snapshot.manifest.graph_id) as manifest:
            model = cls(**manifest["settings"])
            learned: dict[str, Learned] = {name: _read(path / f"{name}.npy") for name in manifest["dense"]}
            learned |= {name: _read_sparse(path / f"{name}.npz") for name in manifest["sparse"]}
        model._attach(snapshot)
        model.learned = learned
        return model

    def _attach(self, snapshot: Snapshot) -> None:
        for name in [name for name in self.__dict__ if isinstance(getattr(type(self), name, None), cached_property)]:
            del self.__dict__[name]  # made from the snapshot before
        self._snapshot = snapshot

    def _dense(self, name: str) -> npt.NDArray[Any]:
        array = self.learned[name]
        assert isinstance(array, np.ndarray)
        return array

    def _sparse(self, name: str) -> sp.csr_array:
        array = self.learned[name]
        assert not isinstance(array, np.ndarray)
        return array


@dataclass
class KnowsFriends(Baseline):
    """Base of the baselines that learn from `with_friends`."""

    friends: float | None = None
    """What a friend counts beside a watch that was wholly enjoyed; 0 leaves follows out.

    None for 1, but for 0 where times are known, as there whom one follows says less than what they watched lately,
    which is for `recommenders.friends` to tell, and for 0 with more than five million follows.
    """

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        settings = super().resolved(snapshot)
        if self.friends is None:
            settings["friends"] = 0.0 if timed(snapshot) or len(snapshot.follows) > _MANY_FOLLOWS else 1.0
        return settings

    @property
    def _weight_of_friends(self) -> float:
        return float(self.resolved(self.snapshot)["friends"])


def _read(file: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(file, mmap_mode="r")
    return array if array.size > _MAPPED_VALUES else np.array(array)


def _read_sparse(file: Path) -> sp.csr_array:
    with file.open("rb") as opened:  # given a path, the reader leaves a damaged file open
        return sp.csr_array(sp.load_npz(opened))
