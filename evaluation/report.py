"""A leaderboard as a table on the terminal, and as a folder of JSON, Markdown and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from rich import box
from rich.table import Table

from evaluation.leaderboard import Estimate, GroupRow, Leaderboard, Row
from graph import aside

__all__ = ["REACHED", "grid", "markdown", "reached", "row_label", "table", "write"]

REACHED: Final = "--budget reached"
"""What the row of a model says whose fit reached its limit in minutes."""

#: Shown on a terminal of 80 columns, and what a wider one adds; the files have every metric.
_SHOWN: Final = ("Precision", "Recall", "NDCG", "Coverage")
_SHOWN_WIDE: Final = ("HR", *_SHOWN[:-1], "NDCG graded", "MAP", "MRR", _SHOWN[-1])
_SHORT: Final = {"Precision": "P", "Recall": "R", "NDCG graded": "graded", "Coverage": "cover"}
_IN_PERCENT: Final = ("HR", "Precision", "Recall", "NDCG", "NDCG graded", "MAP", "MRR", "Coverage")


def table(board: Leaderboard, width: int = 80) -> Table:
    """The leaderboard at its first list length, for a terminal ``width`` columns wide."""
    k = board.ks[0]
    made = Table(title=_title(board), caption=_caption(board), title_justify="left", caption_justify="left")
    made.box, made.collapse_padding, made.pad_edge = box.SIMPLE_HEAD, True, False
    made.add_column("model", no_wrap=True)
    wanted = _SHOWN if width < 110 else _SHOWN_WIDE
    measured = _metrics(board)
    names = [name for name in wanted if f"{name}@{k}" in measured]
    for name in names:
        made.add_column(f"{_SHORT.get(name, name)}\n@{k}", justify="right", no_wrap=True)
    for title in ("NDCG\n95 %", "fit\ns", "CPU\ns", "peak\nMiB"):
        made.add_column(title, justify="right", no_wrap=True)
    for place, row in enumerate(board.rows):
        cells = [_cell(name, row.metrics.get(f"{name}@{k}"), spread=name == "NDCG") for name in names]
        interval = _interval(row.metrics[board.lead_metric], 1)
        cost = (f"{row.fit_seconds:.1f}", f"{row.fit_processor_seconds:.1f}", f"{row.peak_mib:,.0f}")
        made.add_row(
            row_label(row.model, row.capped, "\n"), *cells, interval, *cost, style="bold" if place == 0 else None
        )
    return made


def markdown(board: Leaderboard, command: str = "") -> str:
    """The whole leaderboard as Markdown: a table for each list length, tests, breakdowns, and its ``command``."""
    parts = [f"# {_title(board)}", _caption(board)]
    if capped := reached([row.model for row in board.rows if row.capped]):
        parts.append(capped)
    if command:
        parts.append(f"```console\n$ {command}\n```")
    measured = _metrics(board)
    for k in board.ks:
        names = [name.removesuffix(f"@{k}") for name in measured if name.endswith(f"@{k}")]
        rows = [[_label(row), *(_cell(name, row.metrics.get(f"{name}@{k}")) for name in names)] for row in board.rows]
        parts += [f"## At {k}", grid(["model", *names], rows)]
    costs = [[_label(row), _interval(row.metrics[board.lead_metric]), *_cost(row)] for row in board.rows]
    parts += [
        "## Certainty and cost",
        grid(["model", f"95 % interval of {board.lead_metric}", "fit", "processor", "peak memory"], costs),
    ]
    if board.differences:
        tests = [
            [
                f"{d.reference} − {d.other}",
                f"{100 * d.difference:+.2f}",
                f"{100 * d.low:+.2f} … {100 * d.high:+.2f}",
                f"{d.p_value:.2g}",
            ]
            for d in board.differences
        ]
        parts += [
            f"## {board.differences[0].reference} against the others, {board.lead_metric} in points of percent",
            grid(["pair", "difference", "95 % interval", "p (paired t, Holm)"], tests),
        ]
    for title, rows_of in groupby(board.groups, key=lambda row: row.breakdown):
        parts += [f"## {title}", _groups(list(rows_of), [row.model for row in board.rows])]
    return "\n\n".join(parts) + "\n"


def row_label(model: str, capped: bool, between: str = ", ") -> str:
    """The first cell of a model's row. ``between`` of a line's end keeps the column narrow."""
    told = REACHED.replace(" ", "\n") if between == "\n" else REACHED
    return f"{model}{between}{told}" if capped else model


def reached(models: Sequence[str]) -> str:
    """The sentences under a table about the models whose fits reached their budget; empty for none."""
    if not models:
        return ""
    return (
        f"{', '.join(models)}: {REACHED}. Work was left out to keep it, or took longer where it cannot be cut; "
        "another run may give other figures."
    )


def write(board: Leaderboard, folder: Path, command: str = "") -> None:
    """Write ``leaderboard.json``, ``leaderboard.md`` and ``leaderboard.png``; other files of ``folder`` stay."""
    from evaluation.plot import draw  # matplotlib takes seconds to import

    with aside.files(folder) as fresh:
        (fresh / "leaderboard.json").write_text(board.model_dump_json(indent=1))
        (fresh / "leaderboard.md").write_text(markdown(board, command) + "\n![leaderboard](leaderboard.png)\n")
        draw(board, fresh / "leaderboard.png")


def _title(board: Leaderboard) -> str:
    return f"Leaderboard: {board.split}, {board.splits} split{'s' if board.splits > 1 else ''}"


def _caption(board: Leaderboard) -> str:
    spread = "; mean ± standard deviation between splits" if board.splits > 1 else ""
    return (
        f"{board.users:,} judged users with {board.held_out:.1f} held-out contents each, {board.contents:,} contents "
        f"all ranked, {board.train_watches:,} watches to learn from. Metrics in %{spread}."
    )


def _metrics(board: Leaderboard) -> list[str]:
    """The metrics that any row has, each once: a model whose lists are all empty lacks some, such as the novelty."""
    return list(dict.fromkeys(name for row in board.rows for name in row.metrics))


def _cell(name: str, estimate: Estimate | None, spread: bool = True) -> str:
    if estimate is None:
        return "–"
    if name in _IN_PERCENT:
        scale, digits = 100.0, 2
    else:
        scale, digits = 1.0, 3 if estimate.mean < 10 else 1
    shown = f"{scale * estimate.mean:.{digits}f}"
    return shown if estimate.sd is None or not spread else f"{shown} ± {scale * estimate.sd:.{digits}f}"


def _interval(estimate: Estimate, digits: int = 2) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{100 * estimate.low:.{digits}f} … {100 * estimate.high:.{digits}f}"


def _label(row: Row) -> str:
    return row_label(row.model, row.capped)


def _cost(row: Row) -> tuple[str, str, str]:
    return f"{row.fit_seconds:.1f} s", f"{row.fit_processor_seconds:.1f} s", f"{row.peak_mib:,.0f} MiB"


def _groups(rows: Sequence[GroupRow], models: Sequence[str]) -> str:
    header = [f"{rows[0].metric} in %", "judged", *models]
    return grid(header, [[r.group, f"{r.judged:,}", *(f"{100 * r.values[m]:.2f}" for m in models)] for r in rows])


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
