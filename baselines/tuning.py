"""The same small search for every baseline's settings: one setting at a time, judged on held-out watches."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from baselines.baseline import Baseline, silent
from baselines.recommender import Ints, Progress
from graph.snapshot import Snapshot

__all__ = ["CUTOFF", "Tuned", "ndcg", "tune"]

CUTOFF: Final = 20
"""The k of every NDCG@k that settings are chosen by."""
_JUDGED: Final = 2_000
"""Users on whom a setting is judged."""


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    settings: dict[str, Any]
    score: float
    """NDCG@`CUTOFF` of the best settings."""
    tried: int
    model: Baseline
    """The best model, still fitted on the part that it was tuned on."""


def ndcg(ids: Ints, held_out: sp.csr_array, k: int = CUTOFF) -> float:
    """Mean NDCG@k of rankings, with the held-out values as gains (all 1 in implicit mode).

    ``ids`` has shape (n, ≥k), -1 for nothing; row i of ``held_out`` belongs to row i of ``ids``, and rows without
    anything held out do not count.
    """
    gains = np.zeros((len(ids), k))
    for row in range(len(ids)):
        start, stop = held_out.indptr[row], held_out.indptr[row + 1]
        worth = dict(zip(held_out.indices[start:stop].tolist(), held_out.data[start:stop].tolist(), strict=True))
        gains[row] = [worth.get(content, 0.0) for content in ids[row, :k].tolist()]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.zeros(len(ids))
    for row in range(len(ids)):
        best = np.sort(held_out.data[held_out.indptr[row] : held_out.indptr[row + 1]])[::-1][:k]
        ideal[row] = best @ discounts[: len(best)]
    judged = ideal > 0
    return float((gains[judged] @ discounts / ideal[judged]).mean()) if judged.any() else 0.0


def tune(
    kind: type[Baseline],
    train: Snapshot,
    held_out: sp.csr_array,
    budget_s: float,
    progress: Progress | None = None,
    seed: int = 0,
) -> Tuned:
    """Search ``kind.space`` from the defaults, one setting after the other, as long as ``budget_s`` seconds last.

    ``held_out`` is users × contents. The defaults are always tried, so something always comes back; a setting whose
    trial would likely not end in time is not begun.
    """
    progress = progress or silent
    judged = np.flatnonzero(np.diff(held_out.indptr))
    if len(judged) > _JUDGED:
        judged = np.sort(np.random.default_rng(seed).choice(judged, _JUDGED, replace=False))
    worth = sp.csr_array(held_out[judged])
    begun = time.monotonic()

    def trial(settings: dict[str, Any]) -> Tuned:
        model = kind(**settings).fit(train)
        ids, _ = model.recommend(judged, min(CUTOFF, train.contents.count))
        padded = np.full((len(ids), CUTOFF), -1, dtype=np.int64)
        padded[:, : ids.shape[1]] = ids
        return Tuned(settings, ndcg(padded, worth), 1, model)

    best = trial({})
    tried = 1
    defaults = {field.name: field.default for field in fields(kind)}
    for name, values in kind.space.items():
        for value in values:
            if value == best.settings.get(name, defaults[name]):
                continue
            spent = time.monotonic() - begun
            if spent + spent / tried > budget_s:
                break
            progress(min(spent / budget_s, 1.0), f"{kind.name}: {name} {value}")
            found = trial({**best.settings, name: value})
            tried += 1
            if found.score > best.score:
                best = found
    return Tuned(best.settings, best.score, tried, best.model)
