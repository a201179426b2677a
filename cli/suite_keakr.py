"""``entourage evaluate --suite keakr``: the Keakr notebook's models of engagement in one table, beside the pipeline."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table

from cli.data_folder import data_folder
from cli.progress import bars
from cli.table_width import show
from cli.terminal import make_console
from evaluation import keakr_data, keakr_suite
from evaluation.keakr_data import Network
from evaluation.keakr_sample import sample
from evaluation.keakr_suite import LABELS, Board
from evaluation.report import REACHED, grid, row_label
from graph import aside
from graph.settings import load_settings
from recommenders.core.effort import Effort
from recommenders.core.options import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw", "keakr", "markdown"]

_console = make_console(soft_wrap=True)
_NETWORK: Final = 7
"""Seed of the generated network: that of `entourage demo`."""
_LEAKS: Final = (
    "Counters as exported include everything until the export, what is judged too: they leak, and their rows are no "
    "comparison. Argued is from rows as of the moment."
)
_CO_WATCHED: Final = (
    "It has no follows: the graph joins people with the twenty with whom they have most contents in common, as of the "
    "moment, and two steps are steps of it. It has no counters: as exported counts all of its lines."
)
_SPARE: Final = ("processor s", "calibration off by", "MAE, people", "95 %", "progress, commented, shared, liked")
"""Columns that a narrow terminal is spared, in this order."""
_NOT_ARGUED: Final = "A demonstration on a generated network: nothing is argued from it."


def keakr(
    data: Path | None, effort: Effort, seed: int, out: Path | None, command: str, budget: float | None = None
) -> None:
    """Print the tables, and write them as Markdown with a plot of the calibration.

    Without a folder: KuaiRand of the public data, and the demonstration's generated network.
    """
    began = time.monotonic()
    boards = []
    with bars(_console) as bar:
        for network in _networks(data, bar):
            _console.print(_caption_of(network))
            boards.append(keakr_suite.run(network, effort=effort, seed=seed, budget=budget, progress=bar))
    where = out or load_settings().home / "evaluation" / "keakr"
    with aside.files(where) as fresh:
        (fresh / "leaderboard.md").write_text(markdown(boards, command), encoding="utf-8")
        draw(boards, fresh / "calibration.png")
    for board in boards:
        for table in _tables(board):
            show(table, _console, _SPARE)
        for line in (*_notes(board.network), _fitted(board)):
            _console.print(line)
    _console.print(f"Took {time.monotonic() - began:.0f} s. With intervals: {where}/leaderboard.md")


def _networks(data: Path | None, bar: Progress) -> list[Network]:
    if data:
        return [sample(keakr_data.read(data))]
    from generator.network import generate
    from generator.sizes import DEMO

    real = keakr_data.read(data_folder() / "kuairand")
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "network", DEMO, _NETWORK, futures=0, progress=bar)
        return [real, keakr_data.read(Path(folder) / "network", "demonstration, generated")]


def markdown(boards: list[Board], command: str) -> str:
    """All tables with intervals."""
    lines = [f"# Engagement, by the Keakr notebook's models\n\n```console\n$ {command}\n```"]
    for board in boards:
        lines.append(f"\n## {board.network.name}\n\n{_caption_of(board.network)} Seed {board.seed}.\n")
        lines += [f"{note}\n" for note in (*_notes(board.network), _fitted(board))]
        for table in _tables(board):
            lines.append(f"\n### {table.title}\n")
            cells = [[str(cell) for cell in column.cells] for column in table.columns]
            header = [str(column.header) for column in table.columns]
            lines.append(grid(header, list(zip(*cells, strict=True))))
    return "\n".join(lines) + "\n\n![calibration](calibration.png)\n"


def draw(boards: list[Board], file: Path) -> None:
    """Mean predicted and mean true engagement of ten equal parts of the lines, a panel a network and counters."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    kinds = "as of the moment", "as exported"
    figure, axes = pyplot.subplots(len(boards), 2, figsize=(10, 4.5 * len(boards)), squeeze=False, sharex="row")
    for board, panels in zip(boards, axes, strict=True):
        for kind, panel in zip(kinds, panels, strict=True):
            _panel(board, kind, panel)
    figure.tight_layout()
    with aside.file(file) as fresh:
        figure.savefig(fresh, format="png", dpi=110)
    pyplot.close(figure)


