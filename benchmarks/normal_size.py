"""Files of the size for which `entourage train` is limited: 20,000 users, 50,000 contents and 730,000 links.

    python -m benchmarks.normal_size FOLDER
    entourage import --pairs FOLDER/watches.csv --friends FOLDER/follows.csv && entourage export
    /usr/bin/time -v entourage train

Everybody has one of 200 random tastes, watches mostly what belongs to it and follows mostly people of the same taste.
What these files cost is measured; how well a model does on them says nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

USERS: Final = 20_000
CONTENTS: Final = 50_000
WATCHES: Final = 450_000
FOLLOWS: Final = 280_000
TASTES: Final = 200
OWN: Final = 0.8
"""Share of the links that stay within one's taste."""


def links(rng: np.random.Generator, number: int, targets: int) -> np.ndarray:
    """``number`` distinct pairs of a user and a target, never of one and the same number where both are users.

    Some users and targets have many more links than others (a lognormal spread). Everybody's taste is the remainder of
    their number by `TASTES`.
    """
    weight = [rng.lognormal(0.0, 1.0, side) for side in (USERS, targets)]
    found = np.empty((0, 2), dtype=np.int64)
    while len(found) < number:
        users = rng.choice(USERS, 2 * number, p=weight[0] / weight[0].sum())
        anywhere = rng.choice(targets, 2 * number, p=weight[1] / weight[1].sum())
        within = anywhere - anywhere % TASTES + users % TASTES
        chosen = np.where((rng.random(2 * number) < OWN) & (within < targets), within, anywhere)
        pairs = np.stack([users, chosen], 1)
        if targets == USERS:
            pairs = pairs[users != chosen]
        found = np.unique(np.concatenate([found, pairs]), axis=0)
    return rng.permutation(found)[:number]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, target, number, targets in (
        ("watches", "item", WATCHES, CONTENTS),
        ("follows", "friend", FOLLOWS, USERS),
    ):
        pairs = links(rng, number, targets)
        pl.DataFrame({"user": pairs[:, 0], target: pairs[:, 1]}).write_csv(chosen.folder / f"{name}.csv")
        print(f"{name}.csv: {len(pairs):,} of {len(np.unique(pairs[:, 0])):,} users")


if __name__ == "__main__":
    main()
