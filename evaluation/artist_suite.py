"""The suite ``artists``: whose listeners an artist shares, predicted by the notebook's network, ours, and others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from evaluation.artist_data import AT, Data, Listens, cut, measure
from evaluation.artist_models import ArtistModel, Bench
from evaluation.artist_notebook import AS_IT_STANDS, Faults, notebook_network
from evaluation.significance import bootstrap_interval
from recommenders.core.ndcg import Values
from recommenders.core.options import Progress, part_of

__all__ = ["FIGURES", "Board", "Fault", "Row", "run"]

FIGURES: Final = (*(f"MAP@{k}" for k in AT), "NDCG@20")
_NOTEBOOK_BATCH: Final = 1_000
_MENDED: Final = "notebook's network, mended"
_GENERATED: Final = 64
"""Numbers a row of each of three generated matrices, for the cost of the notebook's input."""
_COUNTED: Final = "Targets are counted from the listens instead."
_LEAST: Final = 2
"""Sizes of rows from which on an order can be told."""

Make = Callable[[Bench], ArtistModel]
_MODELS: Final[dict[str, Make]] = {
    "popularity": lambda bench: bench.popularity(),
    "SVD cosine": lambda bench: bench.cosine(),
    "k-means on SVD vectors": lambda bench: bench.clusters(of_rows=False),
    "k-means on rows of common listeners": lambda bench: bench.clusters(of_rows=True),
    "item-knn": lambda bench: bench.knn(),
    "gat": lambda bench: bench.gat(),
    "notebook's network, as it stands": lambda bench: bench.notebook(mixed_up=True),
    _MENDED: lambda bench: bench.notebook(Faults()),
    "profile-network, 64 wide": lambda bench: bench.network(64),
    "profile-network, 256 wide": lambda bench: bench.network(256),
    "profile-network, 64 wide, friends' vectors beside": lambda bench: bench.network(64, "friends"),
    "profile-network, 64 wide, GAT's vectors": lambda bench: bench.network(64, "gat"),
}
_FAULTS: Final[dict[str, Make]] = {
    "numbers of the vectors as indices of an embedding": lambda bench: bench.notebook(Faults(as_indices=True)),
    "outputs of the softmax taken for logits": lambda bench: bench.notebook(Faults(softmax_as_logits=True)),
    "AdaGrad, one pass": lambda bench: bench.notebook(Faults(one_pass=True)),
    "targets ordered by listeners beside features ordered by id": lambda bench: bench.notebook(Faults(), mixed_up=True),
    "SVD of the listeners who also make the targets (leaks)": lambda bench: bench.notebook(Faults(), what="all"),
}


@dataclass(frozen=True)
class Row:
    """One model's figures for each held-out artist."""

    model: str
    values: dict[str, Values]
    settings: dict[str, Any]
    processor_seconds: float

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % bootstrap interval of the mean MAP@10 over artists."""
        return bootstrap_interval(self.values["MAP@10"])


@dataclass(frozen=True)
class Fault:
    """MAP@10 and NDCG@20 of the mended network with one fault of the notebook put back."""

    name: str
    average_precision: float
    ndcg: float
    note: str = ""


@dataclass
class Board:
    """The tables of the suite, with the sizes of its data."""

    data: Data
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """The first is the mended network without any."""
    components: dict[str, dict[int, float]] = field(default_factory=dict)
    """Model → number of components or clusters → MAP@10 on the validation artists."""
    spread_within: dict[str, dict[int, float]] = field(default_factory=dict)
    held_out: float = 0.0
    """Mean number of other artists with a listener in common, of a held-out artist."""
    generated: tuple[int, float] | None = None
    """Artists, and processor seconds of the notebook's pass over three generated matrices for them."""
    targets_told: str = ""