def _panel(board: Board, kind: str, axes: Axes) -> None:
    shown = [row for row in board.rows if row.counters in ("", kind) and row.model != "mean"]
    for row in sorted(shown, key=lambda one: one.model):
        axes.plot(row.bins[:, 0], row.bins[:, 1], marker="o", ms=3, label=row.model)
    ends = (min(row.bins.min() for row in shown), max(row.bins.max() for row in shown))
    axes.plot(ends, ends, color="grey", lw=0.8, ls="--")
    axes.set(xlabel="predicted engagement", ylabel="true engagement")
    leaks = ", which leaks" if kind == "as exported" else ""
    axes.set_title(f"{board.network.name}: counters {kind}{leaks}", loc="left", fontsize=9)
    axes.legend(fontsize=7)


def _tables(board: Board) -> list[Table]:
    made = [_main(board), _labels(board)]
    return [*made, _finds(board)] if board.finds else made


def _main(board: Board) -> Table:
    table = _table(
        f"{board.network.name}: predicted engagement",
        "model", "counters", "NDCG@10", "95 %", "MAE", "MAE, people", "calibration off by", "processor s",
    )  # fmt: skip
    for row in board.rows:
        low, high = row.interval
        leaks = f"{row.counters} (leak)" if row.counters == "as exported" else row.counters
        figures = (row.absolute, row.error.mean(), row.off)
        capped = board.capped and row.model == f"{board.ranker}, calibrated"
        table.add_row(
            row_label(row.model, capped), leaks, f"{row.ndcg.mean():.4f}", f"{low:.4f}–{high:.4f}",
            *(f"{one:.4f}" for one in figures), f"{row.processor_seconds:.0f}",
        )  # fmt: skip
    return table


def _labels(board: Board) -> Table:
    gains = list(board.moved[0].ndcg)
    table = _table(
        f"{board.network.name}: the dense network with other weights of the label, as of the moment",
        "weights", "progress, commented, shared, liked", "Kendall's τ with as given",
        *(f"NDCG@10, gain: {gain}" for gain in gains),
    )  # fmt: skip
    for one in board.moved:
        weights = ", ".join(f"{value:g}" for value in LABELS[one.weights].model_dump().values())
        table.add_row(one.weights, weights, f"{one.tau:.3f}", *(f"{one.ndcg[gain]:.4f}" for gain in gains))
    return table


def _finds(board: Board) -> Table:
    table = _table(
        f"{board.network.name}: ten best of all contents for {board.judged:,} people",
        "model", "hits", "of these nobody within two steps had watched", "share", "share of such among all proposed",
    )  # fmt: skip
    for one in board.finds:
        share = one.far_hits / one.hits if one.hits else 0.0
        table.add_row(one.model, f"{one.hits:,}", f"{one.far_hits:,}", f"{share:.1%}", f"{one.far_share:.1%}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _notes(network: Network) -> list[str]:
    generated = [_NOT_ARGUED] if "generated" in network.name else []
    return [*generated, _LEAKS, *([] if len(network.follower) else [_CO_WATCHED])]


def _fitted(board: Board) -> str:
    """How the model of whole catalogues was fitted: otherwise than the networks beside it."""
    ended = f" ({REACHED})" if board.capped else ""
    return (
        f"{board.ranker} is fitted to the training lines alone, those of a pair folded, with little "
        f"effort{ended}. The networks' counts as of the moment, and popularity in the table of finds, "
        "know the validation lines too, once they are over."
    )


def _caption_of(network: Network) -> str:
    parts = network.parts
    left_out = f"; {network.left_out:,} that cannot be used are left out" if network.left_out else ""
    drawn = f" drawn from {network.drawn_from:,}, reached by follows" if network.drawn_from else ""
    return (
        f"{network.name}: {network.users:,} people{drawn}, {network.contents:,} contents, "
        f"{len(network.follower):,} follows. "
        f"In the order of time {len(parts.train):,} audience lines train, {len(parts.validation):,} choose and "
        f"calibrate, {len(parts.test):,} judge{left_out}."
    )
