"""NDCG@10 of the graph network after a number of steps, for each of several settings.

    python -m experiments.steps --steps 25,50,100 '{"init": "random"}' '{"init": "spectral"}'

It uses the snapshot of the home folder and judges by the network's own validation part (`recommenders.core.holdout`),
on 4,000 users at most. ``--large`` gives the network the size that it has in a large graph.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gnn.config import GnnConfig
from gnn.cost import smaller
from gnn.fitting import make_trainer
from gnn.validation import ndcg_at_10, sampled
from graph.settings import load_settings
from graph.snapshot import load
from recommenders.core.holdout import validation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", help="JSON of settings that differ from gnn/config.py")
    parser.add_argument("--steps", default="25,50,100", help="comma-separated numbers of steps to judge after")
    parser.add_argument("--large", action="store_true", help="use the defaults of a large graph")
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    chosen = parser.parse_args()
    marks = sorted(int(steps) for steps in chosen.steps.split(","))
    part = sampled(validation(load(chosen.snapshot or load_settings().snapshot_path)))
    rest = part.train
    seen = rest.interactions()
    rows: dict[str, list[str]] = {}
    for told in chosen.settings:
        config = GnnConfig.model_validate((smaller(part.train) if chosen.large else {}) | json.loads(told))
        run = make_trainer(config, rest)
        began = time.perf_counter()
        run.place_ids()
        start_s, step_s = time.perf_counter() - began, 0.0
        for mark in (0, *marks):
            began = time.perf_counter()
            while run.steps < mark:
                run.step(run.batches.users_of(run.steps))
            step_s += time.perf_counter() - began
            users, contents, _ = run.embed()
            found = 100 * ndcg_at_10(users, contents, run.bias, seen, part)
            rows.setdefault(f"NDCG@10 after {mark} steps, %", []).append(f"{found:.2f}")
            print(f"{told} after {mark} steps: {found:.2f}", flush=True)
        rows.setdefault("steps a pass", []).append(str(run.batches.steps_per_pass))
        rows.setdefault("seconds to place ids", []).append(f"{start_s:.1f}")
        rows.setdefault("seconds a step", []).append(f"{step_s / max(marks):.2f}")
    table = Table("", *chosen.settings)
    for name, values in rows.items():
        table.add_row(name, *values)
    Console().print(table)


if __name__ == "__main__":
    main()
