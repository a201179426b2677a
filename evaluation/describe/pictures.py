"""The pictures of a report, as PNG, drawn narrow enough to be read on a phone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evaluation.describe.features import Correlation
from evaluation.describe.pages import Picture
from evaluation.describe.rows import Matrix

__all__ = ["bars", "correlated", "heat_map", "histograms", "principal", "scatters"]

_BLUE: Final = "#1f5fa8"
_RED: Final = "#d1603d"
_WIDTH: Final = 4.8
_BINS: Final = 50
_POINTS: Final = 20_000
"""Most points of a scatter plot; more are drawn from at random."""
_LETTERS: Final = 20


def _png(figure: Figure, name: str, shows: str) -> Picture:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=140)
    return Picture(name, shows, out.getvalue())


def _figure(rows: int = 1, columns: int = 1, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(_WIDTH, height * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def histograms(name: str, shows: str, drawn: Sequence[tuple[str, Matrix, bool]], line: float | None = None) -> Picture:
    """One histogram under the other: its title, its values, and whether they are counts on a logarithmic axis.

    Values above the 99.5th percentile stand in the last bar. ``line`` is drawn as a threshold.
    """
    figure, axes = _figure(len(drawn))
    for axis, (title, values, counts) in zip(axes, drawn, strict=True):
        known = values[np.isfinite(values)]
        if counts:
            known = known[known > 0]
            top = max(float(known.max(initial=1.0)), 2.0)
            axis.hist(known, bins=np.geomspace(1, top, min(_BINS, int(top) + 1)).tolist(), color=_BLUE)
            axis.set_xscale("log")
        elif len(known):
            top = float(np.quantile(known, 0.995))
            axis.hist(np.minimum(known, top), bins=_BINS, color=_BLUE)
        if line is not None:
            axis.axvline(line, color=_RED)
        axis.set_title(title, loc="left", fontsize=11)
    return _png(figure, name, shows)


def bars(name: str, shows: str, labels: Sequence[str], shares: Sequence[float]) -> Picture:
    """Shares in percent, the first at the top."""
    figure, (axis,) = _figure(height=0.8 + 0.28 * len(labels))
    axis.barh(range(len(labels)), [100 * share for share in shares][::-1], color=_BLUE)
    axis.set_yticks(range(len(labels)), [_short(label) for label in labels][::-1])
    axis.set_xlabel("%")
    return _png(figure, name, shows)


def heat_map(name: str, shows: str, labels: Sequence[str], matrix: Matrix) -> Picture:
    """Correlations between −1 and 1."""
    figure, (axis,) = _figure(height=_WIDTH - 0.2)
    shown = axis.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    places, names = range(len(labels)), [_short(label) for label in labels]
    axis.set_xticks(places, names, rotation=90, fontsize=8)
    axis.set_yticks(places, names, fontsize=8)
    if len(labels) <= 12:
        for row in places:
            for column in places:
                dark = abs(matrix[row, column]) > 0.6
                value = f"{matrix[row, column]:.1f}"
                axis.text(column, row, value, ha="center", va="center", fontsize=7, color="w" if dark else "k")
    else:
        figure.colorbar(shown, ax=axis, shrink=0.7, label="correlation")
    return _png(figure, name, shows)


def correlated(name: str, shows: str, found: Sequence[Correlation]) -> Picture:
    """Each feature's correlation, and beside it the one with duration held."""
    figure, (axis,) = _figure(height=1.1 + 0.36 * len(found))
    place = np.arange(len(found))[::-1]
    axis.barh(place + 0.2, [one.r for one in found], 0.38, color=_BLUE, label="as it is")
    if any(one.held is not None for one in found):
        axis.barh(place - 0.2, [one.held or 0.0 for one in found], 0.38, color=_RED, label="duration held")
        axis.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    axis.axvline(0, color="k", lw=0.8)
    axis.set_yticks(place, [_short(one.name) for one in found])
    return _png(figure, name, shows)


def scatters(name: str, shows: str, value: str, means: Matrix, features: dict[str, Matrix]) -> Picture:
    """The mean value of each content against each feature, on a logarithmic axis where the feature spans decades."""
    figure, axes = _figure(-(-len(features) // 2), 2, height=2.6)
    for axis in axes[len(features) :]:
        axis.remove()
    for axis, (title, feature) in zip(axes, features.items(), strict=False):
        drawn = _some(np.isfinite(feature) & np.isfinite(means))
        x = feature[drawn]
        axis.plot(x, means[drawn], ".", ms=2, alpha=0.3, color=_BLUE, rasterized=True)
        positive = x[x > 0]
        if len(positive) == len(x) and len(x) and x.max() > 100 * x.min():
            axis.set_xscale("log")
        axis.set_ylim(*_apart(0.0, float(np.quantile(means[drawn], 0.995)) * 1.05 if len(drawn) else 1.0))
        axis.set_title(_short(title), loc="left", fontsize=10)
        axis.set_ylabel(f"mean {value}", fontsize=8)
    return _png(figure, name, shows)


def principal(name: str, shows: str, value: str, points: Matrix, means: Matrix, explained: Matrix) -> Picture:
    """Contents along their first two components, coloured by their mean value; and what each component explains."""
    figure, (left, right) = _figure(2, 1, height=3.4)
    drawn = _some(np.isfinite(means))
    low, high = np.quantile(means[drawn], [0.02, 0.98]) if len(drawn) else (0.0, 1.0)
    shown = left.scatter(points[drawn, 0], points[drawn, 1], s=3, c=means[drawn], vmin=low, vmax=high, cmap="viridis")
    figure.colorbar(shown, ax=left, label=f"mean {value}")
    for axis, number in ((left.set_xlim, 0), (left.set_ylim, 1)):
        axis(*_apart(*np.quantile(points[:, number], [0.005, 0.995])))
    left.set(xlabel="first component", ylabel="second")
    places = np.arange(1, len(explained) + 1)
    right.bar(places, 100 * explained, color=_BLUE)
    right.plot(places, 100 * np.cumsum(explained), color=_RED, marker=".")
    right.set(xlabel="component", ylabel="variance explained, %", ylim=(0, 103))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _png(figure, name, shows)


def _some(mask: np.ndarray) -> np.ndarray:
    """At most `_POINTS` of the places where the mask is true, always the same ones."""
    places = np.flatnonzero(mask)
    return places if len(places) <= _POINTS else np.random.default_rng(0).choice(places, _POINTS, replace=False)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis, which must differ: in a small folder all values may be one."""
    return (low, high) if high - low > 1e-9 * max(1.0, abs(low)) else (low - 0.5, low + 0.5)


def _short(label: str) -> str:
    return label if len(label) <= _LETTERS else label[: _LETTERS - 1] + "…"
