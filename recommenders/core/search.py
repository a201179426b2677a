"""The same small search for every baseline's settings: one setting at a time, in rounds, on held-out watches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from recommenders.baseline import Baseline, silent
from recommenders.core.recommender import Ints, Progress

__all__ = ["CUTOFF", "Tuned", "ndcg", "says_nothing", "tune"]

CUTOFF: Final = 20
"""The k of every NDCG@k that settings are chosen by."""
_JUDGED: Final = 6_000
"""Users on whom a setting is judged."""
_TIMED: Final = frozenset({"half_life", "fashion"})
"""Settings that do nothing where no times are known."""


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


def says_nothing(name: str, snapshot: Snapshot) -> bool:
    """Whether a setting of this name changes nothing here: what fades without times, or friends without follows."""
    return (name in _TIMED and not timed(snapshot)) or (name == "friends" and not len(snapshot.follows))


def tune(
    kind: type[Baseline],
    train: Snapshot,
    held_out: sp.csr_array,
    budget_s: float,
    progress: Progress | None = None,
    seed: int = 0,
    *,
    start: Mapping[str, Any] | None = None,
    space: Mapping[str, Sequence[Any]] | None = None,
) -> Tuned:
    """Search ``space`` from ``start``, one setting after the other, in rounds, as long as ``budget_s`` seconds last.

    ``held_out`` is users × contents; without ``space`` and ``start`` they are the kind's own space and defaults. The
    start is always tried, so something always comes back; a trial that would likely not end in time is not begun.
    """
    progress = progress or silent
    judged = np.flatnonzero(np.diff(held_out.indptr))
    if len(judged) > _JUDGED:
        judged = np.sort(np.random.default_rng(seed).choice(judged, _JUDGED, replace=False))
    worth = sp.csr_array(held_out[judged])
    begun = time.monotonic()

    def trial(settings: dict[str, Any], model: Baseline) -> Tuned:
        ids, _ = model.recommend(judged, CUTOFF)
        return Tuned(settings, ndcg(ids, worth), 1, model)

    start = dict(start or {})
    best = trial(start, kind(**start).fit(train))
    longest = time.monotonic() - begun
    tried = {_key(best.model.resolved(train))}
    before: Tuned | None = None
    while before is not best:  # one round more after every round that found something
        before = best
        for name, values in (kind.space if space is None else space).items():
            if says_nothing(name, train):
                continue
            for value in values:
                changed = {**best.model.resolved(train), name: value}
                spent = time.monotonic() - begun
                if _key(changed) in tried:
                    continue
                if spent + (0.0 if name in kind.late else longest) > budget_s:
                    break
                progress(min(spent / budget_s, 1.0), f"{kind.name}: {name} {value}")
                found = trial({**best.settings, name: value}, best.model.with_settings(**{name: value}))
                longest = max(longest, time.monotonic() - begun - spent)
                tried.add(_key(changed))
                if found.score > best.score:
                    best = found
    return Tuned(best.settings, best.score, len(tried), best.model)


def _key(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in settings.items()))
