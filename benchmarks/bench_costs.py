"""Whether a fit costs what the search counts for it: estimated and measured seconds of every model.

    python -m benchmarks.bench_costs --home .entourage/demo --models ease,als

Uses the snapshot of the home, a validation part of it, and each model's default settings; no Neo4j. The first fit of
each model compiles and is not counted. Run it on two cores with nothing else running. `recommenders/core/costs.py`
holds the constants.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from graph.settings import load_settings
from graph.snapshot import load
from ranking import registry
from recommenders.core.effort import Effort
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from recommenders.core.search import judging_cost, score

MODELS = "friends-items,item-knn,user-knn,als,bpr,gf-cf,ease,user-ease"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--models", default=MODELS)
    chosen = parser.parse_args()
    settings = load_settings(**({"home": chosen.home} if chosen.home else {}))
    part = validation(load(settings.snapshot_path), seed=0)
    sizes = (
        f"{part.train.users.count:,} users, {part.train.contents.count:,} contents, {len(part.train.watched):,} watches"
    )
    table = Table("model", "fit, estimated s", "measured s", "judging, estimated s", "measured s", title=sizes)
    for name in chosen.models.split(","):
        options = FitOptions(effort=Effort.QUICK)
        score(registry.make(name).fit(part.train, options), part)
        began = time.monotonic()
        model = registry.make(name).fit(part.train, options)
        middle = time.monotonic()
        score(model, part)
        ended = time.monotonic()
        estimated = model.cost(part.train), judging_cost(part)
        measured = middle - began, ended - middle
        table.add_row(name, *(f"{seconds:.2f}" for pair in zip(estimated, measured, strict=True) for seconds in pair))
    Console().print(table)


if __name__ == "__main__":
    main()
