"""``entourage train``: train a recommender on the snapshot."""

from __future__ import annotations

import inspect
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evaluation.tuning import read_settings
from gnn import processes
from gnn.recommender import GraphNetwork
from graph import snapshot as snapshots
from graph.errors import SettingsError
from graph.settings import load_settings
from ranking import registry
from recommenders.baseline import Baseline
from recommenders.core.recommender import Recommender

__all__ = ["train"]

_console = Console()


def train(
    model: Annotated[str, typer.Option(help=f"One of {', '.join(registry.NAMES)}.")] = "gat",
    budget: Annotated[
        float | None,
        typer.Option(help="Minutes for everything; without it, by the size of the graph, 35 at most (55 if huge)."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for models that can use either.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn at random.")] = 0,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="JSON of settings by model, as `entourage tune` writes it.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, name=value; may stand several times.")
    ] = None,
) -> None:
    """Train a recommender on the exported snapshot and save it for `recommend` and `serve`.

    `gat` is the whole pipeline: it tunes every model on a validation part of its own, and learns to rank their
    candidates together. A training that was killed goes on when started again. Other models take settings:
    `--model gnn --set convolution=gatv2`.

    `torchrun --nproc-per-node 2 .venv/bin/entourage train` shares the network's work among processes.
    """
    if budget is not None and not budget > 0:
        raise SettingsError(f"A budget of {budget:g} minutes is none.", do="Give a positive number of minutes.")
    if device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"There is no device called {device!r}.", do="Known ones: auto, cpu, cuda.")
    if processes.count() > 1 and not registry.kind(model).trains_together:
        raise SettingsError(f"{model} trains in one process.", do="Start it without torchrun.")
    settings = load_settings()
    if processes.rank() > 0:
        _console.quiet = True
    given = _of(model, settings_file) if settings_file else {}
    recommender = _make(model, budget, device, seed, given | dict(map(_read, setting or ())))
    snapshot = snapshots.load(settings.snapshot_path)
    _console.print(
        f"Training {model} on {snapshot.users.count:,} users, {snapshot.contents.count:,} contents, "
        f"{len(snapshot.watched):,} watches and {len(snapshot.follows):,} follows ({snapshot.mode} mode)."
    )
    path = settings.model_path(model)
    checkpoint = path.with_name(f"{model}.checkpoint")
    if checkpoint.exists():
        _console.print(f"A training was broken off: going on from {checkpoint}, if it was of this graph and settings.")
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        options: dict[str, Any] = {}
        if "checkpoint" in inspect.signature(recommender.fit).parameters:
            options["checkpoint"] = checkpoint
        if isinstance(recommender, GraphNetwork):
            options["budget_s"] = None if budget is None else 60.0 * budget
        with processes.joined():
            recommender.fit(
                snapshot, lambda share, what: bar.update(task, completed=share, description=what), **options
            )
    if processes.rank() == 0:
        recommender.save(path)
        shutil.rmtree(checkpoint, ignore_errors=True)
    metrics = getattr(recommender, "metrics", {})
    if metrics:
        _console.print(_table(metrics))
    _console.print(f"Trained {model} in {time.monotonic() - began:.0f} s; it is in {path}.")
    _console.print(
        f"Next: `entourage recommend --model {model} --user ID`, or `entourage serve` once it is the one you want."
    )


def _read(setting: str) -> tuple[str, Any]:
    """A name=value as both; the value as JSON where it is any, else as the text it is."""
    name, equals, text = setting.partition("=")
    if not (name and equals):
        raise SettingsError(f"--set {setting} gives nothing a value.", do="Write --set name=value.")
    try:
        return name, json.loads(text, parse_constant=str)  # NaN is no number to choose
    except ValueError:
        return name, text


def _of(model: str, file: Path) -> dict[str, Any]:
    known = read_settings(file)
    if model not in known:
        raise SettingsError(f"{file} has no settings of {model}.", do=f"It has those of {', '.join(known) or 'none'}.")
    return known[model]


def _make(name: str, budget: float | None, device: str, seed: int, given: Mapping[str, Any]) -> Recommender:
    """The recommender, with those of the options that it knows and the settings that were ``given``."""
    known = registry.options(name)
    chosen: dict[str, Any] = {"budget_min": budget, "device": device, "seed": seed}
    if budget is not None and "budget_min" not in known and not issubclass(registry.kind(name), GraphNetwork):
        _console.print(f"[dim]{name} takes the time it takes: --budget is not used.[/]")
    made = registry.make(name, **{key: value for key, value in chosen.items() if key in known} | dict(given))
    usually = type(made)().settings if isinstance(made, Baseline) else {}  # networks look at theirs themselves
    for key, value in given.items():
        usual = usually.get(key)
        kinds = (float, int) if type(usual) is float else (type(usual),)
        if usual is not None and type(value) not in kinds:
            raise SettingsError(f"{name} cannot have {key} = {value!r}.", do=f"It usually has {usual!r}.")
    return made


def _table(metrics: dict[str, Any]) -> Table:
    table = Table("", "NDCG@20", "weight", "seconds", title="On the validation part", title_justify="left")
    weights, seconds = metrics["weights"], metrics["seconds"]["search"]
    for name, value in sorted(metrics["NDCG@20 on validation"].items(), key=lambda entry: entry[1]):
        style = "bold green" if name == metrics["chosen"] else None
        weight, spent = weights.get(name), seconds.get(name)
        table.add_row(
            name,
            f"{100 * value:.2f} %",
            f"{weight:.2f}" if weight else "",
            f"{spent:.0f}" if spent is not None else "",
            style=style,
        )
    table.caption = f"Chosen: {metrics['chosen']}, judged by {metrics['users judged']:,} held-out users."
    return table
