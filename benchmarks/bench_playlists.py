"""Cost of the models of next tracks at the size of the playlist notebook, on generated lists.

    python -m benchmarks.bench_playlists [--lists 100000] [--models track2vec,track2vec-network]

The lists are those of `benchmarks.playlists_shape`; they say nothing about quality. The whole suite at this size:
``python -m benchmarks.playlists_shape FOLDER``, then ``entourage evaluate --suite playlists --data FOLDER``.
"""

from __future__ import annotations

import argparse
import time

import polars as pl

from benchmarks.playlists_shape import LISTS, TRACKS, generated
from evaluation.next_track import Titles, split
from ranking import registry
from recommenders.track2vec import NOTEBOOK


def main() -> None:
    """Print seconds for fits and for ranking all test lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=LISTS)
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
