"""``entourage generate``: a synthetic network in the Keakr file formats."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.terminal import make_console
from generator.files import FORMATS, Format
from generator.sizes import DEMO, Sizes
from graph.errors import SettingsError

__all__ = ["generate"]

_console = make_console()


def generate(
    folder: Annotated[Path, typer.Argument(help="Folder for the files: a new one, or one that this command wrote.")],
    scale: Annotated[float, typer.Option(help="Size relative to the real network, 0.001 to 3.")] = 0.005,
    demo: Annotated[bool, typer.Option("--demo", help="The demonstration's size, small and dense.")] = False,
    users: Annotated[int | None, typer.Option(help="Number of users, instead of that of the scale.")] = None,
    keaks: Annotated[int | None, typer.Option(help="Number of keaks.")] = None,
    beats: Annotated[int | None, typer.Option(help="Number of beats.")] = None,
    follows: Annotated[int | None, typer.Option(help="Number of follows.")] = None,
    audiences: Annotated[int | None, typer.Option(help="Number of watches: rows of audiences.csv.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes the same network.")] = 7,
    packing: Annotated[str, typer.Option("--format", help="One of plain, gz, zst, parquet.")] = "plain",
    futures: Annotated[
        int | None,
        typer.Option(min=0, help="Simulated futures averaged into the ground truth; by default chosen by size."),
    ] = None,
    dirt: Annotated[bool, typer.Option("--dirt", help="Add bad rows that an import must refuse.")] = False,
    makers: Annotated[
        bool,
        typer.Option(
            "--makers/--no-makers", help="Whether keaks name their maker and beat; the published ones do not."
        ),
    ] = True,
    report: Annotated[bool, typer.Option("--report", help="Write report.md and its pictures into the folder.")] = False,
) -> None:
    """Write users, keaks, beats, followers and audiences with structure to learn, and their ground truth separately."""
    from generator.network import generate as write  # compiled code, which --help does not need

    sizes = DEMO if demo else Sizes.at(scale)
    sizes = sizes.with_(users=users, keaks=keaks, beats=beats, follows=follows, audiences=audiences)
    chosen: dict[str, Format] = {name: name for name in FORMATS}
    if packing not in chosen:
        raise SettingsError(f"There is no format {packing!r}.", do=f"Choose one of {', '.join(FORMATS)}.")
    _console.print(
        f"Writing {sizes.users:,} users, {sizes.keaks:,} keaks, {sizes.beats:,} beats, {sizes.follows:,} follows and "
        f"{sizes.audiences:,} views to [bold]{folder}[/], seed {seed}."
    )
    began = time.monotonic()
    columns = (TextColumn("{task.description:>40}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=_console) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(share: float, what: str) -> None:
            bar.update(task, completed=share, description=what)

        written = write(
            folder, sizes, seed, packing=chosen[packing], dirt=dirt, makers=makers, futures=futures, progress=show
        )
        if report:
            from generator.report import write_report

            show(1.0, "report")
            write_report(folder)
    table = Table("file", "rows")
    table.columns[1].justify = "right"
    for name, rows in written.rows.items():
        table.add_row(name, f"{rows:,}")
    _console.print(table)
    _console.print(f"{written.bytes / 1e6:,.1f} MB in {time.monotonic() - began:.1f} s.")
    _console.print(f"The ground truth: {folder / 'truth'}. Next: [bold]entourage import {folder}[/]")
