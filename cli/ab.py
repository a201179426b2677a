"""``entourage ab``: what the treatments of A/B tests did, from play logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from cli.terminal import make_console
from evaluation import play_data
from evaluation.ab_tests import METRICS, SUSPICIOUS, Effect, Experiment, experiments
from graph.errors import InputError, SettingsError
from graph.settings import load_settings
from recommend.player import FOLDER

__all__ = ["ab"]

_console: Final = make_console(soft_wrap=True)


def ab(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of play logs; by default the player's own logs in the home.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="Treatment that the others are compared with; default C.")] = None,
    shares: Annotated[
        str | None, typer.Option(help="Users each treatment should have, such as C=1,T1=1; else the same for each.")
    ] = None,
) -> None:
    """Compare the treatments of every experiment in play logs, by user, because users are assigned to treatments."""
    logs = folder or load_settings().home / FOLDER / "logs"
    if not logs.is_dir():
        raise InputError(f"{logs} is not a folder.", do="Name a folder of play logs.")
    plays = play_data.plays(logs, lambda sentence: _console.print(f"[yellow]{escape(sentence)}[/]"))
    found = experiments(plays, control, _shares(shares))
    if not found:
        raise InputError(f"The logs of {logs} name no experiment.", do="Lines need the field experiments.")
    for one in found:
        _show(one)
    _console.print(
        "Shares and tracks are means over sessions, ms is the latency of a request. What differs, over users:"
    )
    for one in found:
        if not one.effects:
            _console.print(f"  {escape(one.name)}: nothing to compare, all users had one treatment.")
        for effect in one.effects:
            _console.print(f"  {escape(one.name)}: {_sentence(effect, one.control)}")


def _show(one: Experiment) -> None:
    table = Table(title=f"{escape(one.name)}", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("treatment", no_wrap=True)
    for name in ("users", "sessions", "requests", *METRICS, "ms", "p95 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for arm in one.arms:
        counts = (f"{arm.users:,}", f"{arm.sessions:,}", f"{arm.requests:,}")
        means = (f"{arm.shares:.3f}", f"{arm.tracks:.3f}", f"{arm.latency_ms:.2f}", f"{arm.latency_p95_ms:.2f}")
        table.add_row(escape(arm.treatment), *counts, *means)
    _console.print(table)
    fair = "[red]the split is not as it should be[/]" if one.sample_ratio_p < SUSPICIOUS else "as it should be"
    _console.print(f"Users by treatment: {fair} (sample-ratio check, p = {one.sample_ratio_p:.3g}).")
    if one.in_several:
        _console.print(f"[yellow]{one.in_several:,} users had several treatments:[/] left out.")


def _sentence(effect: Effect, control: str) -> str:
    percent, low, high = effect.percent()
    told = f"{percent:+.1f} % ({low:+.1f} … {high:+.1f}), p = {effect.p_value:.2g}"
    what = METRICS[effect.metric]
    verb = "[bold]differs[/]" if effect.differs else "does not differ"
    return f"{escape(effect.treatment)} {verb} from {escape(control)} in {what}: {told}."


def _shares(text: str | None) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in (text or "").split(",") if part.strip()]
        found = {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        found = {"": -1.0}
    if any(not 0.0 < value < float("inf") for value in found.values()):
        raise SettingsError(f"--shares {text!r} gives no shares.", do="Write it like C=1,T1=1.")
    return found
