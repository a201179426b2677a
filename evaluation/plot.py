"""The leaderboard as a picture: metric with interval, metric against cost, and metric by group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.leaderboard import Leaderboard

__all__ = ["draw"]

_COLOURS = (  # more than a leaderboard has models, as a rule
    *("#1f5fa8", "#d1603d", "#3f8f5b", "#8a5aa8", "#b8902c", "#4a9fb0", "#c2528b"),
    *("#7a7a7a", "#20242c", "#9bb83a", "#e39ab8", "#7c4a2d", "#5ad0c0", "#a3261f", "#e8b04b", "#3b3b98"),
)
_LETTER, _LINE = 5, 9
"""Width of a letter and height of a line of 8 points."""


def draw(board: Leaderboard, path: Path) -> None:
    """Write the picture to ``path`` (PNG)."""
    titles = list(dict.fromkeys(row.breakdown for row in board.groups))
    height = max(3.6, 0.34 * len(board.rows) + 1.6)
    figure = Figure(figsize=(13, height + 3.9 * bool(titles)), layout="constrained")
    rows = figure.subfigures(2 if titles else 1, 1, squeeze=False, height_ratios=[height, 3.9] if titles else None)
    upper = rows[0, 0].subplots(1, 2, width_ratios=[1.5, 1])
    _quality(board, upper[0])
    _cost(board, upper[1])
    if titles:
        lower = rows[1, 0].subplots(1, len(titles), squeeze=False)[0]
        for axes, title in zip(lower, titles, strict=True):
            _group(board, title, axes)
        handles, labels = lower[0].get_legend_handles_labels()
        rows[1, 0].legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def _colour(board: Leaderboard, model: str) -> str:
    return _COLOURS[[row.model for row in board.rows].index(model) % len(_COLOURS)]


def _quality(board: Leaderboard, axes: Axes) -> None:
    found = [row.metrics[board.lead_metric] for row in board.rows][::-1]
    names = [row.model for row in board.rows][::-1]
    means = np.array([100 * estimate.mean for estimate in found])
    low = np.array([100 * (e.low if e.low is not None else e.mean) for e in found])
    high = np.array([100 * (e.high if e.high is not None else e.mean) for e in found])
    # each user's values are averaged over splits first, so an interval may lie a hair beside the mean
    spread = np.maximum([means - low, high - means], 0.0)
    axes.barh(names, means, xerr=spread, color=[_colour(board, name) for name in names], height=0.7, capsize=2)
    for place, (mean, end) in enumerate(zip(means, high, strict=True)):
        axes.annotate(
            f"{mean:.2f}", (max(mean, end), place), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set(xlabel=f"{board.lead_metric} in %, with 95 % interval over users", xlim=(0, 1.12 * float(high.max()) or 1))
    axes.set_title(f"{board.split}: {board.users:,} users, {board.contents:,} contents", loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _cost(board: Leaderboard, axes: Axes) -> None:
    points: list[tuple[str, float, float, str]] = []
    for row in board.rows:
        x, y = max(row.fit_seconds, 1e-3), 100 * row.metrics[board.lead_metric].mean
        axes.scatter(x, y, color=_colour(board, row.model), zorder=3)
        points.append((row.model, x, y, _colour(board, row.model)))
    axes.set(xscale="log", xlabel="seconds to fit", ylabel=f"{board.lead_metric} in %")
    axes.margins(x=0.2, y=0.12)
    _label(axes, points)
    axes.set_title("Quality against cost", loc="left")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _label(axes: Axes, points: Sequence[tuple[str, float, float, str]]) -> None:
    """A name beside every point in its colour, above or below its own place where that would cover another."""
    taken: list[tuple[float, float, float]] = []
    for name, x, y, colour in sorted(points, key=lambda point: -point[2]):
        left, level = axes.transData.transform((x, y)) * 72.0 / axes.figure.dpi  # in points, the unit of fonts
        right = left + _LETTER * (len(name) + 1)
        for shift in sorted(range(-8 * _LINE, 8 * _LINE, 3), key=abs):
            if all(right < start or left > stop or abs(level + shift - at) >= _LINE for start, stop, at in taken):
                break
        taken.append((left, right, level + shift))
        axes.annotate(name, (x, y), (6, shift - 3), textcoords="offset points", fontsize=8, color=colour)


def _group(board: Leaderboard, title: str, axes: Axes) -> None:
    groups = [row for row in board.groups if row.breakdown == title]
    for row in board.rows:
        values = [100 * group.values[row.model] for group in groups]
        axes.plot(range(len(groups)), values, marker="o", ms=4, color=_colour(board, row.model), label=row.model)
    axes.set_xticks(range(len(groups)), [f"{group.group}\n({group.judged:,})" for group in groups], fontsize=8)
    axes.set_ylim(bottom=0)
    axes.set(ylabel=f"{groups[0].metric} in %")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
