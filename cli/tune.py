"""``entourage tune``: search a model's settings on a validation part."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evaluation import tuning
from evaluation.splits import How, hold_out
from graph import aside
from graph import snapshot as snapshots
from graph.settings import load_settings

__all__ = ["tune"]

_console = Console()
_SHOWN = 8


def tune(
    model: Annotated[str, typer.Argument(help="Name of the model, as `entourage evaluate` spells it.")],
    trials: Annotated[int, typer.Option(min=1, help="Settings to try, the defaults among them.")] = 30,
    seconds: Annotated[float, typer.Option(min=0, help="Begin no trial after so long; 0 for no limit.")] = 0,
    split: Annotated[How, typer.Option(help="The test part of `entourage evaluate` to stay away from.")] = How.RANDOM,
    fraction: Annotated[float, typer.Option(help="Size of that test part, between 0 and 1.")] = 0.2,
    k: Annotated[int, typer.Option(min=1, help="Settings are judged by NDCG at this cut-off.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and of the search.")] = 0,
    snapshot: Annotated[Path | None, typer.Option(help="Folder of the snapshot; else the exported one.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file that is added to; else in the home folder.")] = None,
) -> None:
    """Search a model's settings on a validation part.

    The part that `entourage evaluate` would judge by, with the same split, fraction and first seed, is put away first;
    a tenth of the rest judges the settings. The best go to a file that `entourage evaluate --settings` reads.
    """
    settings = load_settings()
    choices = tuning.space(model)
    file = out or settings.home / "tuned.json"
    known = tuning.read_settings(file) if file.exists() else {}
    whole = snapshots.load(snapshot or settings.snapshot_path)
    train = hold_out(whole, split, fraction, seed).train
    _console.print(f"Trying up to {trials} settings of {model}: {', '.join(choices)}.")
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        found = tuning.tune(
            model,
            train,
            trials=trials,
            seconds=seconds or None,
            k=k,
            seed=seed,
            progress=lambda share, what: bar.update(task, completed=share, description=what),
        )
    known[model] = found.best.settings
    with aside.file(file) as fresh:
        fresh.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    _console.print(_table(found, k))
    _console.print(f"Tried {len(found.trials)} settings in {time.monotonic() - began:.0f} s; the best are in {file}.")
    _console.print(
        f"Next: `entourage evaluate --models {model} --split {split.value} --settings {file}`, or "
        f"`entourage train --model {model} --settings {file}`."
    )


def _table(found: tuning.Found, k: int) -> Table:
    table = Table("settings", f"NDCG@{k} on validation", title=f"Settings of {found.model}", title_justify="left")
    for trial in found.trials[:_SHOWN]:
        table.add_row(_settings(trial), f"{100 * trial.score:.2f} %")
    if found.default not in found.trials[:_SHOWN]:
        table.add_row(_settings(found.default), f"{100 * found.default.score:.2f} %")
    return table


def _settings(trial: tuning.Trial) -> str:
    return ", ".join(f"{key} {value}" for key, value in trial.settings.items()) or "the defaults"
