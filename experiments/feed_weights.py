"""NDCG@10 of the feed as it is served, by what the model weighs beside the other sources.

    python -m experiments.feed_weights --weights 2,4,8,16,1000

It uses the snapshot of the home folder and its own validation part (`recommenders.core.holdout.validation`): models
learn from the rest, and no test part is looked at. Differences are paired by person, against the list of the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.served import feeds
from evaluation.significance import bootstrap_interval
from graph.settings import Composition, load_settings
from graph.snapshot import load
from ranking import registry
from recommenders.core.effort import Effort
from recommenders.core.holdout import validation
from recommenders.core.ndcg import Values, judge, ndcg
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Ints

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="2,4,8,16,1000")
    parser.add_argument("--decays", default="1", help="comma-separated: maker_decay, each with every weight")
    parser.add_argument("--models", default="pipeline,item-knn,gat,popularity")
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    chosen = parser.parse_args()
    settings = load_settings()
    part = validation(load(chosen.snapshot or settings.snapshot_path), seed=chosen.seed).sample(chosen.users)
    held_out = part.held_out[part.users]
    table = Table("model", "weight", "maker decay", "NDCG@10, %", "less than the list, 95 %")
    for name in chosen.models.split(","):
        model = registry.make(name).fit(part.train, FitOptions(seed=chosen.seed, effort=Effort.QUICK))

        def judged(ids: Ints) -> Values:
            return 100 * ndcg(judge(ids, held_out), K)

        alone = judged(model.recommend(part.users, K)[0])
        table.add_row(name, "its list", "", f"{alone.mean():.2f}", "")
        print(name, f"{alone.mean():.2f}", flush=True)
        for decay in map(float, chosen.decays.split(",")):
            for weight in map(float, chosen.weights.split(",")):
                how = Composition(weights={"model": weight}, maker_decay=decay)
                values = judged(feeds(settings.engagement, how, model, part, K))
                low, high = bootstrap_interval(values - alone)
                difference = f"{(values - alone).mean():+.2f} ({low:+.2f} … {high:+.2f})"
                table.add_row(name, f"{weight:g}", f"{decay:g}", f"{values.mean():.2f}", difference)
                print(name, f"{weight:g}", f"{decay:g}", f"{values.mean():.2f}", difference, flush=True)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