def run(listens: Listens, *, seed: int = 0, models: tuple[str, ...] | None = None, progress: Progress) -> Board:
    """Fit and judge ``models``, or all, and put each fault back into the mended network.

    Raises InputError where too few artists have listeners in both halves.
    """
    data = cut(listens, seed)
    board = Board(data, targets_told=_targets_told(data))
    together = (data.second[:, data.test].T @ data.second > 0).sum(axis=1)
    board.held_out = float(np.asarray(together).mean()) - 1.0
    chosen = [name for name in _MODELS if models is None or name in models]
    steps = len(chosen) + (len(_FAULTS) if models is None else 0)
    made: dict[str, ArtistModel] = {}
    bench = Bench(data, progress)
    for place, name in enumerate(chosen):
        bench.progress = part_of(progress, place / steps, (place + 1) / steps)
        bench.progress(0.0, name)
        began = time.process_time()
        made[name] = _MODELS[name](bench)
        values = measure(made[name].scores(data.test), data.test, data)
        board.rows.append(Row(name, values, made[name].settings, time.process_time() - began))
    board.components, board.spread_within = bench.chosen, bench.spread_within
    board.rows.sort(key=lambda row: -row.values["MAP@10"].mean())
    if models is None:
        _faults(board, bench, made[_MENDED], progress, len(chosen) / steps)
        board.generated = _cost(data)
    return board


def _faults(board: Board, bench: Bench, mended: ArtistModel, progress: Progress, start: float) -> None:
    data = board.data
    scores = mended.scores(data.test)
    whole = measure(scores, data.test, data)
    board.faults.append(_fault("none: the mended network", whole))
    told = bench.told_indices()
    for place, (name, make) in enumerate(_FAULTS.items()):
        progress(start + (1.0 - start) * place / len(_FAULTS), name)
        note = f"{told[0]} indices; {told[1]:.0%} of the numbers have the same" if "indices" in name else ""
        board.faults.append(_fault(name, measure(make(bench).scores(data.test), data.test, data), note))
    board.faults.append(
        _fault(
            "the 21 best taken unsorted",
            measure(scores, data.test, data, in_order=False),
            "the same network; their order is undefined, here random",
        )
    )
    right, counted = (-(-len(part) // _NOTEBOOK_BATCH) for part in (data.test, data.train))
    share = right / counted
    board.faults.append(
        Fault(
            "test batches counted by the training set",
            share * float(whole["MAP@10"].mean()),
            share * float(whole["NDCG@20"].mean()),
            f"{counted} batches where {right} hold artists: the mean of an empty one is no number; counted as 0 here",
        )
    )


def _fault(name: str, values: dict[str, Values], note: str = "") -> Fault:
    return Fault(name, float(values["MAP@10"].mean()), float(values["NDCG@20"].mean()), note)


def _cost(data: Data) -> tuple[int, float]:
    """The notebook's pass over likes, playlists and tags, generated: for cost alone."""
    random = np.random.default_rng(data.seed)
    count = len(data.train)
    matrices = [random.standard_normal((count, _GENERATED)).astype(np.float32) for _ in range(3)]
    began = time.process_time()
    notebook_network(matrices, data.targets, AS_IT_STANDS)
    return count, time.process_time() - began


def _targets_told(data: Data) -> str:
    """Whether the published targets have the order of ids or of listeners, where there are any."""
    published = data.listens.published
    if published is None or published.targets is None:
        return ""
    listeners = np.diff(np.asarray(data.listens.matrix.tocsc().indptr))
    rows = published.targets
    sizes = np.diff(rows.indptr)
    shape = f"train_matrix.npz has {rows.shape[0]:,} × {rows.shape[1]:,}; "
    if len(np.unique(sizes)) < _LEAST:
        return f"{shape}all of its rows are of one size, so their order cannot be told. {_COUNTED}"
    by_listeners = np.sort(listeners)[::-1]
    same = {
        "ids": float(np.corrcoef(sizes, listeners[: len(sizes)])[0, 1]),
        "listeners": float(np.corrcoef(sizes, by_listeners[: len(sizes)])[0, 1]),
    }
    order = max(same, key=lambda one: same[one])
    return (
        f"{shape}its rows seem to be in the order of {order} "
        f"(correlation of their sizes with listeners: by id {same['ids']:.2f}, by listeners {same['listeners']:.2f}). "
        f"{_COUNTED}"
    )
