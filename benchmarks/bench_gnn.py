"""Cost of the graph network of a large graph: seconds for a step and for embedding all nodes, and peak memory.

    python -m benchmarks.bench_gnn --neighbours 0,10 --steps 3
    python -m benchmarks.bench_gnn --neighbours 10 --sampled 0,16384

It uses the snapshot of the home folder. Each setting runs in a process of its own, so that peaks are separate. The
first step, which compiles and allocates, is reported separately.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peak import peak_gib
from graph.settings import load_settings
from graph.snapshot import load


@dataclass(frozen=True)
class Cost:
    neighbours: int
    """Edges of a relation into one node that a step draws; 0 takes all edges, less the dropped ones."""
    sampled: int
    """Contents that the users of a step are compared with; 0 takes all."""
    edges: int
    steps_per_pass: int
    prepare_s: float
    first_step_s: float
    step_s: float
    embed_s: float
    peak_gib: float

    @property
    def all_users_minutes(self) -> float:
        return self.steps_per_pass * self.step_s / 60


def measure(path: Path, neighbours: int, sampled: int, steps: int) -> Cost:
    from gnn.config import SMALLER, GnnConfig
    from gnn.fitting import make_trainer

    began = time.perf_counter()
    told = {"neighbours": neighbours, "sampled_items": sampled, "device": "cpu"}
    config = GnnConfig.model_validate({**SMALLER, **told})
    run = make_trainer(config, load(path))
    edges = run.topology.edges
    prepare_s = time.perf_counter() - began
    times = []
    for step in range(steps + 1):
        began = time.perf_counter()
        run.step(run.batches.users_of(step))
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    run.embed()
    embed_s = time.perf_counter() - began
    step_s = float(np.mean(times[1:]))
    return Cost(
        neighbours, sampled, edges, run.batches.steps_per_pass, prepare_s, times[0], step_s, embed_s, peak_gib()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbours", default="0,10", help="comma-separated; 0 takes all edges")
    parser.add_argument("--sampled", default="0", help="comma-separated; 0 compares with all contents")
    parser.add_argument("--steps", type=int, default=3, help="steps timed after the first one, at least one")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    chosen = parser.parse_args()
    path = load_settings().snapshot_path
    costs = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for neighbours, sampled in product(*(map(int, c.split(",")) for c in (chosen.neighbours, chosen.sampled))):
            costs.append(pool.submit(measure, path, neighbours, sampled, max(1, chosen.steps)).result())
            print(costs[-1], flush=True)
    table = Table(
        "neighbours", "compared", "edges", "first step s", "step s", "steps for all users", "min", "embed s", "peak GiB"
    )
    for c in costs:
        figures = (f"{c.first_step_s:.1f}", f"{c.step_s:.1f}", str(c.steps_per_pass), f"{c.all_users_minutes:.1f}")
        table.add_row(
            str(c.neighbours),
            f"{c.sampled:,}" if c.sampled else "all",
            f"{c.edges:,}",
            *figures,
            f"{c.embed_s:.1f}",
            f"{c.peak_gib:.1f}",
        )
    Console().print(table)
    if chosen.out:
        told = [asdict(c) | {"all_users_minutes": c.all_users_minutes} for c in costs]
        chosen.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
