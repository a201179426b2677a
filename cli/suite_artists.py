"""``entourage evaluate --suite artists``: whose listeners an artist shares, predicted by every model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich import box
from rich.table import Table

from cli.data_folder import data_folder
from cli.progress import bars
from cli.table_width import show
from cli.terminal import make_console
from evaluation import artist_suite
from evaluation.artist_data import open_data
from evaluation.artist_suite import FIGURES, Board
from evaluation.report import grid
from graph import aside
from graph.settings import load_settings

__all__ = ["artists", "markdown"]

_console = make_console(soft_wrap=True)
_NOTEBOOK: Final = "The notebook died at its evaluation, so it published no figure."


def artists(data: Path | None, seed: int, out: Path | None, command: str) -> None:
    """Print the tables, and write them as Markdown."""
    began = time.monotonic()
    folder = data or data_folder() / "lastfm"
    listens = open_data(folder)
    _console.print(f"{listens.name}: {folder}.")
    with bars(_console) as bar:
        board = artist_suite.run(listens, seed=seed, progress=bar)
    where = out or load_settings().home / "evaluation" / "artists"
    with aside.file(where / "leaderboard.md") as file:
        file.write_text(markdown(board, command), encoding="utf-8")
    table = Table("model", *FIGURES, "s", title="Artists' profiles", box=box.SIMPLE_HEAD, pad_edge=False)
    faults = Table("fault put back", "MAP@10", "NDCG@20", title="Faults of the notebook, one by one",
                   box=box.SIMPLE_HEAD, pad_edge=False)  # fmt: skip
    for one in (table, faults):
        for column in one.columns[1:]:
            column.justify = "right"
    for row in board.rows:
        table.add_row(row.model, *(f"{row.values[name].mean():.4f}" for name in FIGURES),
                      f"{row.processor_seconds:.0f}")  # fmt: skip
    for fault in board.faults:
        faults.add_row(fault.name, f"{fault.average_precision:.4f}", f"{fault.ndcg:.4f}")
    show(table, _console, ("MAP@5", "s", "MAP@20"))
    show(faults, _console)
    _console.print(_caption(board))
    _console.print(_NOTEBOOK)
    _console.print(f"Took {time.monotonic() - began:.0f} s. What was chosen, and intervals: {where}/leaderboard.md")


def markdown(board: Board, command: str) -> str:
    """All tables: models, faults, and what the validation artists chose."""
    lines = [f"# Artists' profiles\n\n{_caption(board)}\n\n```console\n$ {command}\n```\n"]
    lines.append(
        grid(
            ["model", *FIGURES, "95 % of MAP@10", "processor s", "chosen"],
            [
                [
                    row.model,
                    *(f"{row.values[name].mean():.4f}" for name in FIGURES),
                    "{:.4f}–{:.4f}".format(*row.interval),
                    f"{row.processor_seconds:.0f}",
                    ", ".join(f"{name} {value}" for name, value in row.settings.items()),
                ]
                for row in board.rows
            ],
        )
    )
    if board.faults:
        lines += ["\n## Faults of the notebook, put back one by one into its mended network\n"]
        lines.append(
            grid(
                ["fault", "MAP@10", "NDCG@20", ""],
                [[one.name, f"{one.average_precision:.4f}", f"{one.ndcg:.4f}", one.note] for one in board.faults],
            )
        )
    for name, table in board.components.items():
        within = board.spread_within.get(name, {})
        lines += [f"\n## {name}: MAP@10 on the validation artists\n"]
        lines.append(
            grid(
                ["number of clusters" if within else "components", *map(str, table)],
                [
                    ["MAP@10", *(f"{value:.4f}" for value in table.values())],
                    *([["squared distance to the centre", *(f"{within[one]:.4g}" for one in table)]] if within else []),
                ],
            )
        )
    if board.generated:
        count, seconds = board.generated
        lines.append(
            f"\nFor cost alone: the notebook's pass over three generated matrices of 64 numbers for {count:,} artists "
            f"takes {seconds:.1f} s of the processor."
        )
    return "\n".join(lines) + f"\n\n{_NOTEBOOK}\n"


def _caption(board: Board) -> str:
    data = board.data
    halves = data.first.shape[0], data.second.shape[0]
    told = f" {board.targets_told}" if board.targets_told else ""
    return (
        f"{data.listens.name}. Vectors from {halves[0]:,} listeners, targets and what is held out from the other "
        f"{halves[1]:,}. "
        f"Of the artists with a listener in both halves {len(data.train):,} train, {len(data.validation):,} choose, "
        f"{len(data.test):,} judge. Ranked are the {len(data.columns):,} artists of the most listeners that "
        f"are not held out; what is held out for an artist is every other artist with a listener in common, on average "
        f"{board.held_out:,.0f}. Gains of the NDCG are shares of listeners in common. Seed {data.seed}.{told}"
    )
