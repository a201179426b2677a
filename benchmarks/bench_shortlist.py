"""What one person's list costs the pipeline: from whole rows of scores, and without them.

    python -m benchmarks.bench_shortlist --home .entourage/demo

Uses the snapshot and the trained pipeline of the home; no service and no Neo4j. For the same random people with
watches it prints the processor time of `Recommender.recommend` and of `Pipeline.shortlist`, of the second also by
model, and how many of the best contents both name.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table as Printed
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.peak import peak_gib
from graph.settings import load_settings
from graph.snapshot import load
from ranking import registry
from ranking.pipeline import Pipeline

BEST: Final = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    settings = load_settings(**({"home": chosen.home} if chosen.home else {}))
    threadpool_limits(1, user_api="blas")  # as in the service
    snapshot = load(settings.snapshot_path)
    model = registry.open_trained("pipeline", settings, snapshot)
    assert isinstance(model, Pipeline)
    active = np.flatnonzero(np.diff(snapshot.watched.indptr))
    users = np.random.default_rng(chosen.seed).choice(active, chosen.users + 1).tolist()
    spent: dict[str, list[float]] = defaultdict(list)
    alike = []
    for place, user in enumerate(users):
        began = time.process_time()
        whole = model.recommend(user, BEST)[0]
        middle = time.process_time()
        short = model.shortlist(user)
        if short is None:
            raise SystemExit("This pipeline has no shortlist: it has no ranker, or a model that scores whole rows.")
        if place == 0:  # compiles, and reads from the disk
            continue
        spent["whole rows: recommend"].append(middle - began)
        spent["shortlist"].append(time.process_time() - middle)
        spent["contents in it"].append(len(short[0]) / 1_000)
        alike.append(len(np.intersect1d(whole, short[0][:BEST])) / max(1, len(whole)))
        seen = np.unique(snapshot.watched.target[snapshot.watched.indptr[user] : snapshot.watched.indptr[user + 1]])
        for name in model._second.models:
            began = time.process_time()
            one = model._first.models[name].one_user(user)
            one.sums()
            one.best(model._second.depth, seen.astype(np.int64))
            spent[f"of that, {name}"].append(time.process_time() - began)
    table = Printed(
        "ms of the processor a person",
        "mean",
        "p95",
        title=f"{len(alike)} people, {snapshot.contents.count:,} contents",
    )
    for name, values in spent.items():
        table.add_row(name, f"{1_000 * np.mean(values):.2f}", f"{1_000 * np.percentile(values, 95):.2f}")
    console = Console(width=100)
    console.print(table)
    console.print(f"Of the {BEST} best of both, {np.mean(alike):.2%} are the same. Peak {peak_gib():.1f} GiB.")


if __name__ == "__main__":
    main()
