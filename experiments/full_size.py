"""Quality and cost of models on a generated network of any size, and the ceiling of quality.

    python -m experiments.full_size FOLDER --models popularity,als,ease,pipeline --budget 50 --out full_size.json

FOLDER is what `entourage generate` wrote, for its ground truth; the snapshot is that of the home folder. Everything
since the truth's cut-off is held out. Each model is fitted in a process of its own, so that peaks of memory are
separate, and ranks all contents for the probed users, whose ceiling is known, and for random other users.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peak import peak_gib
from evaluation.rank import rank
from evaluation.splits import temporal
from generator import truth
from graph.settings import load_settings
from graph.snapshot import Snapshot, load
from ranking import registry
from recommenders.core.effort import Cap, Effort
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.options import FitOptions

K = 10
OTHERS = 2_000
"""Random judged users besides the probed ones."""


@dataclass(frozen=True)
class Result:
    model: str
    ndcg: float
    """NDCG@10 over the random users."""
    error: float
    """The standard error of this mean."""
    probed_ndcg: float
    """NDCG@10 over the probed users, to compare with the ceiling."""
    fit_s: float
    rank_s: float
    peak_gib: float
    epochs: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    """The pipeline's own figures: every model on the validation part, weights, settings."""


def judged_users(snapshot: Snapshot, folder: Path) -> tuple[truth.Truth, float, np.ndarray, np.ndarray]:
    """Ground truth, ceiling, nids of the users it is known for and of random others, all with held-out watches."""
    true = truth.load(folder)
    split = temporal(snapshot, cutoff=true.facts["cutoff"])
    seen = split.train.interactions()
    ceiling, probed = truth.ceiling(true, snapshot.users.ids, snapshot.contents.ids, seen, split.held_out, K)
    known = split.users[np.diff(seen.indptr)[split.users] > 0]
    others = np.random.default_rng(0).choice(known, min(OTHERS, len(known)), replace=False)
    return true, ceiling, probed, np.sort(others)


def fit(
    name: str,
    snapshot_path: Path,
    cutoff: int,
    probed: np.ndarray,
    others: np.ndarray,
    effort: Effort,
    budget: float | None,
) -> Result:
    split = temporal(load(snapshot_path), cutoff=cutoff)
    began, said = time.perf_counter(), [0.0]

    def progress(share: float, what: str) -> None:
        if time.perf_counter() - said[0] > 20:
            said[0] = time.perf_counter()
            print(f"  {said[0] - began:6.0f} s  {share:4.0%}  {what}", flush=True)

    options = FitOptions(effort=effort, cap=Cap(budget), progress=progress)
    model = registry.make(name).fit(split.train, options)
    fit_s = time.perf_counter() - began
    peak = peak_gib()
    values = []
    for users in (others, probed):
        ids = rank(model, replace(split, users=users), K)
        values.append(ndcg(judge(ids, split.held_out[users]), K))
    error = float(values[0].std() / np.sqrt(len(values[0])))
    rank_s = time.perf_counter() - began - fit_s
    epochs, metrics = int(model.fitted_settings.get("epochs", 0)), dict(model.metrics)
    return Result(name, float(values[0].mean()), error, float(values[1].mean()), fit_s, rank_s, peak, epochs, metrics)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="popularity,als,ease,gat,pipeline")
    parser.add_argument("--effort", type=Effort, default=Effort.NORMAL, help="quick, normal or thorough")
    parser.add_argument("--budget", type=float, help="most minutes of a fit")
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    chosen = parser.parse_args()
    path = chosen.snapshot or load_settings().snapshot_path
    true, ceiling, probed, others = judged_users(load(path), chosen.folder)
    console, results = Console(), []
    console.print(
        f"{len(others):,} random users, and {len(probed):,} with a ceiling of {100 * ceiling:.2f} % NDCG@{K}."
    )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for name in chosen.models.split(","):
            result = pool.submit(
                fit, name, path, true.facts["cutoff"], probed, others, chosen.effort, chosen.budget
            ).result()
            results.append(result)
            print(result, flush=True)
            if chosen.out:
                told = {
                    "ceiling": ceiling,
                    "users": len(others),
                    "probed": len(probed),
                    "effort": chosen.effort,
                    "budget_min": chosen.budget,
                }
                chosen.out.write_text(json.dumps(told | {"models": [asdict(r) for r in results]}, indent=1) + "\n")
    table = Table("model", f"NDCG@{K}", "±", "of the probed", "of the ceiling", "fit s", "rank s", "peak GiB", "epochs")
    for r in results:
        share = f"{r.probed_ndcg / ceiling:.0%}"
        costs = (f"{r.fit_s:.0f}", f"{r.rank_s:.0f}", f"{r.peak_gib:.1f}", str(r.epochs or ""))
        shown = (f"{100 * r.ndcg:.2f}", f"{100 * r.error:.2f}", f"{100 * r.probed_ndcg:.2f}")
        table.add_row(r.model, *shown, share, *costs)
    console.print(table)


if __name__ == "__main__":
    main()
