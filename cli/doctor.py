"""``entourage doctor``: checks of the installation, the graph and the models, each with what to do."""

from __future__ import annotations

from collections import Counter
from typing import Final

import typer
from rich.markup import escape
from rich.table import Table

from cli.terminal import make_console
from graph.database.doctor import Verdict, examine
from graph.settings import load_settings

__all__ = ["doctor"]

_console = make_console()
_COLOURS: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def doctor() -> None:
    """Check the installation, the graph and the models.

    Exits with 1 when a check fails; warnings do not count.
    """
    table = Table("check", "", title="Entourage", title_justify="left")
    for column in ("found", "what to do"):
        table.add_column(column, overflow="fold")
    verdicts: Counter[Verdict] = Counter()
    with _console.status("Looking …") as status:
        for finding in examine(load_settings()):
            status.update(f"Looked at {finding.check} …")
            verdicts[finding.verdict] += 1
            colour = _COLOURS[finding.verdict]
            table.add_row(finding.check, f"[{colour}]{finding.verdict}[/]", escape(finding.what), escape(finding.do))
    _console.print(table)
    _console.print(", ".join(f"{verdicts[verdict]} {verdict}" for verdict in Verdict))
    if verdicts[Verdict.FAIL]:
        raise typer.Exit(1)
