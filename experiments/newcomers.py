"""How well people who came after the training are served, by the number of contents they have watched.

    python -m experiments.newcomers --watches 0,1,3,10

It uses the snapshot of the home folder. With times, models are trained on everything before the newest fifth of the
watches, without the users whose first watch came later; without times, a random tenth of the users is left out. These
users then arrive with their follows and the first contents they watched, and are judged on what they watched after
that. The models rank for them as in the service (`Recommender.newcomer_scores`), and are compared with models that are
fitted again with them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from evaluation.rank import rank
from graph.settings import load_settings
from graph.snapshot import NO_TIME, Edges, Nodes, Snapshot, hindsight, load
from graph.snapshot.ages import timed
from ranking import registry
from recommend.sources import AROUND
from recommenders.core.effort import Cap
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Ints, top_k

Mask = npt.NDArray[np.bool_]

K = 10
SINCE = 0.2
"""Share of the watches that came after the training."""


@dataclass(frozen=True)
class Newcomers:
    """Users who are new to a snapshot, ascending, and what was there before them."""

    snapshot: Snapshot
    users: Ints
    watched: Mask
    """Mask (E,) of the watches of other users that were there before."""
    followed: Mask
    """Mask (E,) of the follows among other users that were there before."""

    @classmethod
    def of(cls, snapshot: Snapshot, least: int) -> Newcomers:
        """The users with more than ``least`` watches, with times only those whose watches are all after the cut-off."""
        watched, follows = snapshot.watched, snapshot.follows
        there, known = np.ones(len(watched), dtype=bool), np.ones(len(follows), dtype=bool)
        active = np.diff(watched.indptr) > least
        if timed(snapshot):
            last = np.asarray(watched.columns["lastAt"])
            cutoff = np.quantile(last[last != NO_TIME], 1.0 - SINCE)
            there = last < cutoff
            known = np.asarray(follows.columns["since"]) < cutoff if "since" in follows.columns else known
            users = np.flatnonzero(active & (np.bincount(watched.source[there], minlength=len(active)) == 0))
        else:
            users = np.flatnonzero(active)
            users = np.sort(np.random.default_rng(0).choice(users, len(users) // 10, replace=False))
        new = np.zeros(len(active), dtype=bool)
        new[users] = True
        among = ~new[follows.source] & ~new[np.asarray(follows.target)]
        return cls(snapshot, users, there & ~new[watched.source], known & among)

    @property
    def before(self) -> Snapshot:
        """The training part: newcomers have no watches, no follows and no followers."""
        return self._with(self.watched, self.followed)

    def come(self, first: int) -> Holdout:
        """The snapshot with the newcomers' follows and ``first`` contents; they are judged on their other watches."""
        watched = self.snapshot.watched
        theirs = np.isin(watched.source, self.users)
        held = theirs & (_order(watched) >= first)
        coordinates = watched.source[held], np.asarray(watched.target)[held]
        shape = (self.snapshot.users.count, self.snapshot.contents.count)
        part = sp.csr_array((np.ones(int(held.sum()), dtype=np.float32), coordinates), shape=shape)
        follows = self.snapshot.follows
        around = np.isin(follows.source, self.users) | np.isin(follows.target, self.users)
        train = self._with(self.watched | (theirs & ~held), self.followed | around)
        return Holdout(f"{first} watched", train, part, self.users)

    def _with(self, watched: Mask, followed: Mask) -> Snapshot:
        edges = self.snapshot.watched.keep(watched), self.snapshot.follows.keep(followed)
        return hindsight.emptied(self.snapshot.with_edges(edges[0]).with_edges(edges[1]))


def _order(watched: Edges) -> Ints:
    """Position of each watch among its user's watches, 0 for the first, random without times; shape (E,)."""
    at = watched.columns.get("firstAt", watched.columns.get("lastAt"))
    key = np.asarray(at) if at is not None else np.random.default_rng(0).random(len(watched))
    place = np.empty(len(watched), dtype=np.int64)
    starts = np.repeat(np.asarray(watched.indptr[:-1]), np.diff(watched.indptr))
    place[np.lexsort((key, watched.source))] = np.arange(len(watched)) - starts
    return place


def fitted(name: str, snapshot: Snapshot, minutes: float) -> Recommender:
    """The model called ``name``, trained for at most ``minutes``."""
    model = registry.make(name)
    return model.fit(snapshot, FitOptions(cap=Cap(minutes)))


def properties(nodes: Nodes, nid: int) -> dict[str, Any]:
    """Properties of a node as in the graph."""
    row = nodes.frame.row(nid, named=True)
    return {name: value for name, value in row.items() if value is not None and value != NO_TIME}


def unseen(model: Recommender, split: Holdout) -> Ints:
    """The best contents of the split's users by a model that never saw them; if it cannot rank, popular contents."""
    watched, follows = split.train.watched, split.train.follows
    by = follows.incoming
    new = np.zeros(split.train.users.count, dtype=bool)
    new[split.users] = True  # the model knows none of these, who may follow each other
    audience = np.diff(watched.incoming.indptr).astype(np.float32)
    around = (watched.indptr, watched.target), (follows.indptr, follows.target), (by.indptr, by.neighbour)
    found = np.full((len(split.users), K), -1, dtype=np.int64)
    for row, user in enumerate(split.users):
        seen, followed, followers = (
            np.asarray(ends[indptr[user] : indptr[user + 1]], dtype=np.int64) for indptr, ends in around
        )
        known = (nids[~new[nids]][: AROUND["people"]] for nids in (followed, followers))
        told = properties(split.train.users, int(user))
        scores = model.newcomer_scores(seen[-AROUND["watches"] :], *known, properties=told)
        if scores is None:
            scores = audience.copy()
        scores[seen] = -np.inf
        found[row] = top_k(scores[None, :], K)[0][0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", default="0,1,3,10", help="comma-separated: how many contents newcomers watched")
    parser.add_argument("--models", default="pipeline,gat,item-knn,friends-items,popularity", help="never saw them")
    parser.add_argument("--anew", default="gat,item-knn,friends-items,als", help="fitted again with them")
    parser.add_argument("--budget", type=float, default=4.0, help="most minutes of a fit")
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    chosen = parser.parse_args()
    snapshot = load(chosen.snapshot or load_settings().snapshot_path)
    firsts = [int(first) for first in chosen.watches.split(",")]
    newcomers = Newcomers.of(snapshot, max(firsts))
    users, before = newcomers.users, newcomers.before
    models = {name: fitted(name, before, chosen.budget) for name in chosen.models.split(",")}
    rows: dict[str, list[str]] = {}
    for first in firsts:
        split = newcomers.come(first)
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
