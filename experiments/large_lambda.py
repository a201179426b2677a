"""EASE by its λ and its weight of friends on a validation part: ``python -m experiments.large_lambda --home HOME``.

The validation part is of the training part of the split ``--seed``; no test part is looked at. Prints NDCG@20 in %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.splits import random
from graph.settings import load_settings
from graph.snapshot import load
from recommenders.core.holdout import validation
from recommenders.core.ndcg import mean_ndcg
from recommenders.core.options import FitOptions
from recommenders.ease import Ease


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--values", type=float, nargs="+", default=list(Ease.space["regularisation"]))
    parser.add_argument("--friends", type=float, nargs="+", default=list(Ease.space["friends"]))
    chosen = parser.parse_args()
    snapshot = load(load_settings(home=chosen.home).snapshot_path)
    part = validation(random(snapshot, seed=chosen.seed).train, seed=chosen.seed)
    table = Table("λ", *(f"friends {friends:g}" for friends in chosen.friends), title=chosen.home.name)
    for value in chosen.values:
        cells = []
        for friends in chosen.friends:
            model = Ease(regularisation=value, friends=friends).fit(part.train, FitOptions(seed=chosen.seed))
            ids, _ = model.recommend(part.users, 20, allowed=part.allowed, held_back=part.masked)
            cells.append(f"{100 * mean_ndcg(ids, part.held_out[part.users], 20, graded=True):.3f}")
        table.add_row(f"{value:,g}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
