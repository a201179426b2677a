"""``entourage tune``: search a model's settings on a validation part."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.progress import bar
from cli.terminal import make_console
from evaluation.contenders import read_settings
from evaluation.splits import How, hold_out
from graph import aside
from graph import snapshot as snapshots
from graph.errors import SettingsError
from graph.settings import load_settings
from ranking import registry
from recommenders.core import search
from recommenders.core.effort import Effort
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions

__all__ = ["tune"]

_console = make_console()
_SHOWN = 8


def tune(
    model: Annotated[str, typer.Argument(help="Name of the model, as `entourage evaluate` spells it.")],
    effort: Annotated[Effort, typer.Option(help="How much work it gets.")] = Effort.NORMAL,
    trials: Annotated[int | None, typer.Option(min=1, help="Most settings to try, the defaults included.")] = None,
    split: Annotated[
        How, typer.Option(help="The split of `entourage evaluate` whose test part is not used.")
    ] = How.RANDOM,
    fraction: Annotated[float, typer.Option(help="Size of that test part, between 0 and 1.")] = 0.2,
    k: Annotated[int, typer.Option(min=1, help="Settings are judged by NDCG at this list length.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split and of the search.")] = 0,
    snapshot: Annotated[Path | None, typer.Option(help="Folder of the snapshot; by default the exported one.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to add the result to; by default in the home folder.")
    ] = None,
) -> None:
    """Search a model's settings on a validation part.

    The test part of `entourage evaluate` with the same split, fraction and first seed is held out first; a part of the
    rest judges the settings. The best settings go to a file that `entourage evaluate --settings` reads.
    """
    settings = load_settings()
    kind = registry.kind(model)
    if not kind.space:
        raise SettingsError(
            f"{model} has no settings to search.", do="It chooses them while it trains: `entourage train`."
        )
    file = out or settings.home / "tuned.json"
    known = read_settings(file) if file.exists() else {}
    whole = snapshots.load(snapshot or settings.snapshot_path)
    part = validation(hold_out(whole, split, fraction, seed).train, seed=seed)
    _console.print(f"Trying settings of {model}: {', '.join(kind.space)}.")
    began = time.monotonic()
    with bar(_console) as progress:
        options = FitOptions(effort=effort, seed=seed, progress=progress)
        best = search.search(kind, part, options, most=trials, k=k)
    known[model] = best.settings
    with aside.file(file) as fresh:
        fresh.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    _console.print(_table(model, best, k))
    _console.print(f"Tried {len(best.trials)} settings in {time.monotonic() - began:.0f} s; the best are in {file}.")
    _console.print(
        f"Next: `entourage evaluate --models {model} --split {split.value} --settings {file}`, or "
        f"`entourage train --model {model} --settings {file}`."
    )


def _table(model: str, best: search.Searched, k: int) -> Table:
    table = Table("settings", f"NDCG@{k} on validation", title=f"Settings of {model}", title_justify="left")
    ordered = sorted(best.trials, key=lambda trial: -trial.score)  # a stable sort keeps the start first among equals
    shown = ordered[:_SHOWN] if best.trials[0] in ordered[:_SHOWN] else [*ordered[:_SHOWN], best.trials[0]]
    for trial in shown:
        table.add_row(_settings(trial), f"{100 * trial.score:.2f} %")
    return table


def _settings(trial: search.Trial) -> str:
    return ", ".join(f"{key} {value}" for key, value in trial.settings.items()) or "the defaults"
