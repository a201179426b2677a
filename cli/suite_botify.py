"""``entourage evaluate --suite botify``: models of how much of a track is heard, from play logs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table

from cli.data_folder import data_folder
from cli.progress import bars
from cli.terminal import make_console
from evaluation import off_policy, play_data, play_suite
from evaluation.off_policy import Logged
from evaluation.play_suite import Board
from evaluation.report import reached, row_label
from graph import aside
from graph import snapshot as snapshots
from graph.settings import load_settings
from recommenders.core.ndcg import Values

__all__ = ["botify"]

_console = make_console(soft_wrap=True)
_ESTIMATES: Final = {
    "IPS": off_policy.inverse_propensity,
    "SNIPS": off_policy.self_normalised,
    "DR": off_policy.doubly_robust,
}


def botify(
    data: Path | None, snapshot: Path | None, seed: int, out: Path | None, command: str, budget: float | None = None
) -> None:
    """Print the table, and write it as Markdown. Play logs come from ``data``, else from ``snapshot`` where given."""
    began = time.monotonic()
    settings = load_settings()
    where = snapshot if snapshot and not data else data or data_folder() / "botify"
    whole = snapshots.load(where) if where == snapshot else play_data.read(where, _left_out)
    with bars(_console) as bar:
        board = play_suite.run(whole, seed=seed, budget=budget, progress=bar)
    folder = out or settings.home / "evaluation" / "botify"
    with aside.file(folder / "leaderboard.md") as file:
        file.write_text(markdown(board, command), encoding="utf-8")
    _console.print(_caption(board))
    if board.told:
        _console.print(f"Users and tracks, of the sessions learned from: {board.told}")
    _console.print(_table(board))
    if capped := reached(_capped(board)):
        _console.print(f"[yellow]{escape(capped)}[/]")
    for name, why in board.left_out.items():
        _console.print(f"[yellow]{escape(name)} was left out:[/] {escape(why)}")
    if board.off_policy:
        _console.print(_estimates(board.off_policy))
    else:
        _console.print("These logs hold no propensities, so nothing can be estimated of other arms from them.")
    _console.print(f"Took {time.monotonic() - began:.0f} s. The same as Markdown: {folder}/leaderboard.md")
    _console.print("Next: `entourage ab FOLDER` compares the arms of the logs, `entourage train --model session`.")


def markdown(board: Board, command: str) -> str:
    """The tables with their intervals."""
    lines = ["| model | MAE | 95 % | NDCG | 95 % | s |", "|---|---:|---:|---:|---:|---:|"]
    lines += [f"| {' | '.join(cells)} |" for cells in _rows(board)]
    if board.off_policy:
        lines += ["", "| arm | IPS | SNIPS | DR | choices | effective |", "|---|---:|---:|---:|---:|---:|"]
        lines += [f"| {arm} | {' | '.join(_cells(log))} |" for arm, log in board.off_policy.items()]
    capped = reached(_capped(board))
    lines += ["", capped] if capped else []
    return f"# Shares heard\n\n{_caption(board)}\n\n```console\n$ {command}\n```\n\n" + "\n".join(lines) + "\n"


def _table(board: Board) -> Table:
    table = Table(title="Shares heard", box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("MAE", "95 %", "NDCG", "95 %", "s"):
        table.add_column(name, justify="right", no_wrap=True)
    judged = [row for row in board.rows if len(row.error)]
    best = min(judged, key=lambda row: float(row.error.mean()), default=None)
    for row, cells in zip(board.rows, _rows(board, "\n"), strict=True):
        table.add_row(*cells, style="bold" if row is best else None)
    return table


def _rows(board: Board, between: str = ", ") -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for row in board.rows:
        model = row_label(row.model, row.capped, between)
        found.append((model, *_mean(board, row.error), *_mean(board, row.ndcg), f"{row.seconds:.0f}"))
    return found


def _mean(board: Board, values: Values) -> tuple[str, str]:
    """A mean over users and its interval; dashes where nobody was judged, as where all sessions are short."""
    if not len(values):
        return "–", "–"
    low, high = board.interval(values)
    return f"{values.mean():.4f}", f"{low:.4f}–{high:.4f}"


def _capped(board: Board) -> list[str]:
    return [row.model for row in board.rows if row.capped]


def _estimates(logs: dict[str, Logged]) -> Table:
    table = Table(title="Share of the next track, estimated for each arm", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", no_wrap=True)
    for name in (*_ESTIMATES, "choices", "effective"):
        table.add_column(name, justify="right", no_wrap=True)
    for arm, log in logs.items():
        table.add_row(arm, *_cells(log))
    return table


def _cells(log: Logged) -> tuple[str, ...]:
    told = [estimate(log) for estimate in _ESTIMATES.values()]
    return *(f"{one.mean:.3f} ± {one.error:.3f}" for one in told), f"{len(log.reward):,}", f"{log.effective:.0f}"


def _caption(board: Board) -> str:
    learned, calibrated, judged = board.sessions
    return (
        f"Sessions split in time: {learned:,} are learned from, the next {calibrated:,} turn scores into shares (least "
        f"squares on 1, the user's mean and the score), the newest {judged:,} judge, with {board.plays:,} tracks that "
        "an arm chose. MAE of the share, and NDCG over the tracks heard with the share as gain; means over users. The "
        "session model's MAE knows the tracks before in the session, its NDCG the first alone."
    )


def _left_out(sentence: str) -> None:
    _console.print(f"[yellow]{escape(sentence)}[/]")
