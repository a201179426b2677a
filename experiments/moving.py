"""NDCG of the next watch, with scores that follow what a person has done since the training and with those of then.

    python -m experiments.moving --after 1,3,10

It uses the snapshot of the home folder. Models are trained on everything before the newest fifth of the watches. The
first later watches of a known person are told to the model (`Recommender.moved_scores`), and the next one is to be
found among all that the person has not watched yet. Judged are people with more later watches than are told at most.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from evaluation.significance import bootstrap_interval
from graph.settings import load_settings
from graph.snapshot import Snapshot, load
from ranking import registry
from recommenders.core.effort import Effort
from recommenders.core.holdout import Holdout, validation
from recommenders.core.ndcg import Values, judge, ndcg
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, top_k

K = 10
SINCE = 0.2
"""Share of the watches that came after the training."""


@dataclass(frozen=True)
class Later:
    """What one known person watched after the training, in the order of time."""

    user: int
    contents: Ints
    engagement: Floats


def later(snapshot: Snapshot, part: Holdout, least: int) -> list[Later]:
    """The known people with at least ``least`` later watches of contents that are new to them."""
    last = np.asarray(snapshot.watched.columns["lastAt"])
    found = []
    for user in part.users[np.diff(part.train.watched.indptr)[part.users] > 0].tolist():
        row = sp.csr_array(part.held_out[[user]])
        if row.nnz < least:
            continue
        start, stop = snapshot.watched.indptr[user], snapshot.watched.indptr[user + 1]
        at = dict(zip(snapshot.watched.target[start:stop].tolist(), last[start:stop].tolist(), strict=True))
        order = np.lexsort((row.indices, [at[content] for content in row.indices.tolist()]))
        found.append(Later(user, row.indices[order].astype(np.int64), row.data[order]))
    return found


def found(model: Recommender, train: Snapshot, people: list[Later], after: int, *, moves: bool) -> tuple[Values, float]:
    """NDCG@10 of each person's next watch after ``after`` later ones, and milliseconds a person."""
    best = np.full((len(people), K), -1, dtype=np.int64)
    spent = 0.0
    for row, person in enumerate(people):
        now = Today.of(train, person.user).with_watches(person.contents[:after], person.engagement[:after])
        began = time.perf_counter()
        moved = model.moved_scores(now) if moves else None
        scores = np.array(model.scores(np.array([person.user]))[0] if moved is None else moved)
        spent += time.perf_counter() - began
        if (known := model.known_contents) is not None:
            scores[~known] = -np.inf
        scores[now.watched] = -np.inf
        best[row] = top_k(scores[None, :], K)[0][0]
    held = np.array([person.contents[after] for person in people])
    ones = np.ones(len(people), dtype=np.float32), (np.arange(len(people)), held)
    held_out = sp.csr_array(ones, shape=(len(people), train.contents.count))
    return ndcg(judge(best, held_out), K), 1_000 * spent / len(people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--after", default="1,3,10", help="comma-separated: how many later watches the model is told")
    parser.add_argument("--models", default="pipeline,gat,ease,item-knn,als,gf-cf")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    chosen = parser.parse_args()
    snapshot = load(chosen.snapshot or load_settings().snapshot_path)
    afters = [int(after) for after in chosen.after.split(",")]
    part = validation(snapshot, share=SINCE, seed=chosen.seed)
    people = later(snapshot, part, max(afters) + 1)
    print(f"{part.name}: {len(people):,} people", flush=True)
    table = Table("model", "after", "NDCG@10 of then, %", "of now, %", "difference, 95 %", "ms then", "ms now")
    for name in chosen.models.split(","):
        model = registry.make(name).fit(part.train, FitOptions(seed=chosen.seed, effort=Effort.QUICK))
        for after in afters:
            then, ms_then = found(model, part.train, people, after, moves=False)
            now, ms_now = found(model, part.train, people, after, moves=True)
            low, high = bootstrap_interval(100 * (now - then))
            told = f"{100 * (now - then).mean():+.2f} ({low:+.2f} … {high:+.2f})"
            row = name, str(after), f"{100 * then.mean():.2f}", f"{100 * now.mean():.2f}", told
            table.add_row(*row, f"{ms_then:.1f}", f"{ms_now:.1f}")
            print(*row, flush=True)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
