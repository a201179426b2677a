"""How well somebody is served whom training never saw, by how many contents they have watched since.

    python -m benchmarks.newcomers --watches 0,1,3,10

On the snapshot of the home folder. A tenth of the users is taken out of it, their follows with them, and models are
trained on the rest. Then they come: with the people they follow and the first contents they watched, and are judged by
what they watched after. The models rank for them as the service lets them (`Recommender.newcomer_scores`), and are
compared to some that were fitted anew with them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from baselines.recommender import Ints, Recommender, top_k
from evaluation.metrics import judge, ndcg
from evaluation.rank import rank
from evaluation.splits import Split
from gnn.recommender import GraphNetwork
from graph import hindsight
from graph.settings import load_settings
from graph.snapshot import Edges, Snapshot, load
from ranking import registry

K = 10


def newcomers(snapshot: Snapshot, share: float, least: int) -> Ints:
    """A random ``share`` of those who watched more than ``least`` contents, ascending."""
    active = np.flatnonzero(np.diff(snapshot.watched.indptr) > least)
    return np.sort(np.random.default_rng(0).choice(active, round(share * len(active)), replace=False))


def order(watched: Edges) -> Ints:
    """Which of a user's watches it was, from 0 for the first, at random without times; shape (E,)."""
    at = watched.columns.get("firstAt", watched.columns.get("lastAt"))
    key = np.asarray(at) if at is not None else np.random.default_rng(0).random(len(watched))
    sorted_ = np.lexsort((key, watched.source))
    place = np.empty(len(watched), dtype=np.int64)
    place[sorted_] = np.arange(len(watched)) - np.repeat(watched.indptr[:-1], np.diff(watched.indptr))
    return place


def splits(snapshot: Snapshot, users: Ints, first: int) -> Split:
    """The snapshot in which ``users`` watched their ``first`` contents only, judged by the rest."""
    watched = snapshot.watched
    new = np.isin(watched.source, users)
    held = new & (order(watched) >= first)
    coordinates = watched.source[held], np.asarray(watched.target)[held]
    shape = (snapshot.users.count, snapshot.contents.count)
    part = sp.csr_array((np.ones(int(held.sum()), dtype=np.float32), coordinates), shape=shape)
    return Split(f"{first} watched", hindsight.emptied(snapshot.with_edges(watched.keep(~held))), part, users)


def without(snapshot: Snapshot, users: Ints) -> Snapshot:
    """The snapshot in which ``users`` watched nothing, follow nobody, and nobody follows them."""
    new = np.zeros(snapshot.users.count, dtype=bool)
    new[users] = True
    follows, watched = snapshot.follows, snapshot.watched
    rest = snapshot.with_edges(watched.keep(~new[watched.source]))
    return hindsight.emptied(rest.with_edges(follows.keep(~new[follows.source] & ~new[np.asarray(follows.target)])))


def fitted(name: str, snapshot: Snapshot, minutes: float) -> Recommender:
    """The model called ``name``, trained for so long at most where it can take long."""
    model = registry.make(name, **({"budget_min": minutes} if name == "gat" else {}))
    return model.fit(snapshot, budget_s=60 * minutes) if isinstance(model, GraphNetwork) else model.fit(snapshot)


def unseen(model: Recommender, split: Split) -> Ints:
    """The best contents of the split's users as a model ranks them that never saw them; else the most watched ones."""
    watched, follows = split.train.watched, split.train.follows
    by = follows.incoming
    audience = np.diff(watched.incoming.indptr).astype(np.float32)
    around = (watched.indptr, watched.target), (follows.indptr, follows.target), (by.indptr, by.neighbour)
    found = np.full((len(split.users), K), -1, dtype=np.int64)
    for row, user in enumerate(split.users):
        seen, followed, followers = (
            np.asarray(ends[indptr[user] : indptr[user + 1]], dtype=np.int64) for indptr, ends in around
        )
        scores = model.newcomer_scores(seen, followed, followers)
        if scores is None:
            scores = audience.copy()
        scores[seen] = -np.inf
        found[row] = top_k(scores[None, :], K)[0][0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", default="0,1,3,10", help="comma-separated: how many contents newcomers watched")
    parser.add_argument("--models", default="gat,gnn,item-knn,friends-items,popularity", help="that never saw them")
    parser.add_argument("--anew", default="gnn,item-knn,friends-items,als", help="fitted anew with them")
    parser.add_argument("--share", type=float, default=0.1, help="of the users who are newcomers")
    parser.add_argument("--budget", type=float, default=4.0, help="minutes of training for gat and gnn")
    parser.add_argument("--snapshot", type=Path, help="else the one in the home folder")
    chosen = parser.parse_args()
    snapshot = load(chosen.snapshot or load_settings().snapshot_path)
    firsts = [int(first) for first in chosen.watches.split(",")]
    users = newcomers(snapshot, chosen.share, max(firsts))
    before = without(snapshot, users)
    models = {name: fitted(name, before, chosen.budget) for name in chosen.models.split(",")}
    rows: dict[str, list[str]] = {}
    for first in firsts:
        split = splits(snapshot, users, first)
        began = time.perf_counter()
        ranked = {name: unseen(model, split) for name, model in models.items()}
        print(f"{1000 * (time.perf_counter() - began) / len(users):.1f} ms a newcomer, all models", flush=True)
        for name in filter(None, chosen.anew.split(",")):
            ranked[f"{name}, fitted with them"] = rank(fitted(name, split.train, chosen.budget), split, K)
        for name, ids in ranked.items():
            values = 100 * ndcg(judge(ids, split.held_out[split.users]), K)
            rows.setdefault(name, []).append(f"{values.mean():.1f} ± {values.std() / np.sqrt(len(values)):.1f}")
            print(f"{split.name}: {name} {rows[name][-1]}", flush=True)
    table = Table(f"NDCG@{K} of {len(users):,} newcomers, %", *(f"{first} watched" for first in firsts))
    for name, figures in rows.items():
        table.add_row(name, *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
