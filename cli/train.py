"""``entourage train``: train a recommender on the snapshot."""

from __future__ import annotations

import json
import math
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from rich.markup import escape
from rich.table import Table

from cli.follow import Follower
from cli.progress import Log, bar
from cli.terminal import make_console
from evaluation.contenders import read_settings
from gnn import processes
from graph import schema
from graph import snapshot as snapshots
from graph.errors import SettingsError, SnapshotError
from graph.settings import load_settings
from ranking import registry
from recommenders.core.effort import Cap, Effort
from recommenders.core.options import Device, FitOptions
from recommenders.core.recommender import Recommender

__all__ = ["train"]

_console = make_console()
_DEVICES: Final = ("auto", "cpu", "cuda")


def train(
    model: Annotated[str, typer.Option(help=f"One of {', '.join(registry.NAMES)}.")] = registry.DEFAULT,
    effort: Annotated[
        Effort, typer.Option(help="How much work it gets. The same seed and effort give the same model.")
    ] = Effort.NORMAL,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Most minutes. To keep it, searches end early, the pipeline leaves models out, and models that learn "
            "in epochs or iterations stop between two of them. Models that cannot be cut (EASE, KNN, GF-CF and others) "
            "run to their end. A run that reached the limit says so; the model may then depend on the time."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for models that can use a GPU.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")] = 0,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="JSON file of settings by model, as `entourage tune` writes it.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as name=value; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for the log of a job.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on: export and train again whenever the graph has changed enough.")
    ] = False,
    changed: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="With --follow: the share of nodes and relationships added or removed."),
    ] = 0.05,
    every: Annotated[
        float, typer.Option(min=0.0, help="With --follow: minutes between two looks at the graph.")
    ] = 10.0,
) -> None:
    """Train a recommender on the exported snapshot and save it for `recommend` and `serve`.

    `pipeline`, the default, tunes every other model on a validation part and learns to rank their candidates together.
    A training that was killed continues when it is started again. Other models take settings:
    `--model gat --set layers=2`.

    `torchrun --nproc-per-node 2 .venv/bin/entourage train` divides the network's work among processes.
    """
    cap = Cap(budget)
    if device not in _DEVICES:
        raise SettingsError(f"There is no device called {device!r}.", do=f"Known ones: {', '.join(_DEVICES)}.")
    if processes.count() > 1 and not registry.kind(model).trains_together:
        raise SettingsError(f"{model} can only train in one process.", do="Start it without torchrun.")
    settings = load_settings()
    if follow:
        if processes.count() > 1:
            raise SettingsError("--follow trains in one process.", do="Start it without torchrun.")
        if not math.isfinite(every):
            raise SettingsError(f"--every is {every:g}.", do="Give a number of minutes.")
        again = partial(train, model, effort, budget, device, seed, settings_file, setting, as_json)
        state = settings.model_path(model).with_name(f"{model}.follow.json")
        Follower(settings, state, again, Log() if as_json else _say, changed=changed, minutes=every).run()
        return
    _console.quiet = as_json or processes.rank() > 0
    log = Log() if as_json and processes.rank() == 0 else None
    given = _of(model, settings_file) if settings_file else {}
    recommender = registry.make(model, **given | dict(map(_read, setting or ())))
    snapshot = snapshots.load(settings.snapshot_path)
    held = snapshot.manifest.edges[schema.HOLDS]
    if not len(snapshot.watched) and not (held and recommender.learns_from_lists):
        raise SnapshotError(
            f"The snapshot holds no watches, which {model} learns from.",
            do="Train track2vec, which learns from playlists." if held else "Import some and run `entourage export`.",
        )
    _console.print(
        f"Training {model} on {snapshot.users.count:,} users, {snapshot.contents.count:,} contents, "
        f"{len(snapshot.watched):,} watches and {len(snapshot.follows):,} follows ({snapshot.mode} mode)"
        f"{f', {held:,} entries of playlists' if held else ''}, "
        f"effort {effort.value}."
    )
    about = snapshot.manifest
    if log:
        log("training", model=model, effort=effort.value, seed=seed, cutoff=about.cutoff, **about.nodes, **about.edges)
    path = settings.model_path(model)
    checkpoint = path.with_name(f"{model}.checkpoint")
    if checkpoint.exists():
        _console.print(f"A training was interrupted: continuing from {checkpoint} if graph and settings are the same.")
    began = time.monotonic()
    with bar(_console) as progress:
        options = FitOptions(
            effort=effort,
            seed=seed,
            device=cast("Device", device),
            checkpoint=checkpoint,
            cap=cap,
            progress=log.progress if log else progress,
        )
        with processes.joined():
            recommender.fit(snapshot, options)
    if processes.rank() == 0:
        recommender.save(path)
        shutil.rmtree(checkpoint, ignore_errors=True)
    if recommender.metrics:
        _console.print(_table(recommender))
    if recommender.told:
        _console.print(escape(recommender.told))
    _console.print(f"Trained {model} in {time.monotonic() - began:.0f} s; it is in {path}.")
    if log:
        log(
            "trained",
            model=model,
            path=str(path),
            seconds=round(time.monotonic() - began, 1),
            cutoff=about.cutoff,
            capped=cap.hit,
            metrics=dict(recommender.metrics),
        )
    if cap.hit:
        minutes = "" if budget is None else f" of {budget:g} minutes"
        _console.print(
            f"[yellow]The budget{minutes} was reached[/], by this run or by "
            "a killed one that it continues. Work was left out to keep it, or took longer where it cannot be cut. The "
            "same seed may give another model."
        )
    _console.print(
        f"Next: `entourage recommend --model {model} --user ID`, or `entourage serve` once it is the one you want."
        if snapshot.users.count
        else f"Next: `entourage radio --model {model} --seed TITLE`, or `entourage complete --model {model} TITLE …`."
    )


def _say(event: str, **facts: Any) -> None:
    """A line for a terminal of what happens to ``--follow``."""
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    _console.print(escape(f"{event}: {told}"), soft_wrap=True)


def _read(setting: str) -> tuple[str, Any]:
    """Split name=value; the value is read as JSON, or kept as text if it is not JSON."""
    name, equals, text = setting.partition("=")
    if not (name and equals):
        raise SettingsError(f"--set {setting} gives nothing a value.", do="Write --set name=value.")
    try:
        return name, json.loads(text, parse_constant=str)  # NaN stays a text, which settings refuse
    except ValueError:
        return name, text


def _of(model: str, file: Path) -> dict[str, Any]:
    known = read_settings(file)
    if model not in known:
        raise SettingsError(f"{file} has no settings of {model}.", do=f"It has those of {', '.join(known) or 'none'}.")
    return known[model]


def _table(model: Recommender) -> Table:
    metrics, seconds = model.metrics, model.seconds["search"]
    table = Table("", "NDCG@20", "weight", "trials", "seconds", title="On the validation part", title_justify="left")
    for name, value in sorted(metrics["NDCG@20 on validation"].items(), key=lambda entry: entry[1]):
        style = "bold green" if name == metrics["chosen"] else None
        weight, spent, trials = metrics["weights"].get(name), seconds.get(name), metrics["trials"].get(name)
        table.add_row(
            name,
            f"{100 * value:.2f} %",
            f"{weight:.2f}" if weight else "",
            f"{trials}" if trials else "",
            f"{spent:.0f}" if spent is not None else "",
            style=style,
        )
    table.caption = f"Chosen: {metrics['chosen']}, judged by {metrics['users judged']:,} held-out users."
    return table
