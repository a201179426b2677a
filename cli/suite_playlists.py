"""``entourage evaluate --suite playlists``: compare models of the next track and of the rest of a list."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table

from cli.data_folder import data_folder
from cli.progress import bar
from cli.terminal import make_console
from evaluation import playlist_suite
from evaluation.listening_data import heard, listed, of_snapshot
from evaluation.next_track import Titles
from evaluation.playlist_suite import Board, Row
from graph import aside
from graph import snapshot as snapshots
from graph.errors import InputError
from graph.files.playlists import holds_playlists
from graph.settings import load_settings
from recommenders.core.ndcg import Values
from recommenders.core.sequences import Sequences, first_source
from recommenders.track2vec import PUBLISHED

__all__ = ["Lists", "playlists"]

_console = make_console(soft_wrap=True)
_ALONE: Final = ", notebook", ", published"
"""Ends of the rows that are judged as where they were published."""
_NOTEBOOK: Final = "Published by the notebook on 100,000 Deezer playlists, other data: HR@10 .134, NDCG@10 .0758."


class Lists(StrEnum):
    """The lists that the suite uses."""

    PLAYLISTS = "playlists"
    PLAYS = "plays"
    WATCHES = "watches"


def playlists(
    data: Path | None, lists: Lists | None, snapshot: Path | None, seed: int, out: Path | None, command: str
) -> None:
    """Print the table, and write it as Markdown.

    ``plays`` are read from a folder of play logs, ``playlists`` from a folder of playlists as published; a folder is
    recognised. Without a folder a snapshot has all three: the given one, or the exported one for ``playlists`` and
    ``watches``. Where nothing is named, the play logs of the public data are taken.
    """
    began = time.monotonic()
    settings = load_settings()
    lists, found, titles, where = _lists(data, lists, snapshot, settings.snapshot_path)
    _console.print(f"{len(found):,} lists ({lists.value}) with {len(found.items):,} items from {where}.")
    with bar(_console) as tell:
        board = playlist_suite.run(found, titles, seed=seed, progress=tell)
    folder = out or settings.home / "evaluation" / f"playlists-{lists.value}"
    with aside.file(folder / "leaderboard.md") as file:
        file.write_text(markdown(board, command), encoding="utf-8")
    _console.print(_table(board))
    _console.print(_caption(board))
    for sentence in _shortened(board):
        _console.print(f"[yellow]{escape(sentence)}[/]")
    for label, why in board.left_out.items():
        _console.print(f"[yellow]{escape(label)} was left out:[/] {escape(why)}")
    _console.print(_NOTEBOOK)
    _console.print(f"Took {time.monotonic() - began:.0f} s. With settings and intervals: {folder}/leaderboard.md")
    _console.print("Next: `entourage train --model track2vec`, then `entourage radio --seed TITLE`.")


def markdown(board: Board, command: str) -> str:
    """The table with settings and intervals."""
    lines = [
        "# Next tracks",
        _caption(board),
        f"```console\n$ {command}\n```",
        "| model | HR@10 | NDCG@10 | 95 % | R-precision | NDCG@500 | clicks | s | settings |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in board.rows:
        low, high = row.interval("NDCG@10")
        shown = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in row.settings.items()
        )
        lines.append(
            f"| {row.model} | {_mean(row.values['HR@10'])} | {_mean(row.values['NDCG@10'])} | {low:.4f}–{high:.4f} | "
            f"{' | '.join(_completion(row))} | {row.seconds:.0f} | {shown or 'defaults'} |"
        )
    beside = _shortened(board) + [f"{label} was left out: {why}" for label, why in board.left_out.items()]
    lines += ["", *beside] if beside else []  # else Markdown would take them for rows of the table
    return "\n\n".join(lines[:3]) + "\n\n" + "\n".join(lines[3:]) + f"\n\n{_NOTEBOOK}\n"


def _table(board: Board) -> Table:
    table = Table(title="Next tracks", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("model", no_wrap=True, min_width=26)
    for name in ("HR\n@10", "NDCG\n@10", "95 %", "R-prec.", "NDCG\n@500", "clicks", "s"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, row in enumerate(board.rows):
        low, high = row.interval("NDCG@10")
        table.add_row(
            row.model,
            _mean(row.values["HR@10"]),
            _mean(row.values["NDCG@10"]),
            f"{low:.4f}–{high:.4f}",
            *_completion(row),
            f"{row.seconds:.0f}",
            style="bold" if place == 0 else None,
        )
    return table


def _caption(board: Board) -> str:
    return (
        f"{board.lists:,} lists, {board.items:,} items that occur at least twice. Next track: {board.judged:,} lists "
        f"of more than three kept items, drawn with replacement ({board.distinct:,} distinct); in "
        f"{100 * board.repeats:.1f} % of them the last item stood in the list before. "
        f"Completion (R-precision, NDCG@500, clicks): {board.hidden:,} lists hidden whole, the first half given; the "
        "notebook's and published settings are judged by next tracks alone, as there. "
        f"Settings chosen on other lists. Seed {board.seed}."
    )


def _shortened(board: Board) -> list[str]:
    alone = [row.model for row in board.rows if row.completion is None and not row.model.endswith(_ALONE)]
    return [
        f"{name} was fitted once, in one epoch, for next tracks alone: more would take too long for lists of this size."
        for name in alone
    ] + [
        f"{row.model} had {row.settings['epochs']} of its {PUBLISHED['epochs']} epochs: more would take too long for "
        "lists of this size."
        for row in board.rows
        if row.model.endswith(", published") and row.settings["epochs"] < PUBLISHED["epochs"]
    ]


def _completion(row: Row) -> tuple[str, str, str]:
    if row.completion is None:
        return "–", "–", "–"
    clicks = f"{row.completion['clicks'].mean():.2f}"
    return _mean(row.completion["R-precision"]), _mean(row.completion["NDCG@500"]), clicks


def _mean(values: Values) -> str:
    return f"{values.mean():.4f}"


def _lists(
    data: Path | None, lists: Lists | None, snapshot: Path | None, exported: Path
) -> tuple[Lists, Sequences, Titles, Path]:
    """What the lists are, the lists, what is known of their items, and where they are from."""
    if data and lists is Lists.WATCHES:
        raise InputError(
            "Watches are compared from a snapshot, not from a folder of files.",
            do=f"Leave --data out, or `entourage import {data}`, export, and name the snapshot with --snapshot.",
        )
    if data and lists is not Lists.PLAYS and holds_playlists(data):
        found, titles, ignored = listed(data)
        if ignored:
            _console.print(f"[yellow]{ignored:,} rows name no track, or stand there again: left out.[/]")
        return Lists.PLAYLISTS, found, titles, data
    if data and lists is Lists.PLAYLISTS:
        raise InputError(f"{data} holds no playlists.", do="Name another folder, or --sequences plays.")
    if not snapshot and lists in (None, Lists.PLAYS):
        folder = data or data_folder() / "botify"
        return Lists.PLAYS, *heard(folder, _left_out), folder
    whole = snapshots.load(snapshot or exported)
    lists = lists or Lists(first_source(whole))
    return lists, *of_snapshot(whole, lists.value), snapshot or exported


def _left_out(sentence: str) -> None:
    _console.print(f"[yellow]{escape(sentence)}[/]")
