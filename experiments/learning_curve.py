"""How quality grows with data: every model is fitted on growing shares of one training part, with one test part.

    python -m experiments.learning_curve --snapshot FOLDER --models popularity,ease,gat --shares 0.25,0.5,1

Smaller shares are contained in larger ones. It writes ``learning_curve.json``, ``.md`` and ``.png``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import scipy.sparse as sp
import typer
from matplotlib.figure import Figure
from rich.console import Console

from evaluation import contenders, leaderboard
from evaluation.splits import How, hold_out
from graph import aside
from graph import snapshot as snapshots
from recommenders.core.holdout import Holdout

console = Console()


def thinned(split: Holdout, share: float, seed: int = 0) -> Holdout:
    """The same test part with a random ``share`` of the training watches; smaller shares are contained in larger ones.

    Watches that are left out are not ranked: recommended, they would count as wrong and make smaller shares harder.
    """
    watched = split.train.watched
    chosen = np.random.default_rng(seed).random(len(watched)) < share
    left_out = split.train.with_edges(watched.keep(~chosen)).interactions()
    masked = left_out if split.masked is None else sp.csr_array(left_out + split.masked)
    train = split.train.with_edges(watched.keep(chosen))
    return replace(split, train=train, masked=masked, name=f"{split.name}, {share:.0%} of training")


def curve(
    models: list[str], split: Holdout, shares: list[float], k: int = 10, searched: bool = False
) -> dict[str, list[tuple[int, float]]]:
    """Model → (training watches, NDCG@k) for every share."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in models}
    for share in shares:
        part = thinned(split, share)
        board = leaderboard.evaluate(contenders.named(models, searched=searched), [part], ks=(k,))
        for row in board.rows:
            found[row.model].append((board.train_watches, row.metrics[board.lead_metric].mean))
            console.print(f"{part.name}: {row.model} {100 * found[row.model][-1][1]:.2f} % in {row.fit_seconds:.0f} s")
    return found


def write(found: dict[str, list[tuple[int, float]]], folder: Path, k: int) -> None:
    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.subplots()
    lines = ["| model | " + " | ".join(f"{watches:,}" for watches, _ in next(iter(found.values()))) + " |"]
    lines.append("| --- |" + " ---: |" * len(next(iter(found.values()))))
    for model, points in found.items():
        axes.plot([watches for watches, _ in points], [100 * score for _, score in points], marker="o", label=model)
        lines.append(f"| {model} | " + " | ".join(f"{100 * score:.2f}" for _, score in points) + " |")
    axes.set(xscale="log", xlabel="watches to learn from", ylabel=f"NDCG@{k} in %")
    ticks = [watches for watches, _ in next(iter(found.values()))]
    axes.set_xticks(ticks, [f"{watches:,}" for watches in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with aside.folder(folder) as fresh:
        (fresh / "learning_curve.json").write_text(json.dumps(found, indent=1))
        (fresh / "learning_curve.md").write_text(f"NDCG@{k} in % by training watches\n\n" + "\n".join(lines) + "\n")
        figure.savefig(fresh / "learning_curve.png", dpi=120)


def main(
    snapshot: Annotated[Path, typer.Option(help="Folder of the snapshot.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("learning-curve"),
    models: Annotated[
        str, typer.Option(help="Comma-separated names.")
    ] = "popularity,friends-items,item-knn,ease,pipeline",
    shares: Annotated[str, typer.Option(help="Comma-separated shares of the training part.")] = "0.1,0.25,0.5,1",
    split: Annotated[How, typer.Option(help="How the test part is held out.")] = How.RANDOM,
    fraction: Annotated[float, typer.Option(help="Size of the test part.")] = 0.2,
    users: Annotated[int, typer.Option(help="Judge only so many users; 0 judges all.")] = 0,
    k: Annotated[int, typer.Option(help="List length of NDCG.")] = 10,
    search: Annotated[bool, typer.Option(help="As in `entourage evaluate`.")] = False,
) -> None:
    """Fit models on growing shares of the training part."""
    made = hold_out(snapshots.load(snapshot), split, fraction)
    made = made.sample(users) if users else made
    found = curve(models.split(","), made, [float(share) for share in shares.split(",")], k, search)
    write(found, out, k)
    console.print(f"Written to {out}.")


if __name__ == "__main__":
    typer.run(main)
