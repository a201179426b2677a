"""How far the pipeline's models come with a share of its work: ``python -m experiments.search_share --home HOME``.

For every share the settings of each model but the network and a thinned EASE are searched on a validation part of the
home's snapshot (with ``--split random`` or ``time`` of its training part), with the work that the pipeline gives them
with normal effort. No test part is looked at. Prints the settings tried and the best NDCG@20 in %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.splits import random, temporal
from graph.settings import load_settings
from graph.snapshot import load
from ranking import registry
from ranking.config import CONFIG
from ranking.first_stage import NETWORK, plan
from recommenders.core.effort import Effort
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from recommenders.core.search import search


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--split", choices=("none", "random", "time"), default="none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.2, CONFIG.search_share])
    chosen = parser.parse_args()
    snapshot = load(load_settings(home=chosen.home).snapshot_path)
    if chosen.split == "random":
        snapshot = random(snapshot, seed=chosen.seed).train
    elif chosen.split == "time":
        snapshot = temporal(snapshot).train
    part = validation(snapshot, seed=chosen.seed)
    planned = plan(part.train)
    members = [one for one in planned if one.name != NETWORK and one.first is None]
    parts = sum(member.share for member in planned)
    table = Table("share of the work", "model", "settings tried", "NDCG@20 on validation", title=chosen.home.name)
    for share in chosen.shares:
        for member in members:
            options = FitOptions(effort=Effort.NORMAL, seed=chosen.seed, share=share * member.share / parts)
            best = search(registry.kind(member.name), part, options, space=member.space)
            figures = f"{share:g}", member.name, str(len(best.trials)), f"{100 * best.score:.2f}"
            table.add_row(*figures)
    Console().print(table)


if __name__ == "__main__":
    main()
