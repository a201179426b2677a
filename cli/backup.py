"""``entourage backup`` and ``restore``: the local graph in one file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from cli.server import shown
from cli.terminal import make_console
from graph.errors import InputError
from graph.events import Outbox
from graph.server import backup as backups
from graph.server.local_server import LocalServer
from graph.settings import load_settings

__all__ = ["backup", "restore"]

_console = make_console(soft_wrap=True)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it, e.g. graph.dump.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write the local graph to one file.

    Neo4j is stopped meanwhile, and started again if it ran.
    """
    if file.exists() and not force:
        raise InputError(f"{file} exists.", do="Name another file, or add --force.")
    begun = time.monotonic()
    with shown(_console) as report:
        size = backups.backup(LocalServer(load_settings()), file, report)
    _console.print(f"Wrote {file}: {size / 1e6:,.1f} MB in {time.monotonic() - begun:.0f} s.")
    _console.print(f"Bring it back with [bold]entourage restore {file}[/bold].")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `entourage backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the local graph by a backup.

    The present graph is deleted only once Neo4j has started on the restored one.
    """
    if not yes:
        typer.confirm(f"Replace the local graph by {file}?", abort=True)
    begun = time.monotonic()
    with shown(_console) as report:
        settings = load_settings()
        backups.restore(LocalServer(settings), file, report)
    if again := Outbox.of(settings).apply_again():
        _console.print(f"{again:,} events of the outbox are applied again by [bold]entourage serve[/bold].")
    _console.print(f"Restored {file} in {time.monotonic() - begun:.0f} s.")
    _console.print("Next: [bold]entourage status[/bold], then [bold]entourage export[/bold].")
