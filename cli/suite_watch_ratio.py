"""``entourage evaluate --suite watch-ratio``: how long somebody watches a video, predicted by every model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np
from rich import box
from rich.table import Table

from cli.data_folder import data_folder
from cli.progress import bars
from cli.table_width import show
from cli.terminal import make_console
from evaluation import watch_ratio_suite
from evaluation.ratio_cosine import COSINE, hand_made
from evaluation.ratio_networks import NOTEBOOK, NOTEBOOK_SETTINGS, STAND_IN, passes_of
from evaluation.report import grid
from evaluation.watch_ratio_suite import Board, Row, interval
from graph import aside
from graph.settings import load_settings

__all__ = ["markdown", "watch_ratio"]

_console = make_console(soft_wrap=True)
_FIGURES: Final = ("MAE", "MAE, users", "RMSE", "XAUC", "HR", "Jaccard", "NDCG, notebook", "NDCG", "predicted")
_SPARE: Final = ("Jaccard", "HR", "NDCG, notebook", "predicted", "s", "MAE, users", "RMSE")
"""Columns that a narrow terminal is spared, in this order."""
_NOTEBOOK: Final = (
    "Published by the notebook on KuaiRec, not KuaiRand: MAE over users .5446, HR@50 .2693, its NDCG@50 .7194; "
    "on its random validation part MAE .61 to .66; its first attempt, the cosine: P, R and F1@50 .0479, Jaccard .0250. "
    "LightGBM with ALS factors, by a student on KuaiRec: MAE .3473, NDCG@50 .8706 (what differs: docs/watch-ratio.md)."
)


def watch_ratio(data: Path | None, seed: int, out: Path | None, command: str) -> None:
    """Print the table, and write it as Markdown."""
    began = time.monotonic()
    folder = data or data_folder() / "kuairand"
    opened = watch_ratio_suite.open_data(folder)
    _console.print(f"{opened.name}: {folder}.")
    with bars(_console) as bar:
        board = watch_ratio_suite.run(opened, seed=seed, progress=bar)
    where = out or load_settings().home / "evaluation" / "watch-ratio"
    with aside.file(where / "leaderboard.md") as file:
        file.write_text(markdown(board, command), encoding="utf-8")
    for title, rows in (("Watch ratio", board.rows), ("Ablation", board.ablation)):
        table = Table("model", *_FIGURES, "s", title=title, box=box.SIMPLE_HEAD, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            figures = [f"{row.values[name]:.4f}" for name in _FIGURES]
            table.add_row(row.model, *figures, f"{row.processor_seconds:.1f}")
        show(table, _console, _SPARE)
    _console.print(_caption(board))
    _console.print(_NOTEBOOK)
    _console.print(f"Took {time.monotonic() - began:.0f} s. With intervals: {where}/leaderboard.md")


def markdown(board: Board, command: str) -> str:
    """The table with the interval of the error over users."""
    header = ["model", *_FIGURES, "95 % of the MAE over users", "processor s"]
    parts = [
        "# Watch ratio",
        _caption(board),
        f"```console\n$ {command}\n```",
        grid(header, [*map(_cells, board.rows)]),
    ]
    if board.ablation:
        parts += ["## Ablation", grid(header, [*map(_cells, board.ablation)])]
    return "\n\n".join([*parts, _NOTEBOOK]) + "\n"


def _cells(row: Row) -> list[str]:
    low, high = interval(row)
    figures = [f"{row.values[name]:.4f}" for name in _FIGURES]
    return [row.model, *figures, f"{low:.4f}–{high:.4f}", f"{row.processor_seconds:.1f}"]


def _caption(board: Board) -> str:
    data = board.data
    missing = (
        f" Left out, since the folder has no data for them: {'; '.join(board.left_out)}." if board.left_out else ""
    )
    refused = f"{data.refused:,} rows cannot be used; `entourage import` says why. " if data.refused else ""
    in_time = (
        f"The split is not in time: {data.later:.0%} of the training rows are later than the first judged one, and "
        "features of rows, ALS, LightGBM and sequences know them. "
        if data.later
        else "Which rows are later than the judged ones is not known: they have no times. "
        if data.later is None
        else "No training row is later than a judged one. "
    )
    frozen = f"Frozen features of the file are those of days before {data.until}. " if data.frozen else ""
    untimed = int((data.test.at <= 0).sum())
    if data.frozen and untimed:
        frozen += f"{untimed:,} judged rows have no time, and some may be earlier. "
    if any(row.model in (NOTEBOOK, STAND_IN) for row in board.rows):
        passes = passes_of(NOTEBOOK_SETTINGS, len(data.train.rows))
        frozen += f"In steps of 32 the network made {passes:.2g} of the notebook's five passes. "
    if data.people is not None:
        frozen += "Features of users are those of the export, which is later than what is judged (a leak). "
    if any(row.model == COSINE for row in board.rows):
        made = hand_made(data)
        days = f", {made.of_days} of the file's days (all of them, as there: a leak)" if made.of_days else ""
        categories = f", {made.categories} categories" if made.categories else ""
        frozen += f"The cosine has {made.values.shape[1]} features: {made.of_rows} of rows{days}{categories}. "
    if data.undated:
        frozen += f"{data.undated:,} rows without a time are left out. "
    judged, chosen = data.test.rows.ratios, data.validation.rows.ratios
    constant = data.train.rows.ratios.mean()
    one = " (at one place HR, Jaccard and the notebook's NDCG are the same figure)" if data.most == 1 else ""
    return (
        f"{data.name}. {data.users:,} users, {data.videos:,} videos; {len(data.train.rows):,} rows train, "
        f"{len(data.validation.rows):,} choose, {len(data.test.rows):,} judge; {data.without:,} rows have no duration "
        f"and no ratio, and are left out. Candidates are a user's videos in the held-out part; HR and NDCG at "
        f"{data.most}, over users of two candidates and more{one}; gains of NDCG are ratios up to 2; "
        f"equal true ratios are ordered by chance. No threshold makes a ratio good or bad, and none is clipped. "
        f"True mean {judged.mean():.4f}; the training mean errs by {np.abs(judged - constant).mean():.4f} here and by "
        f"{np.abs(chosen - constant).mean():.4f} on the part that chooses: so much is the data's, and no model's. "
        f"{in_time}{refused}{frozen}Seed {board.seed}.{missing}"
    )
