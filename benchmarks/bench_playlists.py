"""Cost of the models of next tracks at the size of the playlist notebook, on generated lists.

    python -m benchmarks.bench_playlists [--lists 100000] [--models track2vec,track2vec-network]

A list has twelve tracks on average, drawn with a power law from 338,509. The lists say nothing about quality.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import polars as pl

from evaluation.next_track import Titles, split
from ranking import registry
from recommenders.sequences import Sequences
from recommenders.track2vec import NOTEBOOK

TRACKS = 338_509


def generated(lists: int, seed: int = 0) -> Sequences:
    """Lists of geometric length, tracks by a power law."""
    random = np.random.default_rng(seed)
    lengths = np.minimum(random.geometric(1 / 12.1, lists), 100)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    weights = np.cumsum(1.0 / np.arange(10, TRACKS + 10) ** 0.8)
    items = np.searchsorted(weights, random.random(int(indptr[-1])) * weights[-1])
    return Sequences(indptr, items.astype(np.int64), TRACKS)


def main() -> None:
    """Print seconds for fits and for ranking all test lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=100_000)
    parser.add_argument("--models", default="co-occurrence,vsknn,track2vec,track2vec-network")
    told = parser.parse_args()
    lists = generated(told.lists)
    ids = pl.Series("contentId", [f"tracks/{number}" for number in range(TRACKS)])
    began = time.perf_counter()
    part = split(lists, Titles(ids, pl.Series("artist", [None] * TRACKS, dtype=pl.String)))
    print(f"cut: {time.perf_counter() - began:.1f} s, {len(part.contexts.items):,} tracks to learn from", flush=True)
    for name in told.models.split(","):
        settings = NOTEBOOK if name.startswith("track2vec") else {}
        began = time.perf_counter()
        model = registry.make(name, **settings).fit(part.ordered)
        fitted = time.perf_counter()
        part.rank(model, 10)
        print(f"{name}: fit {fitted - began:.1f} s, rank {time.perf_counter() - fitted:.1f} s", flush=True)


if __name__ == "__main__":
    main()
